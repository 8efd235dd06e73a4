//! iptables held against what others know: kernels that were asked, policies with their verdicts, closures proved
//! correct by a theorem prover.

#![allow(clippy::cast_possible_truncation, reason = "packets are built octet by octet")]

use flowgate::dialect::iptables::Iptables;
use flowgate::dialect::{Dialect, ReadOptions, Reading};
use flowgate::eval::{Decision, Evaluator};
use flowgate::field::{CtState, Family, Field, Headers};
use flowgate::guard::{Exhausted, limits};
use flowgate::ir::{Condition, Document, Rule, ValueSet, Verdict};
use flowgate::packet::decode_ip;
use flowgate::source::{Content, Source, SourceId};
use flowgate::symbolic::{Model, Space, Spaces, Visit, Watch, reach};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn corpora() -> Option<PathBuf> {
    let folder = std::env::var_os("FLOWGATE_CORPORA").map(PathBuf::from).filter(|f| f.is_dir());
    if folder.is_none() {
        eprintln!("skipped: FLOWGATE_CORPORA names no folder");
    }
    folder
}

fn read_with(text: &str, options: &ReadOptions) -> Reading {
    let source = Source::new("oracle", Content::Text(text.to_owned()));
    Iptables.read(&source, SourceId(0), options)
}

