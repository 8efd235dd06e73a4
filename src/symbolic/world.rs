//! The laws between fields: what holds for every packet that a filter can be asked about.
//!
//! A law is a condition like any other, so that the same data constrains sets of packets here and is tried on
//! decoded packets by a test. A law must never exclude a packet a router can be handed: leaving one out only
//! makes an answer less sharp, a wrong one makes it wrong. Packets that a router drops before any filter sees
//! them (RFC 1812 §5.2.2: bad version, header shorter than 20 octets, total length below the header) are not
//! packets here.

use crate::field::{Field, L4Status, ext};
use crate::ir::{Condition, ValueSet};

/// One law.
#[derive(Debug)]
pub struct Law {
    /// What it says, in words.
    pub name: &'static str,
    /// What holds for every packet.
    pub condition: Condition,
}

/// Octets behind the IP headers are counted up to here; the highest value stands for itself and all above.
const MOST_ROOM: u32 = 31;
/// IPv6 extension headers that are walked over: all but ESP, which is what the packet carries.
const WALKED: u32 = ext::ALL & !ext::ESP;
/// The next-header number of each walked header, with its bit.
const NUMBERS: [(u32, u32); 8] = [
    (0, ext::HOP_BY_HOP),
    (43, ext::ROUTING),
    (44, ext::FRAGMENT),
    (60, ext::DESTINATION),
    (51, ext::AUTHENTICATION),
    (135, ext::MOBILITY),
    (139, ext::HOST_IDENTITY),
    (140, ext::SHIM6),
];

fn is(field: Field, value: u32) -> Condition {
    Condition::test(field, ValueSet::single(value))
}

fn within(field: Field, lo: u32, hi: u32) -> Condition {
    Condition::test(field, ValueSet::range(lo, hi))
}

fn has(field: Field, bits: u32) -> Condition {
    Condition::test(field, ValueSet::bits(u128::from(bits), u128::from(bits)))
}

fn lacks(field: Field, bits: u32) -> Condition {
    Condition::test(field, ValueSet::bits(0, u128::from(bits)))
}

fn implies(when: Condition, then: Condition) -> Condition {
    Condition::or([Condition::not(when), then])
}

fn iff(a: Condition, b: Condition) -> Condition {
    Condition::and([implies(a.clone(), b.clone()), implies(b, a)])
}

fn status(status: L4Status) -> Condition {
    is(Field::L4Status, status as u32)
}

/// Every law.
pub fn laws() -> Vec<Law> {
    let (v4, v6) = (|| is(Field::IpVersion, 4), || is(Field::IpVersion, 6));
    let law = |name, condition| Law { name, condition };
    let absent = |field| Condition::not(Condition::present(field));
    vec![
        law("a packet is IPv4 or IPv6", Condition::or([v4(), v6()])),
        law(
            "an IPv4 header takes 20 octets or more (RFC 791 §3.1)",
            implies(v4(), within(Field::HdrLen, 5, 15)),
        ),
        law("an IPv4 packet is its header and what follows (RFC 791 §3.1)", implies(v4(), length4())),
        law("an IPv6 packet is its headers and what follows (RFC 8200 §3)", implies(v6(), length6())),
        law(
            "only a jumbogram has no length, by a hop-by-hop option (RFC 2675)",
            Condition::or([
                Condition::present(Field::Len),
                Condition::and([v6(), has(Field::ExtHdrs, ext::HOP_BY_HOP)]),
            ]),
        ),
        law(
            "IPv4 has its fragment fields always, IPv6 in a header",
            Condition::and([
                implies(v4(), is(Field::IsFragHeader, 1)),
                implies(v6(), iff(is(Field::IsFragHeader, 1), has(Field::ExtHdrs, ext::FRAGMENT))),
            ]),
        ),
        law(
            "without a fragment header there is no offset",
            implies(is(Field::IsFragHeader, 0), is(Field::FragOff, 0)),
        ),
        law(
            "options stand in the header (RFC 791 §3.1)",
            implies(is(Field::HdrLen, 5), is(Field::IpOptions, 0)),
        ),
        law("without extension headers the protocol is the protocol field", plain_protocol()),
        law("the first extension header is the one the fixed header names", first_header()),
        law("the transport header is where fragment, protocol and chain leave it", located()),
        law(
            "ESP is a header and a protocol (RFC 4303 §3.1)",
            implies(has(Field::ExtHdrs, ext::ESP), is(Field::Proto, 50)),
        ),
        law(
            "an authentication header is a protocol or an extension (RFC 4302 §3.1)",
            Condition::or([
                absent(Field::AhSpi),
                Condition::and([v4(), is(Field::Proto, 51)]),
                has(Field::ExtHdrs, ext::AUTHENTICATION),
            ]),
        ),
        law(
            "a GRE key is announced by its bit (RFC 2890 §2)",
            Condition::or([
                absent(Field::GreKey),
                Condition::and([has(Field::RawOctet0, 0x20), lacks(Field::RawOctet1, 7)]),
            ]),
        ),
    ]
}

