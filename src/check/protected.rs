//! The flows no drop may touch: the built-in list and the user's.

use super::Settings;
use crate::field::{Family, Field};
use crate::ir::{Condition, ValueSet, ValueSetRef};
use crate::net::{IntervalSet, Intervals};

/// A protected flow, of one family.
#[derive(Clone, Debug)]
pub(super) struct Flow {
    /// Its name in messages.
    pub(super) name: String,
    /// Its packets.
    pub(super) condition: Condition,
    /// Whether it says between which addresses it flows.
    pub(super) has_addresses: bool,
}

fn is(field: Field, value: u32) -> Condition {
    Condition::test(field, ValueSet::single(value))
}

fn any(field: Field, values: &[u32]) -> Condition {
    Condition::test(field, ValueSet::of(values.iter().copied()))
}

/// Ports that stand for those clients choose from: no system port (RFC 6335 §6), and 2016 apart. A rule that
/// drops a flow for one client port in thousands, because a service has that number, is none against the flow: who
/// drops `tcp` to port 8080 does not drop BGP.
fn clients() -> impl Iterator<Item = u32> {
    (1024..=0xffff).step_by(2016).chain([40_000])
}

fn client(field: Field) -> Condition {
    Condition::test(field, ValueSet::of(clients()))
}

/// Packets between a server at `port` and its clients, in either direction.
fn session(protocol: u32, port: u32) -> Condition {
    Condition::and([
        is(Field::Proto, protocol),
        Condition::or([
            Condition::and([is(Field::Dport, port), client(Field::Sport)]),
            Condition::and([is(Field::Sport, port), client(Field::Dport)]),
        ]),
    ])
}

/// Packets between two peers that both use `port`.
fn peers(protocol: u32, port: u32) -> Condition {
    Condition::and([is(Field::Proto, protocol), is(Field::Dport, port), is(Field::Sport, port)])
}

/// The built-in list: name, packets, and the multicast groups that also lead to the network's own routers.
fn builtin(family: Family) -> Vec<(&'static str, Condition, &'static [u128])> {
    const ALL_ROUTERS4: u128 = 0xe000_0002;
    const OSPF4: [u128; 2] = [0xe000_0005, 0xe000_0006];
    const LINK: u128 = 0xff02 << 112;
    let six = family == Family::Inet6;
    let too_big = if six {
        is(Field::Icmp6Type, 2)
    } else {
        Condition::and([is(Field::IcmpType, 3), is(Field::IcmpCode, 4)])
    };
    let too_big = Condition::and([is(Field::Proto, if six { 58 } else { 1 }), too_big]);
    // RFC 5881 §4: the source port is one of the dynamic ports.
    let dynamic = || Condition::test(Field::Sport, ValueSet::of((49_152..=0xffff).step_by(1024)));
    vec![
        // RFC 4271 §8.2.1: either side may have opened the session.
        ("BGP", session(6, 179), &[]),
        // RFC 5881 §4, RFC 5883 §5, RFC 7130 §2, RFC 7881 §3.
        (
            "BFD",
            Condition::and([
                is(Field::Proto, 17),
                any(Field::Dport, &[3784, 3785, 4784, 6784, 7784]),
                dynamic(),
            ]),
            &[],
        ),
        ("OSPF", is(Field::Proto, 89), if six { &[LINK | 5, LINK | 6] } else { &OSPF4 }),
        // RFC 5036 §3.10: hellos from port to port, sessions to it.
        (
            "LDP",
            Condition::or([peers(17, 646), session(6, 646)]),
            if six { &[LINK | 2] } else { &[ALL_ROUTERS4] },
        ),
        ("SSH", Condition::and([is(Field::Proto, 6), is(Field::Dport, 22), client(Field::Sport)]), &[]),
        // RFC 5905 §9.1: what comes from servers and peers; clients may use another port (RFC 9109).
        (
            "NTP",
            Condition::and([
                is(Field::Proto, 17),
                is(Field::Sport, 123),
                Condition::test(Field::Dport, ValueSet::of(clients().chain([123]))),
            ]),
            &[],
        ),
        ("ICMP packet too big", too_big, &[]),
    ]
}

