//! Connection tracking: the state the kernel gives each packet is asked of it, and under that state rules do what `eval`
//! says; fragments are put together before any rule sees them.

use crate::chains_iptables::{count, entry as entry_of_iptables, rule_set as rule_set_of_iptables};
use crate::chains_nftables::{HOOKS, entry, rule_set};
use crate::course::{Hits, NAMES, Tally, fit, run};
use crate::matrix_iptables::{PROGRAMS, Program};
use crate::programs::program;
use crate::random::Random;
use crate::rig::{Place, errors, headers, kernel, packets, read, rounds};
use flowgate::dialect::ReadOptions;
use flowgate::engine::kernel::{Devices, Gates, Hook, Kernel, Way};
use flowgate::eval::{Decision, Evaluator};
use flowgate::field::CtState;
use flowgate::ir::{Document, Verdict};

/// Packets, each followed by the answer to it, where it has ports.
fn with_answers(list: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for packet in list {
        let answer = answer(&packet);
        all.push(packet);
        all.extend(answer);
    }
    all
}

fn answer(packet: &[u8]) -> Option<Vec<u8>> {
    let (addresses, length, behind, protocol) = match packet.first()? >> 4 {
        4 if packet[0] == 0x45 && (packet[6] & 0x3f, packet[7]) == (0, 0) => (12, 4, 20, packet[9]),
        6 => (8, 16, 40, packet[6]),
        _ => return None,
    };
    if !matches!(protocol, 6 | 17 | 132) || packet.len() < behind + 8 {
        return None;
    }
    let mut out = packet.to_vec();
    for at in 0..length {
        out.swap(addresses + at, addresses + length + at);
    }
    out.swap(behind, behind + 2);
    out.swap(behind + 1, behind + 3);
    Some(out)
}

/// Drives both ways; whether connections were tracked at all.
fn drive(
    kernel: &mut Kernel,
    document: &Document,
    entry: &dyn Fn(Hook, bool) -> Option<u32>,
    random: &mut Random,
    (tally, hits): (&mut Tally, &mut Hits),
    wrong: &mut Vec<String>,
) {
    kernel.gates(Gates { stop: None, tracked: true }).unwrap();
    for way in [Way::Host, Way::Through] {
        let list = with_answers(fit(packets(document, 200, random)));
        run(kernel, way, (document, entry), &list, NAMES, (tally, hits), wrong);
    }
}

#[test]
fn states_are_those_of_the_kernel() {
    let Some(mut kernel) = kernel(&Devices::default()) else { return };
    let mut random = Random(8);
    let (mut tally, mut wrong) = (Tally::default(), Vec::new());
    for _ in 0..rounds() * 12 {
        let text = rule_set(true, &mut random);
        kernel.flush().unwrap();
        if kernel.nft(&text).is_err() {
            continue;
        }
        let reading = read("nftables", &format!("{text}{HOOKS}"), &ReadOptions::default());
        assert!(errors(&reading).is_empty(), "{:?}\n{text}", errors(&reading));
        let document = reading.document;
        tally.sets += 1;
        let mut hits = Hits::new();
        let before = wrong.len();
        drive(
            &mut kernel,
            &document,
            &|hook, six| entry(&document, hook, six),
            &mut random,
            (&mut tally, &mut hits),
            &mut wrong,
        );
        if wrong.len() > before {
            wrong.push(text);
        }
    }
    println!("nftables: {tally:?}");
    for which in PROGRAMS {
        let programs = ["restore", "save"].map(|word| program(&format!("{}-{word}", which.name)));
        let [Some(restore), Some(save)] = programs else { return };
        let mut tally = Tally::default();
        for _ in 0..rounds() * 5 {
            let text = rule_set_of_iptables(which, true, &mut random);
            kernel.flush().unwrap();
            if kernel.feed(&restore, &["-c"], &text).is_ok() {
                let reading = read("iptables", &text, &which.options());
                assert!(errors(&reading).is_empty(), "{:?}\n{text}", errors(&reading));
                let document = reading.document;
                tally.sets += 1;
                let mut hits = Hits::new();
                let before = wrong.len();
                let of =
                    |hook: Hook, six: bool| (six == which.six).then(|| entry_of_iptables(&document, hook))?;
                drive(&mut kernel, &document, &of, &mut random, (&mut tally, &mut hits), &mut wrong);
                let saved = kernel.feed(&save, &["-c"], "").unwrap();
                count(&document, &saved, &hits, 0, &mut tally, &mut wrong);
                if wrong.len() > before {
                    wrong.push(format!("{}\n{text}", which.name));
                }
            }
            kernel.feed(&restore, &[], &Program::nothing()).unwrap();
        }
        println!("{}: {tally:?}", which.name);
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.iter().take(12).cloned().collect::<Vec<_>>().join("\n")
    );
}

