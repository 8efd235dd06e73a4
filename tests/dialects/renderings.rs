//! One policy in many languages, compared as `flowgate diff` compares files: every rendering that a dialect reads
//! accepts the packets that the reference rendering accepts, or a difference that the ledger below records.
//!
//! The reference is what the policy compiler makes of a policy for iptables without state, which agreed with the policy
//! for every packet that was tried (`crossdialect.rs`), or for Junos where there is none. Renderings that keep state are
//! compared for packets of new flows. An entry of the ledger says which packets it is about; it fails when it explains
//! nothing any more, and shows a packet.

use super::crossdialect::corpora;
use flowgate::diagnostic::Level;
use flowgate::dialect::{ReadOptions, by_name};
use flowgate::eval::holds;
use flowgate::field::{CtState, Family, Field, ext};
use flowgate::guard::{Exhausted, limits};
use flowgate::ir::{Condition, Document, Kind, RuleSet, ValueSet, Verdict};
use flowgate::source::{Content, Source, SourceId};
use flowgate::symbolic::{Model, Spaces, delta, of_family};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The dialect and the file of a case.
const RENDERINGS: &[(&str, &str)] = &[
    ("ios-xr", "ciscoxr.xacl"),
    ("iptables", "iptables.rules"),
    ("iptables", "iptables_nostate.rules"),
    ("iptables", "speedway.ipt"),
    ("junos", "juniper.jcl"),
    ("junos", "juniperevo.evojcl"),
    ("junos", "srxlo.jsl"),
    ("nftables", "nftables.nft"),
    ("pcap-filter", "pcap.filter"),
];

const REFERENCES: &[(&str, &str)] = &[("iptables", "speedway_nostate.ipt"), ("junos", "juniper.jcl")];

/// A way renderings differ from the reference.
struct Class {
    name: &'static str,
    why: &'static str,
    files: &'static [&'static str],
    /// The cases; all where none is named.
    cases: &'static [&'static str],
    packets: fn() -> Condition,
}

const CLASSES: &[Class] = &[
    Class {
        name: "later fragments",
        why: "a Cisco permit with ports takes every later fragment, Junos and nftables look at the octets behind the IP header",
        files: &["ciscoxr.xacl", "juniper.jcl", "juniperevo.evojcl", "nftables.nft", "srxlo.jsl"],
        cases: &[],
        packets: || Condition::test(Field::FragOff, ValueSet::range(1, 0x1fff)),
    },
    Class {
        name: "extension headers",
        why: "Junos looks at the first next header, and nftables stops at other headers than iptables",
        files: &["ciscoxr.xacl", "juniper.jcl", "juniperevo.evojcl", "nftables.nft", "srxlo.jsl"],
        cases: &[],
        packets: || {
            let none = Condition::test(Field::ExtHdrs, ValueSet::bits(0, (ext::ALL & !ext::ESP).into()));
            Condition::and([Condition::present(Field::ExtHdrs), Condition::not(none)])
        },
    },
    Class {
        name: "established by state",
        why: "`tcp-established` is ACK or RST without state, and the state of the connection with it",
        files: &["iptables.rules", "nftables.nft", "speedway.ipt"],
        cases: ESTABLISHED,
        packets: || Condition::not(Condition::test(Field::TcpFlags, ValueSet::bits(0, 0x14))),
    },
    Class {
        name: "reset with other flags",
        why: "`established` of routers is any packet with RST, that of the reference RST without SYN and FIN",
        files: &["ciscoxr.xacl", "juniper.jcl", "juniperevo.evojcl", "srxlo.jsl"],
        cases: ESTABLISHED,
        packets: || {
            let more = Condition::not(Condition::test(Field::TcpFlags, ValueSet::bits(0, 3)));
            Condition::and([Condition::test(Field::TcpFlags, ValueSet::bits(4, 0x14)), more])
        },
    },
    Class {
        name: "a fragment left out",
        why: "for Junos the compiler renders a term of nothing but `is-fragment` or `first-fragment` without a `from`",
        files: &["ciscoxr.xacl", "juniper.jcl", "juniperevo.evojcl", "srxlo.jsl"],
        cases: &["22_fragments", "23_first_fragment"],
        packets: || Condition::True,
    },
    Class {
        name: "an address left out",
        why: "for IOS XR the compiler renders `address`, which is either address, as no address at all",
        files: &["ciscoxr.xacl"],
        cases: &["07_address_both"],
        packets: || Condition::test(Field::Proto, ValueSet::single(6)),
    },
    Class {
        name: "terms of a filter expression",
        why: "the compiler joins the terms of an expression of libpcap with `and`, and renders a policy that denies all as none",
        files: &["pcap.filter"],
        cases: &[],
        packets: || Condition::True,
    },
];

const ESTABLISHED: &[&str] = &["08_tcp_established", "35_v6_est"];

/// Renderings that the program they are for does not load either.
const UNREADABLE: &[(&str, &str)] = &[
    ("02_accept_all", "nftables.nft"),
    ("11_icmp_types", "nftables.nft"),
    ("44_mixed_exclude", "nftables.nft"),
];

/// The condition for packets that open a flow.
fn of_new_flows(condition: &Condition) -> Condition {
    match condition {
        Condition::And(parts) => Condition::and(parts.iter().map(of_new_flows)),
        Condition::Or(parts) => Condition::or(parts.iter().map(of_new_flows)),
        Condition::Not(part) => Condition::not(of_new_flows(part)),
        Condition::Test(test) if test.field() == Field::CtState => {
            if test.values().contains(CtState::New as u128) { Condition::True } else { Condition::False }
        }
        other => other.clone(),
    }
}

