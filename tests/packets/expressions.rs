//! Seeded random filter expressions: what the grammar of libpcap allows, aimed at values seen in captures.

use crate::random::{Pool, Random};
use flowgate::field::Field;
use std::net::{Ipv4Addr, Ipv6Addr};

/// An expression over packets; with `frames`, words of Ethernet too.
pub(crate) fn expression(pool: &Pool, random: &mut Random, frames: bool) -> String {
    let mut text = term(pool, random, frames, 2);
    for _ in 0..random.below(4) {
        let word = *random.pick(&[" and ", " or ", " && ", " || "]);
        text += word;
        text += &term(pool, random, frames, 2);
    }
    text
}

fn term(pool: &Pool, random: &mut Random, frames: bool, depth: u32) -> String {
    match random.below(12) {
        0 | 1 if depth > 0 => format!("not {}", term(pool, random, frames, depth - 1)),
        2 | 3 if depth > 0 => {
            let word = *random.pick(&["and", "or"]);
            let (a, b) = (term(pool, random, frames, depth - 1), term(pool, random, frames, depth - 1));
            format!("({a} {word} {b})")
        }
        4 | 5 => relation(pool, random, frames),
        6 => match random.below(3) {
            0 => two_loads(random, frames),
            _ => relation(pool, random, frames),
        },
        7 if frames => frame(pool, random),
        _ => primitive(pool, random),
    }
}

fn small(pool: &Pool, field: Field, random: &mut Random) -> u32 {
    u32::try_from(pool.value(field, random)).unwrap()
}

fn direction(random: &mut Random) -> &'static str {
    random.pick::<&str>(&["", "src ", "dst ", "src or dst ", "src and dst "])
}

fn primitive(pool: &Pool, random: &mut Random) -> String {
    let direction = direction(random);
    match random.below(11) {
        0 => {
            let word = *random.pick(&["", "tcp ", "udp ", "sctp "]);
            let port = small(pool, Field::Dport, random);
            let more = if random.below(4) == 0 {
                format!(" or {}", small(pool, Field::Sport, random))
            } else {
                String::new()
            };
            format!("{word}{direction}port {port}{more}")
        }
        1 => {
            let (a, b) = (small(pool, Field::Dport, random), small(pool, Field::Sport, random));
            let word = *random.pick(&["", "tcp ", "udp "]);
            format!("{word}{direction}portrange {a}-{b}")
        }
        2 => {
            let address = Ipv4Addr::from_bits(small(pool, Field::Src4, random));
            let word = *random.pick(&["", "ip "]);
            format!("{word}{direction}host {address}")
        }
        3 => {
            let length = u32::try_from(random.below(33)).unwrap();
            let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
            let address = Ipv4Addr::from_bits(small(pool, Field::Dst4, random) & mask);
            format!("{direction}net {address}/{length}")
        }
        4 => {
            let length = u32::try_from(random.below(129)).unwrap();
            let mask = u128::MAX.checked_shl(128 - length).unwrap_or(0);
            let address = Ipv6Addr::from_bits(pool.value(Field::Dst6, random) & mask);
            format!("{direction}net {address}/{length}")
        }
        5 => {
            let word = *random.pick(&["", "ip ", "ip6 "]);
            let number = *random.pick(&[0, 1, 2, 6, 17, 41, 43, 44, 47, 50, 51, 58, 59, 60, 103, 112, 132]);
            format!("{word}proto {number}")
        }
        6 => (*random.pick(&["tcp", "udp", "icmp", "icmp6", "sctp", "igmp", "pim", "vrrp", "ah", "esp"]))
            .to_owned(),
        7 => (*random.pick(&["ip", "ip6", "ip multicast", "ip6 multicast", "ip broadcast"])).to_owned(),
        8 => {
            let word = *random.pick(&["less", "greater"]);
            format!("{word} {}", small(pool, Field::Len, random))
        }
        9 => {
            let name = *random.pick(&["domain", "smtp", "http", "ntp", "bootps", "ssh"]);
            format!("{direction}port {name}")
        }
        _ => {
            let word = *random.pick(&["ip protochain", "ip6 protochain", "protochain"]);
            format!("{word} {}", random.pick(&[6, 17, 50, 58, 60]))
        }
    }
}

