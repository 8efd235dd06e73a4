//! Random match conditions in the words of iptables and ip6tables.

use crate::random::Random;

/// The conditions of a rule, as they stand between `-A CHAIN` and `-j`.
pub(crate) fn conditions(six: bool, random: &mut Random) -> String {
    let mut list = Vec::new();
    if random.once_in(3) {
        list.push(address("-s", six, random));
    }
    if random.once_in(3) {
        list.push(address("-d", six, random));
    }
    if random.once_in(8) {
        list.push(format!("{}-i {}", not(random), random.pick(&["host0", "host+", "eth0", "+"])));
    }
    let protocol = *random.pick(if six { &PROTOCOLS6[..] } else { &PROTOCOLS[..] });
    if random.below(8) != 0 {
        let negated = random.once_in(10);
        list.push(format!("{}-p {protocol}", if negated { "! " } else { "" }));
        if !negated {
            for _ in 0..random.below(3) {
                list.push(header(protocol, six, random));
            }
        }
    }
    if !six && random.once_in(10) {
        list.push(format!("{}-f", not(random)));
    }
    for _ in 0..[0, 0, 1, 1, 2][usize::try_from(random.below(5)).unwrap()] {
        list.push(other(six, random));
    }
    // A match twice is a question of its own.
    let mut seen = Vec::new();
    list.retain(|text| {
        let module = text.strip_prefix("-m ").and_then(|rest| rest.split(' ').next()).map(str::to_owned);
        let fresh = module.is_none() || !seen.contains(&module);
        seen.push(module);
        fresh && !text.is_empty()
    });
    list.join(" ")
}

const PROTOCOLS: [&str; 17] = [
    "tcp", "tcp", "tcp", "tcp", "udp", "udp", "udp", "icmp", "icmp", "sctp", "dccp", "udplite", "esp", "ah",
    "gre", "ipcomp", "all",
];
const PROTOCOLS6: [&str; 19] = [
    "tcp", "tcp", "tcp", "tcp", "udp", "udp", "udp", "icmpv6", "icmpv6", "sctp", "dccp", "udplite", "esp",
    "ah", "mh", "59", "44", "gre", "all",
];

fn not(random: &mut Random) -> &'static str {
    if random.once_in(4) { "! " } else { "" }
}

fn number(max: u64, random: &mut Random) -> u64 {
    match random.below(6) {
        0 => 0,
        1 => max,
        2 => random.below(4).min(max),
        3 => 1 << random.below(64 - u64::from(max.leading_zeros())),
        _ => random.next() % (max + 1),
    }
    .min(max)
}

fn range(max: u64, random: &mut Random) -> String {
    let (a, b) = (number(max, random), number(max, random));
    match random.below(5) {
        0 => format!("{}:", a.min(b)),
        1 => format!(":{}", a.max(b)),
        2 => format!("{}:{}", a.min(b), a.max(b)),
        _ => a.to_string(),
    }
}

fn address(side: &str, six: bool, random: &mut Random) -> String {
    let one = if six {
        match random.below(4) {
            0 => format!("2001:db8::{:x}", random.below(65_536)),
            1 => format!("2001:db8::/{}", random.pick(&[32, 48, 64, 100])),
            2 => format!("2001:db8::{:x}/ffff:ffff::ffff", random.below(65_536)),
            _ => format!("2001:db8:{:x}::/48", random.below(4)),
        }
    } else {
        let base = random.pick(&["198.51.100", "203.0.113", "10.0.0"]);
        match random.below(4) {
            0 => format!("{base}.{}", random.below(256)),
            1 => format!("{base}.{}/{}", random.below(256), 8 + random.below(25)),
            2 => format!("{base}.{}/255.0.255.{}", random.below(256), random.below(256)),
            _ => format!("{base}.0/24"),
        }
    };
    format!("{}{side} {one}", not(random))
}

fn port(random: &mut Random) -> String {
    match random.below(3) {
        0 => (*random.pick(&["22", "53", "80", "443", "1024:", ":1023", "40000"])).to_owned(),
        _ => range(65_535, random),
    }
}