/// A rendering, as lists without calls; none where it is not there. Its errors, where it has any.
fn read(case: &Path, (dialect, file): (&str, &str), family: Family) -> Option<Result<Document, Vec<String>>> {
    let text = std::fs::read_to_string(case.join(file)).ok()?;
    let source = Source::new(file, Content::Text(text));
    let options = ReadOptions { family: Some(family), ..ReadOptions::default() };
    let reading = by_name(dialect).unwrap().read(&source, SourceId(0), &options);
    let errors = reading.diagnostics.iter().filter(|found| found.level == Level::Error);
    let errors: Vec<String> = errors.map(|found| found.message.clone()).collect();
    if !errors.is_empty() {
        return Some(Err(errors));
    }
    let mut document = reading.document.flattened(|_, _| false).into_owned();
    for condition in document.rule_sets.iter_mut().flat_map(|set| set.rules.conditions_mut()) {
        *condition = of_new_flows(condition);
    }
    Some(Ok(document))
}

/// The filter that packets of a family come to.
fn filter(document: &Document, family: Family) -> Option<&RuleSet> {
    let sets = document.entries().into_iter().filter_map(|at| document.rule_sets.get(at));
    let mut sets: Vec<&RuleSet> = sets
        .filter(|set| set.kind == Kind::Filter && (set.family == family || set.family == Family::Any))
        .collect();
    if sets.iter().any(|set| set.name == "filter/INPUT") {
        sets.retain(|set| set.name == "filter/INPUT");
    }
    sets.first().copied()
}

/// What the ledger does not record of a difference, and which entries explained some of it.
fn unexplained(
    place: (&str, &str),
    region: &Condition,
    explained: &mut BTreeMap<&'static str, (usize, String)>,
) -> Result<Option<String>, Exhausted> {
    let (file, case) = place;
    let mut spaces = Spaces::new(Model::real(), &limits::RULE_SET_NODES);
    let (world, space) = (spaces.world()?, spaces.of(region)?);
    let mut left = spaces.intersection(world, space)?;
    for class in CLASSES {
        if !class.files.contains(&file) || !(class.cases.is_empty() || class.cases.contains(&case)) {
            continue;
        }
        let packets = spaces.of(&(class.packets)())?;
        let some = spaces.intersection(left, packets)?;
        if let Some(witness) = spaces.witness(some)? {
            explained.entry(class.name).or_insert_with(|| (0, format!("{case}: {witness:?}"))).0 += 1;
        }
        left = spaces.difference(left, packets)?;
    }
    Ok(spaces.witness(left)?.map(|witness| format!("{witness:?}")))
}

/// The families that a case is about.
fn families(case: &Path) -> &'static [Family] {
    let about: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(case.join("case.json")).unwrap()).unwrap();
    match about["family"].as_str().unwrap() {
        "v4" => &[Family::Inet],
        "v6" => &[Family::Inet6],
        _ => &[Family::Inet, Family::Inet6],
    }
}

#[test]
fn renderings_of_one_policy_accept_the_same_packets() {
    let Some(folder) = corpora() else { return };
    let mut cases: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    let mut explained = BTreeMap::new();
    let (mut equal, mut but, mut wrong, mut unreadable) = (0, 0, Vec::new(), BTreeSet::new());
    for path in cases.iter().filter(|path| path.join("packets.jsonl").is_file()) {
        let case = path.file_name().unwrap().to_string_lossy();
        for family in families(path).iter().copied() {
            let mut references = REFERENCES.iter().filter_map(|of| Some((of.1, read(path, *of, family)?)));
            let (from, reference) = references.next().unwrap();
            let mut reference = reference.unwrap();
            for (dialect, file) in RENDERINGS.iter().filter(|(_, file)| *file != from) {
                let mut rendering = match read(path, (dialect, file), family) {
                    None => continue,
                    Some(Ok(rendering)) => rendering,
                    Some(Err(errors)) => {
                        if !UNREADABLE.contains(&(&case, file)) {
                            wrong.push(format!("{case}/{file}: {errors:?}"));
                        }
                        unreadable.insert((case.clone(), *file));
                        continue;
                    }
                };
                reference.join_symbols(&mut rendering);
                let (old, new) = (filter(&reference, family).unwrap(), filter(&rendering, family).unwrap());
                let found = match delta(old, new, holds) {
                    Ok(found) => found,
                    Err(error) => {
                        wrong.push(format!("{case}/{file} {family:?}: {error}"));
                        continue;
                    }
                };
                let is = |verdict| verdict == Verdict::Accept;
                let changes: Vec<_> =
                    found.changes.iter().filter(|change| is(change.before) != is(change.after)).collect();
                if changes.is_empty() {
                    equal += 1;
                    continue;
                }
                let before = wrong.len();
                for change in changes {
                    let region = Condition::and([of_family(family), change.region.clone()]);
                    match unexplained((file, &case), &region, &mut explained) {
                        Ok(None) => {}
                        Ok(Some(packet)) => wrong.push(format!(
                            "{case}/{file} {family:?}: {} to {} by {:?} and {:?}: {packet}",
                            change.before, change.after, change.old_rule, change.new_rule
                        )),
                        Err(exhausted) => wrong.push(format!("{case}/{file}: {exhausted}")),
                    }
                }
                but += usize::from(before == wrong.len());
            }
        }
    }
    println!("{equal} renderings are equal to the reference, {but} but for what the ledger records");
    assert!(wrong.is_empty(), "{} differences are not recorded:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(unreadable.len(), UNREADABLE.len(), "{unreadable:?}");
    for class in CLASSES {
        let Some((count, witness)) = explained.get(class.name) else {
            panic!("{}, as {}, explains nothing any more", class.name, class.why);
        };
        println!("{}: {count} regions, as {}; one packet is {witness}", class.name, class.why);
    }
    assert!(equal >= 40 && but >= 50, "{equal} and {but}");
}
