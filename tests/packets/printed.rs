//! The law of what is printed: an expression read, printed and read again keeps the same packets; so does a condition
//! that printing claims to say.
//!
//! Expressions are seeded ones of the whole grammar, for every link type that is modelled; conditions are seeded ones
//! over every field that a printer may be handed. Both readings are compared as sets of packets, as far as the
//! allowance goes, and over packets: recorded ones, synthetic ones, frames without a packet, and those at the
//! boundaries of both. Where printing says that it loses something, what it names is left out and the rest compared.

use crate::corpus;
use crate::expressions::expression;
use crate::random::{self, Pool, Random};
use flowgate::campaign::boundary;
use flowgate::diagnostic::Level;
use flowgate::dialect::pcap_filter::PcapFilter;
use flowgate::dialect::pcap_filter::print;
use flowgate::dialect::{Dialect, Loss, PrintOptions, ReadOptions, link_type};
use flowgate::eval::{Truth, evaluate, unknowns};
use flowgate::field::{Field, Headers, L4Status, ext};
use flowgate::guard::{Exhausted, limits};
use flowgate::ir::{Condition, Document, ValueSet};
use flowgate::packet::{CaptureReader, Decoded, LinkType, build, decode, decode_ip};
use flowgate::source::{Content, Source, SourceId};
use flowgate::symbolic::{Model, Space, Spaces};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

/// The link types whose frames are modelled.
const LINKS: &[&str] = &["EN10MB", "RAW", "LINUX_SLL", "NULL", "PPP", "C_HDLC", "IPV4", "IPV6"];

/// What became of the texts or conditions.
#[derive(Default)]
struct Figures {
    counts: BTreeMap<&'static str, usize>,
    packets: usize,
    wrong: Vec<String>,
}

impl Figures {
    fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }
}

fn read(text: &str, link: u16) -> Result<Document, String> {
    let source = Source::new("printed", Content::Text(text.to_owned()));
    let options =
        ReadOptions { pcap_link_type: Some(link), pcap_netmask: Some(0xffff_ff00), ..ReadOptions::default() };
    let reading = PcapFilter.read(&source, SourceId(0), &options);
    match reading.diagnostics.into_iter().find(|d| d.level == Level::Error) {
        Some(error) => Err(error.message),
        None => Ok(reading.document),
    }
}

/// What the one rule of a document keeps; nothing where it has none.
fn kept(document: &Document) -> Condition {
    let rules = &document.rule_sets[0].rules;
    assert!(rules.len() <= 1, "{} rules", rules.len());
    rules.first().map_or(Condition::False, |rule| rule.condition.clone())
}

/// IPv6 packets with a chain that libpcap cannot walk.
fn chained() -> Condition {
    let short = [0, ext::ESP, ext::FRAGMENT, ext::FRAGMENT | ext::ESP];
    let short = Condition::test(Field::ExtHdrs, ValueSet::of(short));
    let lost = Condition::not(Condition::present(Field::Proto));
    Condition::and([Condition::present(Field::Src6), Condition::or([Condition::not(short), lost])])
}

/// The packets two readings are compared for.
fn compared(blind: bool, frames: bool, bare: bool) -> Condition {
    let mut parts = vec![sound()];
    if !bare {
        parts.push(Condition::present(Field::FrameLen));
    }
    if blind {
        parts.push(Condition::not(chained()));
    }
    if frames && !bare {
        parts.extend([Field::EthSrc, Field::EthDst].map(Condition::present));
    }
    if !frames {
        let link = [Field::EthType, Field::VlanId, Field::MplsLabel, Field::EthSrc, Field::EthDst];
        parts.extend(link.map(absent));
    }
    Condition::and(parts)
}

fn is(field: Field, value: u32) -> Condition {
    Condition::test(field, ValueSet::single(value))
}

fn absent(field: Field) -> Condition {
    Condition::not(Condition::present(field))
}

fn implies(when: Condition, then: Condition) -> Condition {
    Condition::or([Condition::not(when), then])
}

fn has(field: Field, mask: u128, value: u128) -> Condition {
    Condition::test(field, ValueSet::bits(value, mask))
}