fn frame(pool: &Pool, random: &mut Random) -> String {
    let direction = direction(random);
    match random.below(12) {
        0 => "arp".to_owned(),
        1 => "rarp".to_owned(),
        2 => format!("arp {direction}host {}", Ipv4Addr::from_bits(small(pool, Field::ArpSender, random))),
        3 => {
            let octets = pool.value(Field::EthSrc, random).to_be_bytes();
            let hex: Vec<String> = octets[10..].iter().map(|octet| format!("{octet:02x}")).collect();
            format!("ether {direction}host {}", hex.join(":"))
        }
        4 => format!(
            "ether proto {}",
            random.pick(&["0x0800", "0x86dd", "0x0806", "0x8847", "0x88cc", "0x8864"])
        ),
        5 => (*random.pick(&["broadcast", "multicast", "ether[0] & 1 = 1", "ether[6:4] > 5"])).to_owned(),
        6 => "ether[12:2] = 0x806".to_owned(),
        7 => "not vlan".to_owned(),
        8 => format!("ether[14:2] & 0xfff {} {}", random.pick(&["=", "!=", "<"]), random.below(9)),
        9 => format!("ether[{}] & 0x{:x} != 0", 12 + random.below(10), 1 << random.below(8)),
        10 => {
            let load = octets("ether", 14 + random.below(40), random);
            format!("{load} {} {}", random.pick(&["=", ">", "!="]), random.below(300))
        }
        _ => format!("arp[6:2] = {}", 1 + random.below(3)),
    }
}

/// Loads of octets that are fields, and of some that are not.
fn relation(pool: &Pool, random: &mut Random, frames: bool) -> String {
    let load = match random.below(if frames { 12 } else { 11 }) {
        0..=2 => {
            let at = random.below(20);
            octets("ip", at, random)
        }
        3 => octets("ip6", random.below(40), random),
        4..=6 => {
            let at = random.below(16);
            octets(random.pick::<&str>(&["tcp", "tcp", "udp", "icmp", "sctp", "igmp", "icmp6"]), at, random)
        }
        7 => (*random.pick(&["tcp[tcpflags]", "icmp[icmptype]", "icmp[icmpcode]", "icmp6[icmp6type]"]))
            .to_owned(),
        8 => octets("ip6", 40 + random.below(16), random),
        9 => format!("ip[((ip[0] & 0xf) << 2) + {}:{}]", random.below(8), random.pick(&[1, 2, 4])),
        10 => (*random.pick(&["ip[2:2] - ((ip[0] & 0xf) << 2)", "len", "ip[20:2]", "ip[6:2]", "ip[0:4]"]))
            .to_owned(),
        _ => octets("arp", *random.pick(&[6, 14, 24]), random),
    };
    let steps = match random.below(8) {
        0 => format!(" & {:#x}", 1_u32 << random.below(16)),
        1 => format!(" & {:#x}", random.pick(&[0xf_u32, 0xf0, 0x1fff, 0x2000, 0xff00, 0xfc, 0x3f])),
        2 => format!(" >> {}", random.below(16)),
        3 => format!(" + {}", random.below(300)),
        4 => format!(" | {}", random.below(16)),
        5 => format!(" - {}", random.below(64)),
        _ => String::new(),
    };
    let field =
        *random.pick(&[Field::Ttl, Field::Len, Field::TcpFlags, Field::Dport, Field::IpId, Field::FragOff]);
    let number = match random.below(3) {
        0 => random.below(4),
        _ => u64::from(small(pool, field, random)),
    };
    let comparison = *random.pick(&["=", "!=", "<", ">", "<=", ">="]);
    if random.below(6) == 0 {
        format!("{number} {comparison} {load}{steps}")
    } else {
        format!("{load}{steps} {comparison} {number}")
    }
}

/// Arithmetic on several loads, or with a load behind the operator: libpcap keeps the checks of the first operand alone.
fn two_loads(random: &mut Random, frames: bool) -> String {
    let operand = |random: &mut Random| {
        let headers = if frames { 10 } else { 8 };
        let headers = &["ip", "ip", "tcp", "tcp", "udp", "icmp", "ip6", "icmp6", "ether", "arp"][..headers];
        match random.below(8) {
            0 => "len".to_owned(),
            1 => format!("{}", random.below(80)),
            2 => "((ip[0] & 0xf) << 2)".to_owned(),
            3 => "((tcp[12] & 0xf0) >> 2)".to_owned(),
            4 => format!("-{}", octets("ip", 2, random)),
            _ => octets(random.pick::<&str>(headers), random.below(24), random),
        }
    };
    let mut text = operand(random);
    for _ in 0..=random.below(2) {
        let operator = *random.pick(&["+", "+", "-", "-", "&", "|", "*", ">>", "/"]);
        let next = operand(random);
        text = if random.below(2) == 0 {
            format!("({text}) {operator} {next}")
        } else {
            format!("{next} {operator} ({text})")
        };
    }
    let comparison = *random.pick(&["=", "!=", "<", ">", "<=", ">="]);
    match random.below(4) {
        0 => format!("{text} {comparison} {}", operand(random)),
        1 => format!("{text} >= 0"),
        _ => format!("{text} {comparison} {}", random.below(300)),
    }
}

fn octets(header: &str, at: u64, random: &mut Random) -> String {
    match *random.pick(&[1, 1, 2, 4]) {
        1 => format!("{header}[{at}]"),
        size => format!("{header}[{}:{size}]", at / size * size),
    }
}
