//! Random match conditions in nft's words.

use crate::random::Random;

/// The families of tables whose packets are IP packets.
pub(crate) const FAMILIES: [&str; 3] = ["ip", "ip6", "inet"];

/// The conditions of a rule for tables of `family`: none that nft 1.0.6 joins into something else (see `strange`).
pub(crate) fn conditions(family: &str, random: &mut Random) -> Vec<String> {
    loop {
        let list = any_conditions(family, random);
        let singles: Vec<(bool, bool)> = list.iter().filter_map(|text| single(text)).collect();
        let pair = |a: &(bool, bool), b: &(bool, bool)| a.0 == b.0 && !(a.1 && b.1);
        let joined = singles.iter().enumerate().any(|(at, a)| singles[at + 1..].iter().any(|b| pair(a, b)));
        if !joined {
            return list;
        }
    }
}

/// Whether a comparison is with one value: whether of the network header, and whether of ports for equality, which nft
/// may join.
fn single(text: &str) -> Option<(bool, bool)> {
    let words: Vec<&str> = text.split(' ').collect();
    let network = matches!(words[0], "ip" | "ip6") || words[0].starts_with("@nh");
    let ports = matches!(words.get(1), Some(&("sport" | "dport"))) && !text.contains('!');
    let flags = text.starts_with("tcp flags") && !text.contains('&') && !text.contains('/');
    let one = !text.contains(['&', '<', '>', ',', '/']) && !words.last()?.contains(['-', ':']);
    let raw = words[0].starts_with('@') && !text.contains('&');
    let header = !matches!(words[0], "meta" | "exthdr" | "frag" | "hbh" | "rt" | "dst" | "mh" | "iifname");
    (header && words.get(1) != Some(&"option") && (one || flags || raw)).then_some((network, ports))
}

fn any_conditions(family: &str, random: &mut Random) -> Vec<String> {
    let count = 1 + random.below(3);
    let mut list = Vec::new();
    // One version and one protocol for a rule: else nft refuses most of them.
    let six = match family {
        "ip" => false,
        "ip6" => true,
        _ => random.once_in(2),
    };
    let mut transport = None;
    let mut numbered = false;
    for _ in 0..count {
        list.push(match random.below(12) {
            0..=2 => network(six, random),
            3..=8 if !numbered => {
                let name = *transport.get_or_insert_with(|| protocol(six, random));
                header(name, random)
            }
            // The protocol is asked for once: else nft refuses the header.
            9 if transport.is_none() && !numbered => {
                numbered = true;
                list.insert(0, meta(family, random));
                continue;
            }
            9 => continue,
            10 if six => extension(random),
            10 => ip_option(random),
            _ => raw(random),
        });
    }
    if list.is_empty() {
        list.push(network(six, random));
    }
    list
}

fn number(max: u64, random: &mut Random) -> u64 {
    match random.below(6) {
        0 => 0,
        1 => max,
        2 => random.below(4),
        3 => 1 << random.below(64 - u64::from(max.leading_zeros())),
        _ => random.next(),
    }
    .min(max.max(1))
        % max.saturating_add(1).max(1)
}

fn pair(max: u64, random: &mut Random) -> (u64, u64) {
    let (a, b) = (number(max, random), number(max, random));
    (a.min(b), a.max(b))
}

/// A comparison of an integer.
fn integer(max: u64, random: &mut Random) -> String {
    let n = number(max, random);
    match random.below(9) {
        0 | 1 => format!("{n}"),
        2 => format!("!= {n}"),
        3 => {
            let (a, b) = pair(max, random);
            if a == b { format!("{a}") } else { format!("{a}-{b}") }
        }
        4 => {
            let (a, b) = pair(max, random);
            if a == b { format!("!= {a}") } else { format!("!= {a}-{b}") }
        }
        5 => format!("{} {n}", if n == max { "<=" } else { *random.pick(&["<=", ">="]) }),
        6 if n > 0 && n < max => format!("{} {n}", random.pick(&["<", ">"])),
        7 => format!("!= {}", set(max, random)),
        _ => set(max, random),
    }
}

/// An anonymous set without overlap.
fn set(max: u64, random: &mut Random) -> String {
    let mut bounds: Vec<u64> = (0..2 * (1 + random.below(3))).map(|_| number(max, random)).collect();
    bounds.sort_unstable();
    bounds.dedup();
    let mut items = Vec::new();
    let mut rest = bounds.into_iter();
    while let Some(a) = rest.next() {
        match (random.below(2), rest.next()) {
            (0, Some(b)) => items.push(format!("{a}-{b}")),
            (_, b) => {
                items.push(a.to_string());
                items.extend(b.map(|b| b.to_string()));
            }
        }
    }
    format!("{{ {} }}", items.join(", "))
}