fn options(nft: bool, family: Family) -> ReadOptions {
    ReadOptions { iptables_nft: nft, family: Some(family), ..ReadOptions::default() }
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn set_named(document: &Document, name: &str) -> usize {
    document.rule_sets.iter().position(|set| set.name == name).unwrap_or_else(|| panic!("no rule set {name}"))
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Single rules and the packets that a kernel said they match, both back ends, both families.
///
/// Explained are, one by one: rules that look at payload (opaque: the answer is unknown and counted), and packets
/// that the kernel did not forward whatever the rule (`-p all` says which).
#[test]
fn single_rules_match_what_the_kernel_matched() {
    let Some(folder) = corpora().map(|f| f.join("kernel_oracle")) else { return };
    let packets = json(&folder.join("packets.json"));
    let (mut compared, mut unknown, mut wrong) = (0, 0, Vec::new());
    for (file, nft, family) in [
        ("iptables_legacy__0", false, Family::Inet),
        ("iptables_legacy__1", false, Family::Inet),
        ("iptables_nft__0", true, Family::Inet),
        ("iptables_nft__1", true, Family::Inet),
        ("ip6tables_legacy__0", false, Family::Inet6),
        ("ip6tables_legacy__1", false, Family::Inet6),
        ("ip6tables_nft__0", true, Family::Inet6),
        ("ip6tables_nft__1", true, Family::Inet6),
    ] {
        let key = if family == Family::Inet { "ipv4_packets" } else { "ipv6_packets" };
        let octets: Vec<Vec<u8>> =
            packets[key].as_array().unwrap().iter().map(|p| hex(p.as_str().unwrap())).collect();
        let results = json(&folder.join(format!("{file}.json")));
        let results = results.as_object().unwrap();
        // What came through at all: the union of every rule's matches.
        let mut through: BTreeSet<u64> = BTreeSet::new();
        let hits = |value: &Value| -> BTreeSet<u64> {
            value.as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).collect()
        };
        for all in ["iptables_legacy__0", "iptables_legacy__1", "ip6tables_legacy__0", "ip6tables_legacy__1"]
        {
            if all.starts_with("ip6") == (family == Family::Inet6) {
                let file = json(&folder.join(format!("{all}.json")));
                through.extend(file.as_object().unwrap().values().flat_map(hits));
            }
        }
        for (rule, matched) in results {
            let matched = hits(matched);
            let quoted = rule.replace("|aaaaaaaa|", "\"|aaaaaaaa|\"").replace("6&0xFF=1", "\"6&0xFF=1\"");
            let options = ReadOptions { iptables_exact: true, ..options(nft, family) };
            let reading = read_with(&format!("-A FORWARD {quoted} -j ACCEPT\n-P FORWARD DROP\n"), &options);
            assert!(
                reading.diagnostics.iter().all(|d| d.level != flowgate::diagnostic::Level::Error),
                "{rule}: {:?}",
                reading.diagnostics
            );
            let set = set_named(&reading.document, "filter/FORWARD");
            let evaluator = Evaluator::new(&reading.document, set).unwrap();
            for (index, packet) in octets.iter().enumerate() {
                let index = index as u64;
                if !through.contains(&index) {
                    continue;
                }
                let mut headers = Headers::new();
                decode_ip(packet, &mut headers);
                match evaluator.decide(&headers).unwrap() {
                    Decision::Unknown(_) => unknown += 1,
                    Decision::Verdict(verdict, _) => {
                        compared += 1;
                        if (verdict == Verdict::Accept) != matched.contains(&index) {
                            wrong.push(format!(
                                "{file}: {rule}: packet {index}: we say {verdict}: {}",
                                packets[key][index as usize]
                            ));
                        }
                    }
                }
            }
        }
    }
    println!("{compared} verdicts of the kernel compared, {unknown} unknown");
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(compared > 5_000);
}

fn headers_of(packet: &Value) -> Headers {
    let number = |key: &str| u32::try_from(packet[key].as_u64().unwrap_or(0)).unwrap();
    let six = packet["v"] == 6;
    let proto = number("proto");
    let offset = number("frag_off");
    let more = packet["mf"] == true;
    let mut transport = vec![0_u8; 24];
    let ports = [number("sport"), number("dport")];
    transport[..2].copy_from_slice(&(ports[0] as u16).to_be_bytes());
    transport[2..4].copy_from_slice(&(ports[1] as u16).to_be_bytes());
    match proto {
        1 | 58 => (transport[0], transport[1]) = (number("itype") as u8, number("icode") as u8),
        6 => (transport[12], transport[13]) = (0x50, number("flags") as u8),
        _ => {}
    }
    if offset > 0 {
        // What the corpus sent there: octets that are no port of the policies.
        transport.fill(0x61);
    }
    let mut octets = Vec::new();
    if six {
        let fragment = offset > 0 || more;
        let length = transport.len() + if fragment { 8 } else { 0 };
        octets.extend([0x60, 0, 0, 0, 0, length as u8, if fragment { 44 } else { proto as u8 }, 64]);
        for key in ["src", "dst"] {
            octets.extend(packet[key].as_str().unwrap().parse::<std::net::Ipv6Addr>().unwrap().octets());
        }
        if fragment {
            let field = (offset << 3 | u32::from(more)) as u16;
            octets.extend([proto as u8, 0, (field >> 8) as u8, field as u8, 0, 0, 0, 1]);
        }
    } else {
        let length = 20 + transport.len();
        let field = offset | if more { 0x2000 } else { 0 };
        octets.extend([
            0x45,
            0,
            0,
            length as u8,
            0,
            1,
            (field >> 8) as u8,
            field as u8,
            64,
            proto as u8,
            0,
            0,
        ]);
        for key in ["src", "dst"] {
            octets.extend(packet[key].as_str().unwrap().parse::<std::net::Ipv4Addr>().unwrap().octets());
        }
    }
    octets.extend(&transport);
    let mut headers = Headers::new();
    decode_ip(&octets, &mut headers);
    headers
}

/// The renderings of one policy against the policy's own verdicts and the kernel's.
#[test]
fn renderings_of_a_policy_give_its_verdicts() {
    let Some(folder) = corpora().map(|f| f.join("crossdialect")) else { return };
    let (mut compared, mut wrong) = (0, Vec::new());
    let mut cases: Vec<PathBuf> = std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path()).collect();
    cases.sort();
    for case in cases.iter().filter(|case| case.join("packets.jsonl").is_file()) {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        let packets: Vec<Value> = std::fs::read_to_string(case.join("packets.jsonl"))
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let kernel = json(&case.join("kernel.json"));
        let silent: BTreeSet<u64> = kernel["not_forwarded_without_rules"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_u64)
            .collect();
        for file in ["speedway.ipt", "speedway_nostate.ipt", "iptables.rules", "iptables_nostate.rules"] {
            let Ok(text) = std::fs::read_to_string(case.join(file)) else { continue };
            for six in [false, true] {
                let family = if six { Family::Inet6 } else { Family::Inet };
                if !packets.iter().any(|p| (p["v"] == 6) == six) {
                    continue;
                }
                // The text of mixed policies is for both programs: aerleon leaves what is of the other family out.
                let reading = read_with(&text, &options(true, family));
                let errors =
                    reading.diagnostics.iter().filter(|d| d.level == flowgate::diagnostic::Level::Error);
                if errors.clone().any(|d| d.check == "mixed-family") {
                    continue;
                }
                assert_eq!(errors.count(), 0, "{name}/{file}: {:?}", reading.diagnostics);
                let set = set_named(&reading.document, "filter/INPUT");
                let evaluator = Evaluator::new(&reading.document, set).unwrap();
                let target = kernel["targets"].get(file.trim_end_matches(".ipt"));
                let accepted: Option<BTreeSet<u64>> = target
                    .and_then(|t| t["accepted"].as_array())
                    .map(|list| list.iter().filter_map(Value::as_u64).collect());
                for (index, packet) in packets.iter().enumerate().filter(|(_, p)| (p["v"] == 6) == six) {
                    let index = index as u64;
                    let mut headers = headers_of(packet);
                    // A stateful rule set is asked about every state: the kernel was in one of them.
                    let mut verdicts = BTreeSet::new();
                    for state in CtState::ALL {
                        headers.set(Field::CtState, state as u32);
                        match evaluator.decide(&headers).unwrap() {
                            Decision::Verdict(verdict, _) => verdicts.insert(verdict == Verdict::Accept),
                            Decision::Unknown(hit) => {
                                panic!("{name}/{file}: packet {index} is unknown: {hit:?}")
                            }
                        };
                    }
                    compared += 1;
                    let policy = packet["verdict"] == "accept";
                    if file.contains("nostate") && verdicts != BTreeSet::from([policy]) {
                        wrong.push(format!(
                            "{name}/{file}: packet {index}: policy {policy}, we {verdicts:?}: {packet}"
                        ));
                    }
                    if let Some(accepted) = accepted.as_ref().filter(|_| !silent.contains(&index))
                        && !verdicts.contains(&accepted.contains(&index))
                    {
                        wrong.push(format!(
                            "{name}/{file}: packet {index}: the kernel differs, we {verdicts:?}: {packet}"
                        ));
                    }
                }
            }
        }
    }
    println!("{compared} verdicts of policies and kernels compared");
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(compared > 5_000);
}