/// Behind headers of `headers` octets: the length is exact while the room is counted, a bound behind that.
fn exact(headers: u32, max: u32) -> Condition {
    Condition::or((0..=MOST_ROOM).map(|room| {
        let low = headers + room;
        let high = if room == MOST_ROOM { max } else { low };
        Condition::and([is(Field::L4Room, room), within(Field::Len, low, high)])
    }))
}

fn length4() -> Condition {
    Condition::or((5..=15).map(|words| Condition::and([is(Field::HdrLen, words), exact(4 * words, 65_535)])))
}

fn length6() -> Condition {
    const MAX: u32 = 65_535 + 40;
    let walked = |count: u32| {
        let sets = (0..=ext::ALL).filter(|bits| (bits & WALKED).count_ones() == count);
        Condition::test(Field::ExtHdrs, ValueSet::of(sets))
    };
    // Each extension header takes 8 octets or more; the chain may also end in the middle of one.
    let at_least =
        |headers: u32| {
            Condition::or((0..=MOST_ROOM).map(|room| {
                Condition::and([is(Field::L4Room, room), within(Field::Len, headers + room, MAX)])
            }))
        };
    let chains =
        (1..=WALKED.count_ones()).map(|count| Condition::and([walked(count), at_least(40 + 8 * count)]));
    Condition::or(
        [
            Condition::and([walked(0), exact(40, MAX)]),
            Condition::and([
                status(L4Status::Unlocatable),
                Condition::or([within(Field::Len, 40, MAX), Condition::not(Condition::present(Field::Len))]),
            ]),
            Condition::and([
                Condition::not(Condition::present(Field::Len)),
                has(Field::ExtHdrs, ext::HOP_BY_HOP),
            ]),
        ]
        .into_iter()
        .chain(chains),
    )
}

fn plain_protocol() -> Condition {
    let same_bit = |bit: u32| {
        let (proto, field) = (Field::Proto, Field::ProtoField);
        Condition::or([
            Condition::and([has(proto, 1 << bit), has(field, 1 << bit)]),
            Condition::and([lacks(proto, 1 << bit), lacks(field, 1 << bit)]),
        ])
    };
    let plain = Condition::or([is(Field::IpVersion, 4), lacks(Field::ExtHdrs, WALKED)]);
    implies(plain, Condition::and((0..8).map(same_bit)))
}

fn first_header() -> Condition {
    let starts = NUMBERS
        .map(|(number, bit)| Condition::and([is(Field::ProtoField, number), has(Field::ExtHdrs, bit)]));
    let some_walked =
        Condition::and([Condition::present(Field::ExtHdrs), Condition::not(lacks(Field::ExtHdrs, WALKED))]);
    implies(some_walked, Condition::or(starts))
}

fn located() -> Condition {
    let v6 = || is(Field::IpVersion, 6);
    let first = || is(Field::FragOff, 0);
    let numbers = || Condition::test(Field::Proto, ValueSet::of(NUMBERS.map(|(number, _)| number)));
    Condition::and([
        // A chain breaks off inside an extension header, and what follows is not counted.
        implies(
            status(L4Status::Unlocatable),
            Condition::and([is(Field::L4Room, 0), Condition::not(lacks(Field::ExtHdrs, WALKED))]),
        ),
        iff(status(L4Status::NonFirstFragment), Condition::not(first())),
        implies(first(), iff(status(L4Status::Encrypted), is(Field::Proto, 50))),
        implies(first(), iff(status(L4Status::None), is(Field::Proto, 59))),
        implies(status(L4Status::Unlocatable), v6()),
        implies(
            first(),
            iff(status(L4Status::Unlocatable), Condition::not(Condition::present(Field::Proto))),
        ),
        // A non-first IPv4 fragment has its protocol octet; one of IPv6 may have lost it with the chain.
        Condition::or([Condition::present(Field::Proto), v6()]),
        // What the walk ends at is no extension header; in a later fragment nobody can walk on behind one, and
        // the packet has no protocol (RFC 8956 §3.3: the first next-header value that is no extension header).
        implies(v6(), Condition::not(numbers())),
    ])
}