/// A comparison of an integer seen through operators.
fn masked(bits: u32, random: &mut Random) -> String {
    let max = (1_u64 << bits) - 1;
    let mask = number(max, random).max(1);
    match random.below(4) {
        0 => format!("& {mask:#x} == {:#x}", number(max, random) & mask),
        1 => format!("& {mask:#x} != {:#x}", number(max, random) & mask),
        2 => {
            let other = number(max, random) & !mask & max;
            format!("& {:#x} | {other:#x} == {:#x}", mask, number(max, random) & mask | other)
        }
        _ => {
            let flip = number(max, random) & mask;
            format!("& {mask:#x} ^ {flip:#x} == {:#x}", number(max, random) & mask)
        }
    }
}

fn address4(random: &mut Random) -> String {
    let base = *random.pick(&[[198, 51, 100], [203, 0, 113], [192, 0, 2], [10, 0, 0]]);
    let [a, b, c] = base;
    format!("{a}.{b}.{c}.{}", random.below(256))
}

fn addresses4(random: &mut Random) -> String {
    match random.below(7) {
        0 => address4(random),
        1 => format!("!= {}", address4(random)),
        2 => {
            let length = 8 + random.below(24);
            format!("{}/{length}", clipped4(length, random))
        }
        3 => format!("!= 198.51.{}.0/24", random.below(256)),
        4 => format!("198.51.100.{}-203.0.113.{}", random.below(256), random.below(256)),
        5 => format!("& 0.0.{}.255 == 0.0.{}.{}", 255, random.pick(&[100, 113]), random.below(256)),
        _ => format!("{{ 10.0.0.0/8, 198.51.100.{}, 203.0.113.0/25 }}", random.below(256)),
    }
}

fn clipped4(length: u64, random: &mut Random) -> std::net::Ipv4Addr {
    let address: std::net::Ipv4Addr = address4(random).parse().unwrap();
    let mask = u32::MAX.checked_shl(32 - length as u32).unwrap_or(0);
    std::net::Ipv4Addr::from(u32::from(address) & mask)
}

fn addresses6(random: &mut Random) -> String {
    let one = |random: &mut Random| format!("2001:db8::{:x}", random.below(0x1_0000));
    match random.below(6) {
        0 => one(random),
        1 => format!("!= {}", one(random)),
        2 => format!("2001:db8:{:x}::/{}", random.below(4), random.pick(&[48, 56, 64])),
        3 => format!("2001:db8::{:x}-2001:db8::1:{:x}", random.below(65_536), random.below(65_536)),
        4 => format!("& ffff:ffff::ffff == 2001:db8::{:x}", random.below(65_536)),
        _ => format!("{{ fe80::/10, {}, 2001:db8:1::/48 }}", one(random)),
    }
}

fn network(six: bool, random: &mut Random) -> String {
    let side = *random.pick(&["saddr", "daddr"]);
    if six {
        match random.below(9) {
            0..=2 => format!("ip6 {side} {}", addresses6(random)),
            3 => format!("ip6 hoplimit {}", integer(255, random)),
            4 => format!("ip6 length {}", integer(1500, random)),
            5 => format!("ip6 dscp {}", integer(63, random)),
            6 => format!("ip6 flowlabel {}", integer(0xf_ffff, random)),
            7 => format!("ip6 nexthdr {}", no_set(&NEXT, random)),
            _ => format!("ip6 ecn {}", integer(3, random)),
        }
    } else {
        match random.below(14) {
            0..=3 => format!("ip {side} {}", addresses4(random)),
            4 => format!("ip ttl {}", integer(255, random)),
            5 => format!("ip length {}", integer(1500, random)),
            6 => format!("ip dscp {}", integer(63, random)),
            7 => format!("ip ecn {}", integer(3, random)),
            8 => format!("ip id {}", integer(65_535, random)),
            9 => format!("ip protocol {}", no_set(&PROTOCOLS, random)),
            10 => format!("ip frag-off {}", masked(16, random)),
            11 => {
                let (mask, by) =
                    *random.pick(&[(0x1fff, "!="), (0x1fff, "=="), (0x2000, "!="), (0x4000, "==")]);
                format!("ip frag-off & {mask:#x} {by} 0")
            }
            12 => format!("ip hdrlength {}", integer(15, random)),
            _ => format!("ip frag-off {}", integer(65_535, random)),
        }
    }
}

