//! The ledger of what the kernel does and our packet model cannot say: each class with what it predicts, a witness, and a
//! test that fails when the difference is no longer there.
//!
//! A class is a view of a packet: the headers as that kernel finds them. A difference is explained only when the rule,
//! evaluated on this view, comes to what the kernel did.

use crate::matrix_nftables::hook;
use crate::rig::{Place, headers, kernel, read};
use flowgate::dialect::ReadOptions;
use flowgate::engine::kernel::{Devices, Gates, Hook, Kernel, Way};
use flowgate::eval::{Truth, evaluate};
use flowgate::field::{FIELDS, Field, Headers, Layer, Reading, ext};
use flowgate::packet::decode_ip;

/// The classes; all of Linux 6.18 with nft 1.0.6 and iptables 1.8.9.
pub(crate) const OPTIONS: &str = "options that the kernel finds fault with are not there";
pub(crate) const NEXT: &str = "mobility, host identity and Shim6 are protocols of later fragments";
pub(crate) const BEHIND: &str = "extension headers behind mobility, host identity and Shim6 are not found";
pub(crate) const SHORT: &str = "an extension header cut short is one";

pub(crate) const ZERO: &str = "a hop-by-hop header behind a payload length of 0 has a payload";

pub(crate) const PADDING: &str = "at ingress the padding of a frame is read as part of the packet";

/// The view of a packet by which a difference may be explained, and its class.
pub(crate) fn view(packet: &[u8], headers: &Headers) -> Option<(&'static str, Headers)> {
    let mut view = headers.clone();
    let class = match packet.first()? >> 4 {
        4 => four(packet, &mut view),
        _ => six(packet, &mut view),
    }?;
    (view != *headers).then_some((class, view))
}

/// The same where a device hands packets to rules before the stack has looked at them.
pub(crate) fn view_at_ingress(packet: &[u8], headers: &Headers) -> Option<(&'static str, Headers)> {
    let six = packet.first()? >> 4 == 6;
    let length = if six {
        40 + u16::from_be_bytes([packet[4], packet[5]])
    } else {
        u16::from_be_bytes([packet[2], packet[3]])
    };
    if usize::from(length) >= packet.len() {
        return view(packet, headers);
    }
    let mut view = headers.clone();
    to_its_end(packet, &mut view)?;
    Some((PADDING, view))
}

/// The fields of a packet that goes to the end of its octets, whatever its length says; the length stays.
fn to_its_end(packet: &[u8], view: &mut Headers) -> Option<()> {
    let mut whole = packet.to_vec();
    let (at, less) = if packet.first()? >> 4 == 6 { (4, 40) } else { (2, 0) };
    let length = u16::try_from(packet.len() - less).ok()?;
    whole.get_mut(at..at + 2)?.copy_from_slice(&length.to_be_bytes());
    let mut other = Headers::new();
    decode_ip(&whole, &mut other);
    for info in FIELDS.iter().filter(|info| info.layer != Layer::Link && info.field != Field::Len) {
        match other.get(info.field) {
            Reading::Value(value) => view.set_wide(info.field, value),
            _ => view.set_absent(info.field),
        }
    }
    Some(())
}

/// Linux 6.18, `nft_exthdr_ipv4_eval`: options are looked for by `__ip_options_compile` without a packet at hand.
fn four(packet: &[u8], view: &mut Headers) -> Option<&'static str> {
    let end = usize::from(packet[0] & 15) * 4;
    if sound_options(packet.get(20..end)?) {
        return None;
    }
    view.set(Field::IpOptions, 0);
    Some(OPTIONS)
}

fn sound_options(mut rest: &[u8]) -> bool {
    let mut seen = [0_u8; 256];
    loop {
        let (kind, length) = match *rest {
            [] | [0, ..] => return true,
            [1, ..] => {
                rest = &rest[1..];
                continue;
            }
            [kind, length, ..] if length >= 2 && usize::from(length) <= rest.len() => (kind, length),
            [..] => return false,
        };
        let (option, pointer) = (&rest[..usize::from(length)], rest.get(2).copied().unwrap_or(0));
        let again = std::mem::replace(&mut seen[usize::from(kind)], 1) == 1;
        let sound = match kind {
            // A source route that is at its first hop, and of which there is one.
            131 | 137 => {
                length >= 3
                    && pointer == 4
                    && length >= 7
                    && (length - 3) % 4 == 0
                    && seen[131] + seen[137] < 2
                    && !again
            }
            7 => !again && length >= 3 && pointer >= 4 && (pointer > length || pointer + 3 <= length),
            68 => !again && length >= 4 && pointer >= 5 && (pointer > length || pointer + 3 <= length),
            148 => option.len() >= 4,
            _ => true,
        };
        if !sound {
            return false;
        }
        rest = &rest[usize::from(length)..];
    }
}