fn header(protocol: &str, six: bool, random: &mut Random) -> String {
    let side = *random.pick(&["--sport", "--dport", "--dport"]);
    match protocol {
        "tcp" => match random.below(7) {
            0..=2 => format!("-m tcp {}{side} {}", not(random), port(random)),
            3 | 4 => flags(random),
            5 => multiport(random),
            _ => "-m tcp".to_owned(),
        },
        "udp" => match random.below(4) {
            0..=2 => format!("-m udp {}{side} {}", not(random), port(random)),
            _ => multiport(random),
        },
        "udplite" | "sctp" | "dccp" => match random.below(4) {
            0 => multiport(random),
            _ => format!("-m {protocol} {}{side} {}", not(random), port(random)),
        },
        "icmp" => format!(
            "-m icmp {}--icmp-type {}",
            not(random),
            random.pick(&["8", "0", "3/1", "3", "11/0", "5", "13"])
        ),
        "icmpv6" => {
            format!(
                "-m icmp6 {}--icmpv6-type {}",
                not(random),
                random.pick(&["128", "129", "1/4", "2", "3/0", "135", "136"])
            )
        }
        "esp" => format!("-m esp {}--espspi {}", not(random), range(u32::MAX.into(), random)),
        "ah" if six => String::new(),
        "ah" => format!("-m ah {}--ahspi {}", not(random), range(u32::MAX.into(), random)),
        _ => String::new(),
    }
}

fn multiport(random: &mut Random) -> String {
    let count = 1 + random.below(4);
    let list: Vec<String> = (0..count)
        .map(|_| {
            let (a, b) = (number(65_535, random), number(65_535, random));
            if random.once_in(3) && a != b { format!("{}:{}", a.min(b), a.max(b)) } else { a.to_string() }
        })
        .collect();
    format!(
        "-m multiport {}{} {}",
        not(random),
        random.pick(&["--sports", "--dports", "--ports"]),
        list.join(",")
    )
}

const FLAGS: [&str; 6] = ["FIN", "SYN", "RST", "PSH", "ACK", "URG"];

fn flags(random: &mut Random) -> String {
    if random.once_in(3) {
        return format!("-m tcp {}--syn", not(random));
    }
    let some = |random: &mut Random| {
        let bits = random.below(64);
        FLAGS
            .iter()
            .enumerate()
            .filter(|(at, _)| bits >> at & 1 == 1)
            .map(|(_, name)| *name)
            .collect::<Vec<_>>()
    };
    let mask = some(random);
    let wanted = some(random);
    let compare: Vec<&str> = mask.iter().copied().filter(|flag| wanted.contains(flag)).collect();
    let words = |list: Vec<&str>| match list.len() {
        0 => "NONE".to_owned(),
        6 => "ALL".to_owned(),
        _ => list.join(","),
    };
    format!("-m tcp {}--tcp-flags {} {}", not(random), words(mask), words(compare))
}

fn other(six: bool, random: &mut Random) -> String {
    match random.below(if six { 12 } else { 8 }) {
        0 => format!("-m length {}--length {}", not(random), range(1500, random)),
        1 if six => {
            format!("-m hl {} {}", random.pick(&["--hl-eq", "--hl-lt", "--hl-gt"]), number(255, random))
        }
        1 => format!("-m ttl {} {}", random.pick(&["--ttl-eq", "--ttl-lt", "--ttl-gt"]), number(255, random)),
        2 => format!("-m dscp {}--dscp {}", not(random), number(63, random)),
        3 => format!("-m tos {}--tos {:#x}/{:#x}", not(random), number(255, random), 0xff),
        4 if six => {
            format!(
                "-m iprange {}--src-range 2001:db8::{:x}-2001:db8::ffff:ffff",
                not(random),
                random.below(65_536)
            )
        }
        4 => format!(
            "-m iprange {}--{} 198.51.100.{}-203.0.113.{}",
            not(random),
            random.pick(&["src-range", "dst-range"]),
            random.below(256),
            random.below(256)
        ),
        5 => format!("-m ecn {}--ecn-ip-ect {}", not(random), random.below(4)),
        6 => format!("-m pkttype {}--pkt-type multicast", not(random)),
        7 => "-m comment --comment x".to_owned(),
        8 => format!("-m frag {}", random.pick(&["--fragfirst", "--fragmore", "--fraglast"])),
        9 => format!("-m {}", random.pick(&["hbh", "dst", "rt"])),
        10 => format!(
            "-m ipv6header {}--header {} {}",
            not(random),
            random.pick(&[
                "hop",
                "dst",
                "route",
                "frag",
                "auth",
                "esp",
                "none",
                "prot",
                "hop,route",
                "frag,prot"
            ]),
            random.pick(&["--soft", ""])
        ),
        _ => format!("-m ah {}--ahspi {}", not(random), range(u32::MAX.into(), random)),
    }
}