/// A packet in two fragments comes to the rules as one.
#[test]
fn fragments_are_put_together_where_connections_are_tracked() {
    let Some(mut kernel) = kernel(&Devices::default()) else { return };
    for parameter in ["ipv4/ipfrag_high_thresh", "netfilter/nf_conntrack_frag6_high_thresh"] {
        kernel.namespace().set(parameter, "4194304").unwrap();
    }
    let text = "table inet t {\nchain c { type filter hook prerouting priority 0; policy drop;\n\
                ct state new udp dport 53 udp length 24 accept\n}\n}\n";
    kernel.nft(text).unwrap();
    kernel.gates(Gates { stop: Some(Hook::Prerouting), tracked: true }).unwrap();
    let document = read("nftables", text, &ReadOptions::default()).document;
    let datagram: Vec<u8> = [0x9c, 0x40, 0, 53, 0, 24, 0, 0].into_iter().chain([7; 16]).collect();
    for six in [false, true] {
        let whole = packet(six, None, &datagram);
        let list =
            [packet(six, Some((0, true)), &datagram[..16]), packet(six, Some((2, false)), &datagram[16..])];
        let alone = kernel.drive(Way::Host, &list[1..]).unwrap();
        assert!(
            alone.whole().is_empty() && alone.left(Hook::Prerouting).is_empty(),
            "a fragment alone waits"
        );
        let passage = kernel.drive(Way::Host, &list).unwrap();
        assert_eq!(passage.left(Hook::Prerouting).len(), 1, "six: {six}: {passage:?}");
        let frame = kernel.frame(Way::Host, 0, &whole);
        let place = Place { input: Some("host0"), state: Some(CtState::New), ..Place::default() };
        let decision =
            Evaluator::new(&document, 0).unwrap().decide(&headers(&document, &frame, place)).unwrap();
        assert!(matches!(decision, Decision::Verdict(Verdict::Accept, Some(_))), "{decision:?}");
    }
}

/// A UDP packet, or a fragment of it at an offset in units of 8 octets, with more to follow or not.
fn packet(six: bool, fragment: Option<(u16, bool)>, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let (offset, more) = fragment.unwrap_or((0, false));
    if six {
        let header = if fragment.is_some() { 8 } else { 0 };
        out.extend([
            0x60,
            0,
            0,
            0,
            0,
            (payload.len() + header) as u8,
            if fragment.is_some() { 44 } else { 17 },
            64,
        ]);
        for last in [1, 2] {
            out.extend([0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]);
        }
        if fragment.is_some() {
            let field = (offset << 3 | u16::from(more)).to_be_bytes();
            out.extend([17, 0, field[0], field[1], 0, 0, 0, 77]);
        }
    } else {
        let field = (offset | if more { 0x2000 } else { 0 }).to_be_bytes();
        out.extend([0x45, 0, 0, (20 + payload.len()) as u8, 0, 77, field[0], field[1], 64, 17, 0, 0]);
        out.extend([198, 51, 100, 1, 203, 0, 113, 2]);
        let mut sum: u32 = out.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1])).sum();
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        out[10..12].copy_from_slice(&(!(sum as u16)).to_be_bytes());
    }
    out.extend(payload);
    out
}

/// Which rules of nftables make the kernel put fragments together: we say the same of each.
#[test]
fn we_know_what_makes_the_kernel_put_fragments_together() {
    let Some(mut kernel) = kernel(&Devices::default()) else { return };
    let mut wrong = Vec::new();
    for (kind, hook, rule) in [
        ("filter", "prerouting", "counter"),
        ("filter", "prerouting", "ct state new counter"),
        ("filter", "prerouting", "ct mark 1 counter"),
        ("filter", "prerouting", "ct mark set 1"),
        ("filter", "prerouting", "notrack"),
        ("filter", "prerouting", "socket transparent 1 counter"),
        ("filter", "prerouting", "socket mark 1 counter"),
        ("filter", "prerouting", "meta l4proto tcp tproxy ip to :80"),
        ("filter", "prerouting", "fib saddr type local counter"),
        ("filter", "prerouting", "rt classid 1 counter"),
        ("filter", "prerouting", "osf name \"Linux\" counter"),
        ("filter", "prerouting", "log prefix \"x\""),
        ("filter", "prerouting", "limit rate 1/second counter"),
        ("filter", "prerouting", "meta mark set 1"),
        ("filter", "input", "ct state invalid drop"),
        ("filter", "input", "ct count over 3 drop"),
        ("filter", "input", "synproxy mss 1460 wscale 7"),
        ("filter", "input", "reject"),
        ("nat", "prerouting", "dnat to 192.0.2.1"),
        ("nat", "prerouting", "counter"),
        ("nat", "postrouting", "masquerade"),
        ("nat", "postrouting", "snat to 192.0.2.1"),
        ("nat", "prerouting", "meta l4proto tcp redirect to :80"),
        ("route", "output", "meta mark set 1"),
    ] {
        let text = format!(
            "table ip t {{\nchain c {{ type {kind} hook {hook} priority 0; policy accept;\n{rule}\n}}\n\
             chain d {{\nudp dport 53 accept\n}}\n}}\n"
        );
        kernel.flush().unwrap();
        if let Err(error) = kernel.nft(&text) {
            println!("not taken: {rule}: {error}");
            continue;
        }
        kernel.gates(Gates::default()).unwrap();
        let theirs = kernel.tracks().unwrap();
        let document = read("nftables", &text, &ReadOptions::default()).document;
        let port = document.rule_sets.iter().flat_map(|set| &set.rules).any(|rule| {
            rule.condition.tests().iter().any(|test| test.field() == flowgate::field::Field::Dport)
        });
        if theirs != port {
            wrong.push(format!("{kind} {hook} `{rule}`: the kernel {theirs}, we {port}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