/// Linux 6.18, `ipv6_find_hdr`.
fn six(packet: &[u8], view: &mut Headers) -> Option<&'static str> {
    let length = 40 + usize::from(u16::from_be_bytes([packet[4], packet[5]]));
    if length == 40 && packet[6] == 0 {
        // It may be a jumbogram, and the kernel leaves the octets there when it is none (`ip6_rcv_core`).
        to_its_end(packet, view)?;
        return Some(ZERO);
    }
    let packet = packet.get(..length)?;
    let has = |at: usize, octets: usize| at + octets <= packet.len();
    let (mut next, mut at) = (packet[6], 40);
    let (mut found, mut class) = (0, None);
    loop {
        let (bit, least) = match next {
            0 => (ext::HOP_BY_HOP, 2),
            43 => (ext::ROUTING, 4),
            44 => (ext::FRAGMENT, 4),
            51 => (ext::AUTHENTICATION, 2),
            60 => (ext::DESTINATION, 2),
            135 | 139 | 140 => {
                let bit = match next {
                    135 => ext::MOBILITY,
                    139 => ext::HOST_IDENTITY,
                    _ => ext::SHIM6,
                };
                class = class.or(Some(BEHIND));
                found |= bit;
                break;
            }
            _ => break,
        };
        if !has(at, least) {
            // The walk ends in an error: no protocol, and what is not there is missing.
            if found & ext::AUTHENTICATION == 0 {
                view.set_absent(Field::Proto);
            }
            class = Some(SHORT);
            break;
        }
        found |= bit;
        if next == 51 && has(at, 8) && view.small(Field::AhSpi).is_none() {
            let spi = packet[at + 4..at + 8].try_into().unwrap();
            view.set(Field::AhSpi, u32::from_be_bytes(spi));
        }
        let behind = packet[at];
        if next == 44 {
            let field = u16::from_be_bytes([packet[at + 2], packet[at + 3]]);
            if !has(at, 8) {
                class = Some(SHORT);
                view.set(Field::IsFragHeader, 1);
                view.set(Field::FragOff, u32::from(field >> 3));
                view.set(Field::Mf, u32::from(field & 1));
            }
            if field >> 3 != 0 {
                let ends = matches!(behind, 0 | 43 | 44 | 51 | 60);
                if !ends && found & ext::AUTHENTICATION == 0 {
                    view.set(Field::Proto, behind.into());
                    class = class.or(matches!(behind, 135 | 139 | 140).then_some(NEXT));
                }
                break;
            }
        }
        let size = match next {
            44 => 8,
            51 => (usize::from(packet[at + 1]) + 2) * 4,
            _ => (usize::from(packet[at + 1]) + 1) * 8,
        };
        if !has(at, size) {
            class = Some(SHORT);
        }
        (next, at) = (behind, at + size);
        if at >= packet.len()
            && class == Some(SHORT)
            && !matches!(next, 0 | 43 | 44 | 51 | 60 | 135 | 139 | 140)
        {
            view.set(Field::Proto, next.into());
        }
    }
    if found & ext::AUTHENTICATION == 0 {
        view.set_absent(Field::AhSpi);
    }
    view.set(Field::ExtHdrs, found | view.small(Field::ExtHdrs)? & ext::ESP);
    class
}

/// The same for the matches of xtables.
pub(crate) fn view_of_xtables(
    packet: &[u8],
    headers: &Headers,
    _nft: bool,
) -> Option<(&'static str, Headers)> {
    if packet.first()? >> 4 == 4 {
        return None;
    }
    view(packet, headers)
}

/// A kernel of the version that the ledger is about.
fn measured() -> Option<Kernel> {
    let kernel = kernel(&Devices::default())?;
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let nft = kernel.feed(&crate::programs::program("nft")?, &["--version"], "").unwrap();
    if release.starts_with("6.18.") && nft.contains("v1.0.6") {
        return Some(kernel);
    }
    println!("SKIPPED: the ledger is of Linux 6.18 and nft 1.0.6, this is {} {nft}", release.trim());
    None
}