/// What holds of complete and well-formed packets, beyond the laws that the symbolic stage may take for granted: it
/// knows less of chains and options than an expression that reads the octets does.
fn sound() -> Condition {
    let first = || is(Field::FragOff, 0);
    let fragment = [ext::FRAGMENT, ext::FRAGMENT | ext::ESP];
    let fragment = Condition::test(Field::ExtHdrs, ValueSet::of(fragment));
    let exact = Condition::or((0..=31).map(|room| {
        let high = if room == 31 { 65_575 } else { 48 + room };
        let length = Condition::test(Field::Len, ValueSet::range(48 + room, high));
        Condition::and([is(Field::L4Room, room), length])
    }));
    // What announces a packet of the version, or a header before it.
    let carriers = [0x8847, 0x8848, 0x8864];
    let typed = |version: u32, own: u32| {
        let types = Condition::test(Field::EthType, ValueSet::of(carriers.into_iter().chain([own])));
        implies(is(Field::IpVersion, version), Condition::or([absent(Field::EthType), types]))
    };
    Condition::and([
        // Of two tags there may be a third behind.
        absent(Field::InnerVlanId),
        // Of a chain that ends inside a header nobody prints anything.
        Condition::not(is(Field::L4Status, L4Status::Unlocatable as u32)),
        // A jumbogram's hop-by-hop header is the first (RFC 2675 §2).
        implies(absent(Field::Len), is(Field::ProtoField, 0)),
        // One fragment header takes 8 octets; several look like one.
        implies(fragment, exact),
        implies(
            Condition::test(Field::HdrLen, ValueSet::range(6, 15)),
            Condition::not(is(Field::IpOptions, 0)),
        ),
        implies(
            Condition::and([Condition::present(Field::Src6), is(Field::Proto, 50), first()]),
            has(Field::ExtHdrs, ext::ESP.into(), ext::ESP.into()),
        ),
        implies(
            Condition::and([Condition::present(Field::Src6), Condition::not(first())]),
            has(Field::ExtHdrs, ext::ESP.into(), 0),
        ),
        typed(4, 0x0800),
        typed(6, 0x86dd),
    ])
}

/// What a link type carries alone.
fn carried(link: &str) -> Condition {
    match link {
        "IPV4" => Condition::present(Field::Src4),
        "IPV6" => Condition::present(Field::Src6),
        _ => Condition::True,
    }
}

/// A packet of `world` that two conditions part; none where there is none or it takes too long to say.
fn parted(a: &Condition, b: &Condition, world: &Condition) -> Result<Option<Headers>, Exhausted> {
    let mut spaces = Spaces::new(Model::real(), &limits::RULE_NODES);
    let (a, b, within) = (spaces.of(a)?, spaces.of(b)?, spaces.of(world)?);
    let all = spaces.world()?;
    let within = spaces.intersection(all, within)?;
    for (x, y) in [(a, b), (b, a)] {
        let rest: Space = spaces.difference(x, y)?;
        let rest = spaces.intersection(rest, within)?;
        if !rest.is_empty() {
            return spaces.witness(rest);
        }
    }
    Ok(None)
}

struct World {
    pool: Pool,
    packets: Vec<(LinkType, Headers)>,
}

/// Recorded packets and frames, a few of each capture, and synthetic ones.
fn world(random: &mut Random) -> World {
    let mut world = World { pool: Pool::default(), packets: Vec::new() };
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let mut files = corpus::captures(&repository, &["captures"]);
    if let Some(root) = corpus::corpora("packets of the corpora for what is printed") {
        files.extend(corpus::captures(&root, &["pcap", "pcap_synthetic"]));
    }
    for path in files {
        let Ok(mut reader) = CaptureReader::new(File::open(&path).unwrap()) else { continue };
        for _ in 0..6 {
            let Ok(Some(frame)) = reader.next_frame() else { break };
            let mut headers = Headers::new();
            let decoded = decode(frame.link_type, frame.octets, frame.length, &mut headers);
            if matches!(decoded, Decoded::Whole | Decoded::NotIp) {
                world.pool.add(&headers);
                world.packets.push((frame.link_type, headers));
            }
        }
    }
    for _ in 0..400 {
        let fields = random::packet(&world.pool, random);
        let mut frame = vec![2; 12];
        frame.extend(if fields.small(Field::IpVersion) == Some(6) { [0x86, 0xdd] } else { [8, 0] });
        frame.extend(build(&fields).unwrap());
        let mut headers = Headers::new();
        let length = u32::try_from(frame.len()).unwrap();
        for (link, octets) in [(LinkType::ETHERNET, &frame[..]), (LinkType::RAW, &frame[14..])] {
            if decode(link, octets, length, &mut headers) == Decoded::Whole {
                world.packets.push((link, headers.clone()));
            }
        }
    }
    world
}