struct Nobody;

impl Watch for Nobody {
    fn skips(&self, _: &Rule) -> bool {
        false
    }
    fn visit(&mut self, _: &mut Spaces<'_>, _: Visit) -> Result<(), Exhausted> {
        Ok(())
    }
}

fn accepted(
    spaces: &mut Spaces<'_>,
    document: &Document,
    set: usize,
    start: Space,
) -> Result<Space, Exhausted> {
    let reach = reach(spaces, document, u32::try_from(set).unwrap(), start, &mut Nobody)?;
    Ok(reach.accepted)
}

// The closures of `Iptables_Semantics`: what the lower accepts the rule set surely accepts, and what it may accept
// the upper accepts. Their texts are listings without interfaces, so that they hold for every interface.
#[test]
fn closures_lie_around_their_rule_sets() {
    let Some(folder) = corpora().map(|f| f.join("iptables")) else { return };
    // Names of closures and of what they close over differ in places.
    let pairs: &[(&str, &str)] = &[
        (
            "IPPartEval_config_home_user_typical_home_user",
            "IPPartEval_config_home_user_typical_home_user_iptables-save",
        ),
        ("IPPartEval_config_memphis_testbed_iptables", "IPPartEval_config_memphis_testbed_iptables-save"),
        ("IPPartEval_config_random_srv_iptables", "IPPartEval_config_random_srv_iptables-save"),
        (
            "IPPartEval_configs_sqrl_shorewall_2014_sep_iptables-saveakachan",
            "IPPartEval_configs_sqrl_shorewall_2014_sep_iptables-saveakachan",
        ),
        (
            "IPPartEval_configs_sqrl_shorewall_2015_aug_iptables-save-spoofing-protection",
            "IPPartEval_configs_sqrl_shorewall_2015_aug_iptables-save-spoofing-protection",
        ),
        (
            "IPPartEval_configs_srvs_ufw_server2-iptables-save",
            "IPPartEval_configs_srvs_ufw_server2-iptables-save",
        ),
        (
            "IPPartEval_configs_synology_diskstation_ds414_iptables-save_jun_2015_legacyifacerules",
            "IPPartEval_configs_synology_diskstation_ds414_iptables-save_jun_2015_legacyifacerules",
        ),
        ("IPPartEval_configs_ugent_iptables", "IPPartEval_configs_ugent_iptables-save.v1.4.21"),
        ("IPPartEval_docker_topos_iptables-save", "IPPartEval_docker_topos_iptables-save.topos4.1"),
        (
            "IPPartEval_gopherproxy.meulie.net_iptables-save",
            "IPPartEval_gopherproxy.meulie.net_iptables-save",
        ),
        ("IPPartEval_linux.gda.pl_firewallp.txt", "IPPartEval_linux.gda.pl_firewallp.txt"),
        ("IPPartEval_pastebin.com_bbWXHaTn_iptables-save", "IPPartEval_pastebin.com_bbWXHaTn_iptables-save"),
        ("IPPartEval_rlworkman.net_iptables-save", "IPPartEval_rlworkman.net_iptables-save"),
    ];
    let (mut held, mut wrong) = (0, Vec::new());
    for (closure, original) in pairs {
        let text = std::fs::read_to_string(folder.join(format!("iptables-semantics__{original}"))).unwrap();
        let original = read_with(&text, &options(false, Family::Inet));
        for (mark, chain) in [("Ln.FWD", "FORWARD"), ("Ln.INP", "INPUT"), ("INP.Ln", "INPUT")] {
            for side in ["lower", "upper"] {
                let file = format!("iptables-semantics__{closure}.{mark}.{side}");
                let Ok(text) = std::fs::read_to_string(folder.join(&file)) else { continue };
                let bound = read_with(&text, &options(false, Family::Inet));
                assert!(
                    bound.diagnostics.iter().all(|d| d.level != flowgate::diagnostic::Level::Error),
                    "{file}: {:?}",
                    bound.diagnostics
                );
                // One of them takes the first packet of TCP to have SYN alone.
                let syn = closure.contains("rlworkman");
                match compare(
                    &original.document,
                    &bound.document,
                    &format!("filter/{chain}"),
                    side == "lower",
                    (&behind(closure), syn),
                ) {
                    Ok(None) => held += 1,
                    Ok(Some(witness)) => wrong.push(format!("{file}: {witness}")),
                    Err(exhausted) => wrong.push(format!("{file}: {exhausted}")),
                }
            }
        }
    }
    println!("{held} closures hold");
    assert!(wrong.is_empty(), "{} of {} wrong:\n{}", wrong.len(), held + wrong.len(), wrong.join("\n"));
    assert!(held > 20);
}