/// Whether a rule matches a packet: the kernel, we, and we on the view of the ledger.
fn three(
    kernel: &mut Kernel,
    family: &str,
    rule: &str,
    packet: &[u8],
) -> (bool, Truth, Option<(&'static str, Truth)>) {
    kernel.flush().unwrap();
    let chain = format!("type filter hook {} priority -150;", hook(family));
    let text = format!(
        "table {family} m {{\nset g {{ type ether_addr . mark; flags dynamic; }}\nchain c {{ {chain}\n\
         {rule} meta mark set 1\nadd @g {{ ether saddr . meta mark }}\n}}\n}}\n"
    );
    kernel.nft(&text).unwrap();
    kernel.gates(Gates { stop: Some(Hook::Prerouting), tracked: false }).unwrap();
    let frame = kernel.frame(Way::Host, 0, packet);
    let passage = kernel.drive(Way::Host, &[packet]).unwrap();
    let mark = passage.marks("g").and_then(|marks| marks.get(&0)).copied().expect("the packet came");
    let chain = format!("type filter hook {} priority -150; policy accept;", hook(family));
    let text = format!("table {family} t {{\nchain c {{ {chain}\n{rule} accept\n}}\n}}\n");
    let document = read("nftables", &text, &ReadOptions::default()).document;
    let condition = &document.rule_sets[0].rules.conditions()[0];
    let headers = headers(&document, &frame, Place { input: Some("host0"), ..Place::default() });
    let view = if family == "netdev" { view_at_ingress } else { view };
    let seen = view(packet, &headers).map(|(class, view)| (class, evaluate(condition, &view)));
    (mark == 1, evaluate(condition, &headers), seen)
}

fn octets(hex: &str) -> Vec<u8> {
    let hex: String = hex.split_whitespace().collect();
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

const FROM_TO: &str = "20010db8000000000000000000000001 20010db8000000000000000000000002";

/// Each class with its witness: when the kernel does what we say, the entry has had its time.
#[test]
fn the_ledger_is_as_strange_as_it_says() {
    let Some(mut kernel) = measured() else { return };
    let six = |before: &str, behind: &str| octets(&format!("{before} {FROM_TO} {behind}"));
    for (class, family, rule, packet, matches) in [
        // A loose source route behind its first hop.
        (
            OPTIONS,
            "ip",
            "ip option lsrr exists",
            sound(octets("47000024 00000000 40110000 c6336401 cb007102 830708c0 00020100 9c400035 00080000")),
            false,
        ),
        (
            NEXT,
            "ip6",
            "meta l4proto 135",
            six("60000000 0010 2c40", "870005c8 00001234 3b00000000000000"),
            true,
        ),
        (
            BEHIND,
            "ip6",
            "exthdr dst exists",
            six("60000000 0018 8740", "3c00000000000000 1100010400000000 9c40003500080000"),
            false,
        ),
        (SHORT, "ip6", "frag frag-off 8", six("60000000 0004 2c40", "11000040"), true),
        (
            ZERO,
            "ip6",
            "meta l4proto 17",
            six("60000000 0000 0040", "1100010400000000 9c40003500080000"),
            true,
        ),
    ] {
        let (theirs, ours, seen) = three(&mut kernel, family, rule, &packet);
        assert_eq!(theirs, matches, "{class}: `{rule}`");
        assert_eq!(ours, Truth::from(!matches), "{class}: `{rule}` is no longer strange");
        assert_eq!(seen, Some((class, Truth::from(matches))), "{class}: `{rule}`");
    }
}

/// What nft 1.0.6 joins: two `!=` to one that holds where either value differs; two equalities to a load that is not
/// made the short way, so that it fails in later fragments.
#[test]
fn comparisons_side_by_side_are_joined() {
    let Some(mut kernel) = measured() else { return };
    let tcp =
        octets("45000028 00000000 40061338 c6336401 cb007102 0001 0005 0000000000000000 50020000 00000000");
    let (theirs, ours, _) = three(&mut kernel, "ip", "tcp sport != 1 tcp dport != 2", &sound(tcp));
    assert_eq!((theirs, ours), (true, Truth::No));
    let later = octets("4500001c 000000b9 40110000 c6336401 cb007102 0035 0035 0008 0000");
    let later = sound(later);
    let (theirs, ours, _) = three(&mut kernel, "ip", "udp dport 53 udp length 8", &later);
    assert_eq!((theirs, ours), (false, Truth::Yes));
    for alone in ["udp dport 53", "udp length 8", "udp sport 53 udp dport 53"] {
        let (theirs, ours, _) = three(&mut kernel, "ip", alone, &later);
        assert_eq!((theirs, ours), (true, Truth::Yes), "{alone}");
    }
    // A finding says so where it changes what whole packets meet.
    let text = "table ip t {\nchain c { type filter hook input priority 0; policy accept;\n\
                tcp sport != 1 tcp dport != 2 drop\n}\n}\n";
    let found = read("nftables", text, &ReadOptions::default()).diagnostics;
    assert!(found.iter().any(|d| d.check == "misleading-text" && d.message.contains("1.0.6")), "{found:?}");
}

/// An IPv4 packet with the checksum of its header.
fn sound(mut packet: Vec<u8>) -> Vec<u8> {
    packet[10..12].copy_from_slice(&[0, 0]);
    let end = usize::from(packet[0] & 15) * 4;
    let mut sum: u32 = packet[..end].chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1])).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    packet[10..12].copy_from_slice(&(!(sum as u16)).to_be_bytes());
    packet
}