/// Compares two readings of one thing.
fn compare(
    a: &Condition,
    b: &Condition,
    within: &Condition,
    (link, world): (LinkType, &World),
    what: &str,
    figures: &mut Figures,
) {
    // Their octets are also those of other fields, which the symbolic stage does not tie to them.
    let tied = |condition: &Condition| {
        condition.tests().iter().any(|t| matches!(t.field(), Field::GreKey | Field::AhSpi))
    };
    let sets = if tied(a) || tied(b) { Err(None) } else { parted(a, b, within).map_err(Some) };
    match sets {
        Ok(None) => figures.count("the same set"),
        Ok(Some(witness)) => {
            let truths =
                [a, b].map(|condition| (evaluate(condition, &witness), unknowns(condition, &witness)));
            figures.wrong.push(format!("{what}: the sets differ: {truths:?} for {witness:?}"));
            return;
        }
        Err(None) => figures.count("not compared as sets"),
        Err(Some(_)) => figures.count("too long to compare as sets"),
    }
    let mut bound = Vec::new();
    for condition in [a, b] {
        let mut rules = flowgate::ir::Rules::new();
        rules.push(flowgate::ir::RuleBuf {
            name: "r".into(),
            condition: condition.clone(),
            actions: Box::new([]),
            outcome: flowgate::ir::Outcome::Verdict(flowgate::ir::Verdict::Accept),
            action_given: true,
            nlri: None,
            origin: flowgate::ir::Origin { source: SourceId(0), span: flowgate::source::Span::default() },
        });
        let set = flowgate::ir::RuleSet {
            name: "s".into(),
            kind: flowgate::ir::Kind::Filter,
            family: flowgate::field::Family::Any,
            default: flowgate::ir::Verdict::Discard,
            rules,
        };
        boundary::packets::<Exhausted>(&set, 3, &mut |octets| {
            if bound.len() < 600 {
                let mut headers = Headers::new();
                decode_ip(octets, &mut headers);
                bound.push(headers);
            }
            Ok(())
        })
        .unwrap();
    }
    let recorded = world.packets.iter().filter(|(of, _)| *of == link).map(|(_, headers)| headers);
    for headers in recorded.chain(&bound) {
        if evaluate(within, headers) != Truth::Yes {
            continue;
        }
        let (x, y) = (evaluate(a, headers), evaluate(b, headers));
        figures.packets += 1;
        if x != y {
            figures.wrong.push(format!("{what}: {x:?} became {y:?} for {headers:?}"));
            return;
        }
    }
}

fn expression_law(text: &str, link: &str, world: &World, figures: &mut Figures) {
    let number = link_type(link).unwrap();
    let Ok(document) = read(text, number) else { return figures.count("refused") };
    let mut printed = String::new();
    let lost = PcapFilter.print(&document, &PrintOptions::default(), &mut printed).unwrap();
    if let Some(lost) = lost.iter().find(|lost| lost.loss == Loss::LeftOut) {
        let opaque = lost.what.contains("not modelled");
        if !opaque {
            println!("OTHER {} {}", lost.what, text);
        }
        return figures.count(if opaque { "left out: opaque" } else { "left out: other" });
    }
    let blind = lost.iter().any(|lost| lost.loss == Loss::Meaning);
    let before = kept(&document);
    // Tests of the frame are written as octets of Ethernet.
    let again = if printed.contains("ether") { 1 } else { number };
    let what = format!("{link} `{text}` is written `{}`", printed.trim_end());
    match read(&printed, again) {
        Err(error) => figures.wrong.push(format!("{what}: {error}")),
        Ok(document) => {
            let frames = matches!(link, "EN10MB" | "RAW");
            figures.count(if blind { "written but for chains" } else { "written" });
            let bare = matches!(link, "RAW" | "IPV4" | "IPV6");
            let within = Condition::and([compared(blind, frames, bare), carried(link)]);
            compare(&before, &kept(&document), &within, (LinkType(number), world), &what, figures);
        }
    }
}

fn wanted(name: &str, usual: usize) -> usize {
    std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(usual)
}

fn report(figures: &Figures) {
    println!("{:?}, {} packets", figures.counts, figures.packets);
    let mut wrong: Vec<&String> = figures.wrong.iter().collect();
    wrong.sort_by_key(|text| text.len());
    let shown = wrong.iter().take(6).map(|text| text.as_str()).collect::<Vec<_>>().join("\n");
    assert!(figures.wrong.is_empty(), "{} wrong:\n{shown}", figures.wrong.len());
}

#[test]
fn expressions_read_again_keep_the_same_packets() {
    let mut random = Random(wanted("FLOWGATE_SEED", 20_261_123) as u64);
    let world = world(&mut random);
    let mut figures = Figures::default();
    for number in 0..wanted("FLOWGATE_PRINTED_EXPRESSIONS", 240) {
        let link = LINKS[number % LINKS.len()];
        let text = expression(&world.pool, &mut random, link == "EN10MB");
        expression_law(&text, link, &world, &mut figures);
    }
    report(&figures);
}

#[test]
fn conditions_that_are_written_read_as_the_same_packets() {
    let mut random = Random(wanted("FLOWGATE_SEED", 20_261_124) as u64);
    let world = world(&mut random);
    let mut figures = Figures::default();
    for number in 0..wanted("FLOWGATE_PRINTED_CONDITIONS", 200) {
        let condition = random::condition(&world.pool, &mut random);
        let Ok(written) = print::expression(&condition) else {
            figures.count("inexpressible");
            continue;
        };
        let link = if number % 2 == 0 { 101 } else { 1 };
        let what = format!("{link} {condition:?} is written `{}`", written.text);
        match read(&written.text, link) {
            Err(error) => figures.wrong.push(format!("{what}: {error}")),
            Ok(document) => {
                figures.count(if written.blind { "written but for chains" } else { "written" });
                let within = compared(written.blind, false, true);
                compare(&condition, &kept(&document), &within, (LinkType(link), &world), &what, &mut figures);
            }
        }
    }
    report(&figures);
}