/// Every protected flow of a family (IPv4 or IPv6) as the settings place it.
pub(super) fn flows(settings: &Settings, family: Family) -> Vec<Flow> {
    let infrastructure = infrastructure(settings, family);
    let mut list = Vec::new();
    for (name, condition, groups) in builtin(family) {
        let placed = infrastructure.as_ref().map(|own| {
            let groups = IntervalSet::from_ranges(groups.iter().map(|group| (*group, *group)));
            towards(family, own.union(&groups).view())
        });
        list.push(place(name, condition, placed));
    }
    for protected in &settings.protect {
        let own = has_addresses(&protected.condition);
        let placed = infrastructure.as_ref().filter(|_| !own).map(|own| towards(family, own.view()));
        let mut flow = place(&protected.name, protected.condition.clone(), placed);
        flow.has_addresses |= own;
        list.push(flow);
    }
    list
}

fn place(name: &str, condition: Condition, towards: Option<Condition>) -> Flow {
    let has_addresses = towards.is_some();
    // The address first: it is what tells most rules apart from the flow.
    let condition = Condition::and(towards.into_iter().chain([condition]));
    Flow { name: name.to_owned(), condition, has_addresses }
}

/// The addresses of the infrastructure of a family, where the user named any of either family.
fn infrastructure(settings: &Settings, family: Family) -> Option<IntervalSet<u128>> {
    if settings.infrastructure4.is_empty() && settings.infrastructure6.is_empty() {
        return None;
    }
    Some(if family == Family::Inet6 {
        IntervalSet::from_ranges(settings.infrastructure6.iter().map(|p| (p.first(), p.last())))
    } else {
        let wide = |p: &crate::net::Prefix4| (u128::from(p.first()), u128::from(p.last()));
        IntervalSet::from_ranges(settings.infrastructure4.iter().map(wide))
    })
}

fn towards(family: Family, addresses: Intervals<'_, u128>) -> Condition {
    if family == Family::Inet6 {
        return Condition::test(Field::Dst6, addresses.to_set());
    }
    let narrow = |x: u128| u32::try_from(x).unwrap_or(u32::MAX);
    let set = IntervalSet::from_ranges(addresses.ranges().map(|(lo, hi)| (narrow(lo), narrow(hi))));
    Condition::test(Field::Dst4, set)
}

fn has_addresses(condition: &Condition) -> bool {
    let address = |field| matches!(field, Field::Src4 | Field::Dst4 | Field::Src6 | Field::Dst6);
    condition.tests().iter().any(|test| address(test.field()))
}

/// Whether two conditions surely have no packet in common, by a look at the tests that must hold in both. Says
/// no where that takes more than a look.
pub(super) fn disjoint(a: &Condition, b: &Condition) -> bool {
    match b {
        Condition::And(parts) => parts.iter().any(|part| disjoint(a, part)),
        Condition::Or(parts) if parts.len() <= 4 => parts.iter().all(|part| disjoint(a, part)),
        Condition::Test(test) => apart(a, test.field(), test.values()),
        Condition::False => true,
        _ => false,
    }
}

/// Whether a condition demands a value of the field that is not among `values`.
fn apart(condition: &Condition, field: Field, values: ValueSetRef<'_>) -> bool {
    match condition {
        Condition::And(parts) => parts.iter().any(|part| apart(part, field, values)),
        Condition::Or(parts) => parts.iter().all(|part| apart(part, field, values)),
        Condition::False => true,
        Condition::Opaque(opaque) => apart(&opaque.over, field, values),
        Condition::Test(test) if test.field() == field => match (test.values(), values) {
            (ValueSetRef::Ranges(a), ValueSetRef::Ranges(b)) => a.intersection(b).is_empty(),
            (ValueSetRef::Wide(a), ValueSetRef::Wide(b)) => a.intersection(b).is_empty(),
            _ => false,
        },
        Condition::Test(_) | Condition::True | Condition::Not(_) => false,
    }
}