/// Which sources are taken to be behind which interface, where a closure names none: that is part of the claim.
fn behind(closure: &str) -> Vec<(String, Vec<(u32, u32)>)> {
    let net = |text: &str| {
        let prefix: flowgate::net::Prefix4 = text.parse().unwrap();
        vec![(prefix.first(), prefix.last())]
    };
    let mut list = vec![("lo".to_owned(), net("127.0.0.0/8"))];
    if closure.contains("rlworkman") {
        list.push(("eth0".to_owned(), net("192.168.13.0/24")));
    }
    if closure.contains("home_user") {
        let inside = [10, 11, 12, 13, 14, 19, 20, 21, 22, 23, 24];
        list.extend(inside.map(|n| (format!("eth0.{n}"), net(&format!("192.168.{n}.0/24")))));
        let private = ["10.0.0.0/8", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"].map(net).concat();
        let public = flowgate::net::IntervalSet::from_ranges(private).complement(u32::MAX);
        list.push(("eth1".to_owned(), public.ranges().collect()));
    }
    list
}

/// An interface, and the ranges of addresses behind it.
type Behind = (String, Vec<(u32, u32)>);

/// A packet outside the bound, where there is one.
fn compare(
    original: &Document,
    bound: &Document,
    set: &str,
    lower: bool,
    (behind, syn): (&[Behind], bool),
) -> Result<Option<String>, Exhausted> {
    let mut spaces = Spaces::new(Model::real(), &limits::RULE_SET_NODES);
    let world = spaces.world()?;
    let four = spaces.of(&flowgate::symbolic::of_family(Family::Inet))?;
    let start = spaces.intersection(world, four)?;
    // They are proved for the first packet of a connection.
    let new = spaces.of(&Condition::test(Field::CtState, ValueSet::single(CtState::New as u32)))?;
    let start = spaces.intersection(start, new)?;
    let mut start = start;
    if syn {
        let other = Condition::not(Condition::test(Field::Proto, ValueSet::single(6)));
        let first =
            spaces.of(&Condition::or([other, Condition::test(Field::TcpFlags, ValueSet::bits(2, 0x17))]))?;
        start = spaces.intersection(start, first)?;
    }
    for (iface, sources) in behind {
        let Some(symbol) = original.symbols.iter().position(|name| **name == **iface) else { continue };
        let here = Condition::test(Field::InIface, ValueSet::single(u32::try_from(symbol).unwrap()));
        let inside =
            Condition::test(Field::Src4, flowgate::net::IntervalSet::from_ranges(sources.iter().copied()));
        let both = [
            Condition::and([here.clone(), inside.clone()]),
            Condition::and([Condition::not(here), Condition::not(inside)]),
        ];
        let holds = spaces.of(&Condition::or(both))?;
        start = spaces.intersection(start, holds)?;
    }
    let own = accepted(&mut spaces, original, set_named(original, set), start)?;
    let other = accepted(&mut spaces, bound, set_named(bound, set), start)?;
    let outside = if lower {
        let own = spaces.under(own)?;
        spaces.difference(other, own)?
    } else {
        let own = spaces.over(own)?;
        spaces.difference(own, other)?
    };
    Ok(spaces.witness(outside)?.map(|headers| {
        let evaluator = Evaluator::new(original, set_named(original, set)).unwrap();
        let values: Vec<String> =
            headers.values().map(|(field, value)| format!("{}={value}", field.name())).collect();
        format!("{:?} for {}", evaluator.decide(&headers), values.join(" "))
    }))
}