const PROTOCOLS: [u64; 12] = [0, 1, 2, 6, 17, 33, 47, 50, 51, 108, 132, 136];
const NEXT: [u64; 13] = [0, 6, 17, 43, 44, 50, 51, 58, 59, 60, 132, 135, 136];

fn numbers(list: &[u64], random: &mut Random) -> String {
    let one = *random.pick(list);
    match random.below(5) {
        0 => format!("!= {one}"),
        1 => {
            let other = *random.pick(list);
            if one == other { format!("{one}") } else { format!("{{ {one}, {other} }}") }
        }
        2 if one > 2 => format!("{} {one}", random.pick(&["<", ">"])),
        _ => format!("{one}"),
    }
}

// Sets of protocols are asked for by `meta l4proto`.
fn no_set(list: &[u64], random: &mut Random) -> String {
    loop {
        let text = numbers(list, random);
        if !text.contains('{') {
            return text;
        }
    }
}

fn protocol(six: bool, random: &mut Random) -> &'static str {
    let mut list =
        vec!["tcp", "tcp", "tcp", "udp", "udp", "th", "sctp", "dccp", "udplite", "esp", "ah", "comp"];
    list.extend(if six { ["icmpv6"; 2] } else { ["icmp", "igmp"] });
    random.pick::<&str>(&list)
}

fn ports(random: &mut Random) -> String {
    match random.below(4) {
        0 => format!("{}", random.pick(&[22, 53, 80, 443, 1024, 40_000])),
        _ => integer(65_535, random),
    }
}

fn header(name: &str, random: &mut Random) -> String {
    let side = *random.pick(&["sport", "dport", "dport"]);
    match name {
        "tcp" => match random.below(12) {
            0..=3 => format!("tcp {side} {}", ports(random)),
            4..=6 => flags(random),
            7 => format!("tcp {} {}", random.pick(&["sequence", "ackseq"]), integer(u32::MAX.into(), random)),
            8 => format!("tcp doff {}", integer(15, random)),
            9 => format!("tcp window {}", integer(65_535, random)),
            10 => format!("tcp {} {}", random.pick(&["urgptr", "checksum"]), integer(65_535, random)),
            _ => format!("tcp reserved {}", integer(15, random)),
        },
        "udp" => match random.below(6) {
            0..=3 => format!("udp {side} {}", ports(random)),
            4 => format!("udp length {}", integer(1500, random)),
            _ => format!("udp checksum {}", integer(65_535, random)),
        },
        "udplite" => match random.below(3) {
            0 => format!("udplite checksum {}", integer(65_535, random)),
            _ => format!("udplite {side} {}", ports(random)),
        },
        "th" => format!("th {side} {}", ports(random)),
        "sctp" => match random.below(4) {
            0 => format!("sctp vtag {}", integer(u32::MAX.into(), random)),
            _ => format!("sctp {side} {}", ports(random)),
        },
        "dccp" => match random.below(4) {
            0 => format!("dccp type {}", integer(9, random)),
            _ => format!("dccp {side} {}", ports(random)),
        },
        "icmp" => match random.below(8) {
            0..=2 => format!("icmp type {}", numbers(&[0, 3, 5, 8, 11, 12, 13], random)),
            3 | 4 => format!("icmp code {}", integer(15, random)),
            5 => format!("icmp id {}", integer(65_535, random)),
            6 => format!("icmp sequence {}", integer(65_535, random)),
            _ => format!("icmp {}", random.pick(&["mtu 1400", "gateway 16909060", "checksum 0"])),
        },
        "icmpv6" => match random.below(8) {
            0..=2 => format!("icmpv6 type {}", numbers(&[1, 2, 3, 128, 129, 135, 136], random)),
            3 | 4 => format!("icmpv6 code {}", integer(15, random)),
            5 => format!("icmpv6 id {}", integer(65_535, random)),
            6 => format!("icmpv6 sequence {}", integer(65_535, random)),
            _ => format!("icmpv6 {}", random.pick(&["mtu 1400", "param-problem 4"])),
        },
        "igmp" => match random.below(3) {
            0 => format!("igmp mrt {}", integer(255, random)),
            1 => format!("igmp checksum {}", integer(65_535, random)),
            _ => format!("igmp type {}", numbers(&[17, 18, 22, 34], random)),
        },
        "ah" => match random.below(4) {
            0 => format!("ah hdrlength {}", integer(255, random)),
            1 => format!("ah reserved {}", integer(65_535, random)),
            2 => format!("ah sequence {}", integer(u32::MAX.into(), random)),
            _ => format!("ah spi {}", integer(u32::MAX.into(), random)),
        },
        "esp" => format!("esp {} {}", random.pick(&["spi", "sequence"]), integer(u32::MAX.into(), random)),
        _ => match random.below(2) {
            0 => format!("comp flags {}", integer(255, random)),
            _ => format!("comp cpi {}", integer(65_535, random)),
        },
    }
}

const FLAGS: [&str; 8] = ["fin", "syn", "rst", "psh", "ack", "urg", "ecn", "cwr"];

fn some_flags(random: &mut Random) -> Vec<&'static str> {
    let bits = random.below(256) & random.next() | 1 << random.below(8);
    FLAGS.iter().enumerate().filter(|(at, _)| bits >> at & 1 == 1).map(|(_, name)| *name).collect()
}

fn flags(random: &mut Random) -> String {
    let list = some_flags(random);
    let commas = list.join(",");
    let either = list.join("|");
    match random.below(9) {
        0 => format!("tcp flags {commas}"),
        1 => format!("tcp flags == {}", list[0]),
        2 => format!("tcp flags != {}", list[0]),
        3 => format!("tcp flags ! {commas}"),
        4 => format!("tcp flags {{ {} }}", list.join(", ")),
        5 => format!("tcp flags & ({either}) == {}", list[0]),
        6 => format!("tcp flags & ({either}) != 0"),
        7 => format!("tcp flags {} / {commas}", list[0]),
        _ => format!("tcp flags & ({either}) != {}", list[0]),
    }
}

fn meta(family: &str, random: &mut Random) -> String {
    match random.below(6) {
        0 | 1 => format!("meta l4proto {}", numbers(&PROTOCOLS, random)),
        2 => format!("meta length {}", integer(1500, random)),
        3 if family == "inet" => format!("meta nfproto {}", random.pick(&["ipv4", "ipv6", "!= ipv4"])),
        3 => format!("meta l4proto {}", numbers(&NEXT, random)),
        4 => format!("meta protocol {}", random.pick(&["ip", "ip6", "!= ip", "!= ip6"])),
        _ => format!(
            "iifname {}",
            random.pick(&["host0", "\"host*\"", "eth0", "!= \"through*\"", "{ lo, host0 }"])
        ),
    }
}

fn extension(random: &mut Random) -> String {
    match random.below(12) {
        0..=2 => format!(
            "exthdr {} {}",
            random.pick(&["hbh", "rt", "frag", "dst", "mh"]),
            random.pick(&["exists", "missing"])
        ),
        3 | 4 => format!("frag frag-off {}", integer(8191, random)),
        5 => format!("frag more-fragments {}", random.below(2)),
        6 => format!("frag id {}", integer(u32::MAX.into(), random)),
        7 => format!("{} nexthdr {}", random.pick(&["hbh", "rt", "frag", "dst"]), numbers(&NEXT, random)),
        8 => format!("{} hdrlength {}", random.pick(&["hbh", "rt", "dst", "mh"]), integer(4, random)),
        9 => format!("rt type {}", integer(4, random)),
        10 => format!("rt seg-left {}", integer(2, random)),
        _ => format!("frag nexthdr {}", numbers(&NEXT, random)),
    }
}

fn ip_option(random: &mut Random) -> String {
    format!(
        "ip option {} {}",
        random.pick(&["rr", "lsrr", "ssrr", "ra"]),
        random.pick(&["exists", "missing"])
    )
}

fn raw(random: &mut Random) -> String {
    let base = *random.pick(&["nh", "th", "th"]);
    let width = *random.pick(&[8_u64, 16, 16, 32, 4, 12, 24]);
    let bit = (random.below(20) * 8) + if width < 8 { random.below(2) * 4 } else { 0 };
    let max = (1_u64 << width) - 1;
    match random.below(if width.is_multiple_of(8) { 3 } else { 2 }) {
        0 => format!("@{base},{bit},{width} {}", number(max, random)),
        1 => format!("@{base},{bit},{width} != {}", number(max, random)),
        _ => format!("@{base},{bit},{width} & {:#x} == 0", number(max, random).max(1)),
    }
}
