//! What an expression keeps, against tcpdump: expressions of the grammar, seeded, and every one of the corpora are
//! read, and evaluation accepts the packets that tcpdump keeps.
//!
//! tcpdump compiles each for each link type (`-O`: its optimiser is not under test); the programs run in the machine
//! of `bpf.rs`, which `tcpdump.rs` compares with tcpdump's own reading of the same files.

use crate::bpf::Program;
use crate::corpus;
use crate::expressions::expression;
use crate::random::{Pool, Random, packet};
use crate::tcpdump::{PLAIN, try_compile};
use flowgate::diagnostic::Level;
use flowgate::dialect::{self, ReadOptions};
use flowgate::eval::{Truth, Unknown, evaluate, unknowns};
use flowgate::field::{Field, Headers};
use flowgate::ir::Condition;
use flowgate::packet::{CaptureReader, Decoded, LinkType, Malformed, build, decode};
use flowgate::source::{Content, Source, SourceId};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

/// Why a packet's answer may differ from tcpdump's. Each class says which packets it predicts, and how they differ.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Class {
    /// No difference is allowed.
    Clean,
    /// The expression asks for something outside the model, and nothing else decides.
    Opaque,
    /// The capture ends before what is asked for: tcpdump leaves the packet, we say that nobody knows.
    CutUnknown,
    /// The capture ends before something that what we know makes unneeded: tcpdump leaves the packet.
    CutDecided,
    /// libpcap believes lengths and options that contradict each other, and loads what is behind them: of the packet
    /// that ends there it says what we do.
    Malformed,
    /// The packet is not of the version announced, or ends inside its header: we say that nobody knows.
    Lost,
    /// A jumbogram without a link header, whose length is no field (RFC 2675 §3): libpcap takes that of the frame.
    Jumbogram,
    /// The frame holds octets behind the packet's end, which libpcap loads.
    Padded,
    /// The capture ends inside an extension header or a field, of which libpcap does not look at what was cut.
    CutBeside,
    /// libpcap takes every PPP frame to begin with address and control and a protocol of two octets.
    Ppp,
    /// `byte N & M` and `byte N | M` of libpcap 1.10.3 compile to a program without a load.
    ByteWithoutLoad,
    /// A VLAN tag inside a Linux cooked frame, or a third tag: the model does not tell.
    Tags,
}

struct Seen {
    octets: Vec<u8>,
    length: u32,
    decoded: Decoded,
    headers: Headers,
    link_type: LinkType,
    // The end of the packet, where the frame holds more octets.
    end: Option<usize>,
    // What is odd about the frame, and what it looks like to us.
    odd: Option<(Class, Vec<u8>)>,
}

struct Capture {
    name: String,
    link_type: LinkType,
    packets: Vec<Seen>,
}

#[derive(Default)]
struct Figures {
    pairs: usize,
    verdicts: usize,
    kept: usize,
    classes: BTreeMap<Class, (usize, usize)>,
    refused: BTreeMap<&'static str, usize>,
    wrong: Vec<String>,
    by_text: BTreeMap<String, usize>,
    refusals: Vec<String>,
}

#[test]
fn expressions_keep_what_tcpdump_keeps() {
    if !corpus::has_tool("tcpdump") {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let mut captures = captures();
    let mut pool = Pool::default();
    captures.iter().flat_map(|c| &c.packets).for_each(|p| pool.add(&p.headers));
    let mut random = Random(20_261_122);
    captures.extend((0..12).map(|number| synthetic(number, &pool, &mut random)));
    let wanted =
        std::env::var("FLOWGATE_DIFFERENTIAL_EXPRESSIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(250);
    let mut expressions = recorded();
    println!("{} captures, {} recorded expressions", captures.len(), expressions.len());
    expressions.extend((0..wanted).map(|n: usize| expression(&pool, &mut random, n.is_multiple_of(2))));
    let mut figures = Figures::default();
    for (number, text) in expressions.iter().enumerate() {
        differ(text, number, &captures, scratch.path(), &mut figures);
    }
    println!(
        "{} expressions, {} pairs, {} verdicts, {} kept",
        expressions.len(),
        figures.pairs,
        figures.verdicts,
        figures.kept
    );
    for (class, (compared, differ)) in &figures.classes {
        println!("{class:?}: {compared} compared, {differ} differ");
    }
    println!("refused: {:?}", figures.refused);
    assert!(figures.refusals.is_empty(), "refused by one:\n{}", figures.refusals.join("\n"));
    assert!(
        figures.wrong.is_empty(),
        "{} unexplained:\n{}",
        figures.wrong.len(),
        figures.wrong[..figures.wrong.len().min(12)].join("\n")
    );
    let clean = figures.classes.get(&Class::Clean).map_or(0, |(compared, _)| *compared);
    assert!(clean >= 50_000, "only {clean} clean verdicts");
    assert!(figures.kept > figures.verdicts / 50, "expressions that keep nothing compare nothing");
}

fn captures() -> Vec<Capture> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let mut files: Vec<PathBuf> = corpus::captures(&repository, &["captures"]);
    if let Some(root) = corpus::corpora("the captures of the corpora against expressions") {
        files.extend(corpus::captures(&root, &["pcap", "pcap_synthetic"]));
    }
    files.iter().flat_map(|path| read(path)).collect()
}

/// Packets of one file, parted by link type; those of a link type that is not decoded are left out.
fn read(path: &Path) -> Vec<Capture> {
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    let Ok(mut reader) = CaptureReader::new(File::open(path).unwrap()) else { return Vec::new() };
    let mut parts: BTreeMap<LinkType, Vec<Seen>> = BTreeMap::new();
    while let Ok(Some(frame)) = reader.next_frame() {
        if let Some(seen) = seen(frame.link_type, frame.octets, frame.length) {
            parts.entry(frame.link_type).or_default().push(seen);
        }
    }
    parts.into_iter().map(|(link_type, packets)| Capture { name: name.clone(), link_type, packets }).collect()
}

fn seen(link_type: LinkType, octets: &[u8], length: u32) -> Option<Seen> {
    let mut headers = Headers::new();
    let decoded = decode(link_type, octets, length, &mut headers);
    if decoded == Decoded::NotDecoded {
        return None;
    }
    let ppp = matches!(link_type, LinkType::PPP | LinkType::PPP_HDLC | LinkType::PPP_WITH_DIRECTION);
    let bare = ppp && (octets.len() < 4 || !octets.starts_with(&[0xff, 3]) || octets[2] & 1 == 1);
    let odd = if bare {
        Some((Class::Ppp, usual_ppp(octets)))
    } else if tags(link_type, octets) {
        Some((Class::Tags, fewer_tags(link_type, octets)))
    } else {
        None
    };
    let end = headers.small(Field::Len).map(|len| len + header(link_type, octets));
    let end = end.filter(|end| length > *end).map(|end| usize::try_from(end).unwrap());
    Some(Seen { octets: octets.to_vec(), length, decoded, headers, link_type, end, odd })
}

/// A PPP frame with the address, control and protocol octets that libpcap takes all of them to have.
pub(crate) fn usual_ppp(octets: &[u8]) -> Vec<u8> {
    let rest = octets.strip_prefix(&[0xff, 3]).unwrap_or(octets);
    let short = rest.first().is_some_and(|first| first & 1 == 1);
    [&[0xff, 3][..], if short { &[0] } else { &[] }, rest].concat()
}

/// A frame without the tags that are more than libpcap looks for, or we keep.
fn fewer_tags(link_type: LinkType, octets: &[u8]) -> Vec<u8> {
    let mut frame = octets.to_vec();
    match link_type {
        // The type stands before the addresses.
        LinkType::LINUX_SLL2 => {
            frame.copy_within(22..24, 0);
            frame.drain(20..24);
        }
        LinkType::LINUX_SLL => drop(frame.drain(14..18)),
        _ => {
            while tags(link_type, &frame) {
                frame.drain(20..24);
            }
        }
    }
    frame
}

/// Octets before the packet, of the link types that captures mostly have.
fn header(link_type: LinkType, octets: &[u8]) -> u32 {
    match link_type {
        LinkType::ETHERNET => {
            let mut at = 12;
            while matches!(octets.get(at..at + 2), Some([0x81 | 0x91, 0] | [0x88, 0xa8])) {
                at += 4;
            }
            u32::try_from(at).unwrap() + 2
        }
        LinkType::LINUX_SLL => 16,
        LinkType::LINUX_SLL2 => 20,
        LinkType::NULL | LinkType::LOOP | LinkType::PPP | LinkType::PPP_HDLC | LinkType::CISCO_HDLC => 4,
        _ => 0,
    }
}

fn tags(link_type: LinkType, octets: &[u8]) -> bool {
    let is_tag = |at: usize| matches!(octets.get(at..at + 2), Some([0x81 | 0x91, 0] | [0x88, 0xa8]));
    match link_type {
        LinkType::ETHERNET => is_tag(12) && is_tag(16) && is_tag(20),
        LinkType::LINUX_SLL => is_tag(14),
        LinkType::LINUX_SLL2 => is_tag(0),
        _ => false,
    }
}

/// A capture of packets made from fields, some of them tagged, cut or no IP.
fn synthetic(number: usize, pool: &Pool, random: &mut Random) -> Capture {
    let ethernet = number.is_multiple_of(2);
    let link_type = if ethernet { LinkType::ETHERNET } else { LinkType::RAW };
    let mut packets = Vec::new();
    for _ in 0..60 {
        let headers = packet(pool, random);
        let mut frame = Vec::new();
        if ethernet {
            frame.extend([2; 12]);
            for _ in 0..if random.below(8) == 0 { 1 + random.below(2) } else { 0 } {
                frame.extend([0x81, 0, 0, 5]);
            }
            frame.extend(if headers.small(Field::IpVersion) == Some(6) { [0x86, 0xdd] } else { [8, 0] });
        }
        frame.extend(build(&headers).unwrap());
        let length = u32::try_from(frame.len()).unwrap();
        frame.truncate(if random.below(15) == 0 {
            14 + usize::try_from(random.below(60)).unwrap()
        } else {
            2_000
        });
        packets.extend(seen(link_type, &frame, length));
    }
    Capture { name: format!("synthetic {number}"), link_type, packets }
}

/// Expressions of the samples and of the corpora.
fn recorded() -> Vec<String> {
    let mut list: Vec<String> = Vec::new();
    for folder in ["sound", "flawed"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules/pcap-filter").join(folder);
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
            list.extend(text.lines().map(|line| line.split('#').next().unwrap().trim().to_owned()));
        }
    }
    if let Some(root) = corpus::corpora("the expressions of the corpora") {
        let mut files: Vec<PathBuf> =
            std::fs::read_dir(root.join("pcap_filter")).unwrap().map(|e| e.unwrap().path()).collect();
        files.push(root.join("pcap_synthetic/libpcap_filter_results.json"));
        files.sort();
        for path in files {
            let text = std::fs::read_to_string(&path).unwrap();
            if path.extension().is_some_and(|e| e == "ref") {
                list.push(text);
                continue;
            }
            let json: serde_json::Value = serde_json::from_str(&text).unwrap();
            let words = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
            for vector in json.as_array().into_iter().flatten() {
                list.extend(vector.get("expr").map(words));
                list.extend(
                    vector.get("aliases").and_then(|a| a.as_array()).into_iter().flatten().map(words),
                );
            }
            let plain = json.get("expressions").and_then(|list| list.as_array());
            list.extend(plain.into_iter().flatten().map(words));
        }
    }
    // Asking for names of hosts takes libpcap seconds each; we do not resolve them.
    list.retain(|text| !text.trim().is_empty() && !text.to_lowercase().contains("libpcap.test"));
    list.sort();
    list.dedup();
    list
}

/// What an expression keeps of packets of a link type; none when it is refused.
fn read_expression(text: &str, link_type: LinkType) -> Result<Condition, &'static str> {
    let source = Source::new("expression", Content::Text(text.to_owned()));
    let options =
        ReadOptions { pcap_link_type: Some(link_type.0), pcap_netmask: Some(0), ..ReadOptions::default() };
    let reading = dialect::by_name("pcap-filter").unwrap().read(&source, SourceId(0), &options);
    if let Some(error) = reading.diagnostics.iter().find(|d| d.level == Level::Error) {
        return Err(error.check);
    }
    let [set] = &reading.document.rule_sets[..] else { panic!("{text}") };
    let [condition] = set.rules.conditions() else { panic!("{text}: {} rules", set.rules.len()) };
    Ok(condition.clone())
}

fn differ(text: &str, number: usize, captures: &[Capture], scratch: &Path, figures: &mut Figures) {
    let mut compiled: BTreeMap<LinkType, Option<(Condition, Program)>> = BTreeMap::new();
    for capture in captures {
        let usual = matches!(capture.link_type, LinkType::ETHERNET | LinkType::RAW);
        if !usual && !number.is_multiple_of(5) {
            continue;
        }
        let both = compiled.entry(capture.link_type).or_insert_with(|| {
            let ours = read_expression(text, capture.link_type);
            let theirs = try_compile(text, capture.link_type, scratch, PLAIN);
            match (ours, theirs) {
                (Ok(ours), Ok(theirs)) => Some((ours, theirs)),
                (Err(_), Err(_)) => {
                    *figures.refused.entry("by both").or_default() += 1;
                    None
                }
                (ours, theirs) => {
                    let error = theirs.err();
                    let why = why_refused(text, ours.err(), error.as_deref());
                    match why {
                        Some(why) => *figures.refused.entry(why).or_default() += 1,
                        None => figures.refusals.push(format!(
                            "{text} on {}: {}",
                            capture.link_type,
                            error.unwrap_or_else(|| "by us".to_owned())
                        )),
                    }
                    None
                }
            }
        });
        let Some((ours, theirs)) = both else { continue };
        figures.pairs += 1;
        let has_opaque = ours.has_opaque();
        for packet in &capture.packets {
            let truth = evaluate(ours, &packet.headers);
            let kept = theirs.keeps(&packet.octets, packet.length);
            figures.verdicts += 1;
            figures.kept += usize::from(kept);
            let same = truth == Truth::from(kept);
            let class = if text.starts_with("byte") && text.contains(['&', '|']) {
                assert_eq!(kept, text.contains('|'), "libpcap loads the octet of `{text}` now");
                Class::ByteWithoutLoad
            } else {
                class(packet, ours, theirs, truth, has_opaque)
            };
            let sum = figures.classes.entry(class).or_default();
            *sum = (sum.0 + 1, sum.1 + usize::from(!same));
            if !same && class == Class::Clean {
                *figures.by_text.entry(text.to_owned()).or_default() += 1;
                if figures.by_text[text] > 2 {
                    continue;
                }
                figures.wrong.push(format!(
                    "{}: `{text}`: we say {truth:?}, tcpdump keeps: {kept}\n  {:?}\n  {ours:?}",
                    capture.name, packet.headers
                ));
            }
        }
    }
}

// What we read and libpcap refuses, by its words.
const THEIRS: &[(&str, &str)] = &[
    ("supported only on", "words of another link layer, which we read as opaque"),
    ("only supported on", "words of another link layer, which we read as opaque"),
    ("supported only with", "words of another link layer, which we read as opaque"),
    ("not present in capture", "words of another link layer, which we read as opaque"),
    ("not supported", "words of another link layer, which we read as opaque"),
    ("unknown network", "names, which we do not resolve"),
    ("only PPP and CHDLC", "names, which we do not resolve"),
];

/// Why one of the two refuses an expression; none when nothing explains it.
fn why_refused(text: &str, ours: Option<&str>, error: Option<&str>) -> Option<&'static str> {
    if let Some(check) = ours {
        // The corpus, which is of a later libpcap, has each of them refused.
        return (check == "value-out-of-range").then_some("numbers that a later libpcap refuses");
    }
    if text.contains("vxlan") || text.contains("proto slow") {
        return Some("words of a later libpcap");
    }
    let error = error?;
    THEIRS.iter().find(|(words, _)| error.contains(words)).map(|(_, why)| *why)
}

/// The class that predicts what tcpdump does with a packet; where none does, no difference is allowed.
fn class(packet: &Seen, condition: &Condition, theirs: &Program, truth: Truth, has_opaque: bool) -> Class {
    let kept = theirs.keeps(&packet.octets, packet.length);
    let same = truth == Truth::from(kept);
    if let Some((class, usual)) = &packet.odd
        && (same || truth == Truth::Unknown || truth == Truth::from(theirs.keeps(usual, packet.length)))
    {
        return *class;
    }
    if let Decoded::Malformed { kind, at } = packet.decoded
        && !same
    {
        let unknown = unknowns(condition, &packet.headers);
        let lost = unknown.iter().any(|reason| matches!(reason, Unknown::Cut(_)));
        if truth == Truth::Unknown && lost && matches!(kind, Malformed::FrameTooShort | Malformed::Version) {
            return Class::Lost;
        }
        let frame = (packet.link_type, &packet.octets[..], packet.length, &packet.headers);
        if is_taken_so(frame, kind, at, truth, theirs) {
            return Class::Malformed;
        }
    }
    // Whether tcpdump keeps the packet when all octets that were cut are this one.
    let filled = |octet: u8| {
        let mut octets = packet.octets.clone();
        octets.resize(packet.length as usize, octet);
        theirs.keeps(&octets, packet.length)
    };
    if truth == Truth::Unknown {
        let reasons = unknowns(condition, &packet.headers);
        if has_opaque && reasons.iter().any(|reason| matches!(reason, Unknown::Opaque(_))) {
            return Class::Opaque;
        }
        let lost = reasons.iter().any(|reason| matches!(reason, Unknown::Cut(_)));
        return match (lost, kept) {
            (true, false) => Class::CutUnknown,
            (true, true) if filled(0) && filled(0xff) => Class::CutBeside,
            _ => Class::Clean,
        };
    }
    let cut = packet.octets.len() < packet.length as usize;
    if cut && truth == Truth::Yes && !kept && filled(0) && filled(0xff) {
        return Class::CutDecided;
    }
    // Ours has no length: each comparison with it is false, as for one that is too short or one that is too long.
    let bare = matches!(packet.link_type, LinkType::RAW | LinkType::IPV6);
    let jumbogram =
        packet.headers.small(Field::IpVersion) == Some(6) && packet.headers.small(Field::Len).is_none();
    if !same
        && bare
        && jumbogram
        && [0, u32::MAX].iter().any(|length| truth == Truth::from(theirs.keeps(&packet.octets, *length)))
    {
        return Class::Jumbogram;
    }
    // Without the octets behind the packet's end, tcpdump says what we do; without a link header they count as its own.
    if !same && let Some(end) = packet.end {
        let bare = matches!(packet.link_type, LinkType::RAW | LinkType::IPV4 | LinkType::IPV6);
        let octets = packet.octets.get(..end).unwrap_or(&packet.octets);
        let length = if bare { u32::try_from(end).unwrap() } else { packet.length };
        if truth == Truth::from(theirs.keeps(octets, length)) {
            return Class::Padded;
        }
    }
    Class::Clean
}

/// Whether tcpdump says of what we take a malformed packet for what we say of it.
pub(crate) fn is_taken_so(
    frame: (LinkType, &[u8], u32, &Headers),
    kind: Malformed,
    at: u32,
    truth: Truth,
    theirs: &Program,
) -> bool {
    as_taken(frame, kind, at).iter().any(|frames| {
        frames.iter().all(|(octets, length)| truth == Truth::from(theirs.keeps(octets, *length)))
    })
}

/// What we take a malformed packet for, as frames of their own and their lengths: any of these, and all forms of it. It
/// ends where lengths or options contradict each other, so that nothing is behind its headers, whether an expression
/// loads what is there or asks the total length for it; a header that is not all there is, whatever it holds; without a
/// link header the length of the frame is the packet's own.
fn as_taken(
    (link_type, octets, length, headers): (LinkType, &[u8], u32, &Headers),
    kind: Malformed,
    at: u32,
) -> Vec<Vec<(Vec<u8>, u32)>> {
    let begin = header(link_type, octets) as usize;
    let bare = matches!(link_type, LinkType::RAW | LinkType::IPV4 | LinkType::IPV6);
    let length = if bare { headers.small(Field::Len).unwrap_or(length) } else { length };
    let first = octets.get(begin).copied().unwrap_or(0);
    let words = if kind == Malformed::HeaderLength { 5 } else { first & 15 };
    // Of options that overrun the header there are none.
    let own_words = if kind == Malformed::Options { 5 } else { words };
    let size = usize::from(words) * 4;
    let end = match kind {
        Malformed::Version => return Vec::new(),
        Malformed::FrameTooShort => {
            let fixed = match first >> 4 {
                4 => headers.small(Field::Len).map_or(20, |len| len.max(20)) as usize,
                6 => 40,
                _ => 0,
            };
            let filled = |octet| {
                let mut filled = octets.to_vec();
                filled.resize(octets.len().max(begin + fixed), octet);
                (filled, length)
            };
            return vec![vec![filled(0), filled(0xff)]];
        }
        // What of its headers the frame holds is there.
        Malformed::LengthBeyondFrame => octets.len(),
        _ if first >> 4 == 4 => begin + size,
        _ => at as usize,
    };
    let cut = octets.get(..end).unwrap_or(octets).to_vec();
    let mut list = vec![vec![(cut.clone(), length)]];
    if first >> 4 == 4 && cut.len() >= begin + 20 {
        let mut own = cut;
        own[begin] = 0x40 | own_words;
        own[begin + 3] = own_words * 4;
        own[begin + 2] = 0;
        list.push(vec![(own.clone(), length)]);
        own[begin + 2..begin + 4].copy_from_slice(&octets[begin + 2..begin + 4]);
        list.push(vec![(own, length)]);
    }
    // Without a length of its own it is told from a jumbogram by what follows (RFC 2675 §2): nothing does.
    if first >> 4 == 6 && kind == Malformed::ExtensionHeaders && octets.len() >= begin + 40 {
        let mut own = octets[..begin + 40].to_vec();
        own[begin + 6] = 59;
        list.push(vec![(own, length)]);
    }
    list
}

/// For each class a packet that shows it; when none differs any more, the class has to go.
#[test]
fn every_class_still_explains_something() {
    if !corpus::has_tool("tcpdump") {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let hex = |text: &str| -> Vec<u8> {
        let digits: String = text.split_whitespace().collect();
        (0..digits.len() / 2).map(|i| u8::from_str_radix(&digits[2 * i..2 * i + 2], 16).unwrap()).collect()
    };
    let inet = "4500 0028 0001 0000 4006 0000 c0000201 c0000202";
    let tcp = "9c40 0050 00000001 00000000 5002 ffff 0000 0000";
    let whole = format!("{inet} {tcp}");
    let shorter = inet.replace("0028", "0016");
    let padded = format!("020202020202 020202020202 0800 {shorter} 9c40 0050 {}", "00".repeat(22));
    let malformed = format!("4500 0005 0001 0000 4006 0000 c0000201 c0000202 {tcp}");
    let chain = format!("60000000 0020 3c 40 {} 06", "20010db8000000000000000000000001".repeat(2));
    let jumbo = format!(
        "60000000 0000 00 40 {} 3b00 c204 00010018 {}",
        "20010db8000000000000000000000001".repeat(2),
        "00".repeat(65_552)
    );
    let tagged = format!("0000 0001 0006 020202020202 0000 8100 0005 0800 {whole}");
    let bare = format!("0021 {whole}");
    let other = format!("020202020202 020202020202 0800 6{}", whole.get(1..).unwrap());
    let cases: &[(Class, LinkType, &str, u32, &str)] = &[
        (Class::Opaque, LinkType::RAW, &whole, 40, "ip[10:2] = 0"),
        (Class::CutUnknown, LinkType::RAW, inet, 40, "tcp dst port 80"),
        (Class::CutDecided, LinkType::RAW, inet, 40, "tcp dst port 80 or ip"),
        (Class::CutBeside, LinkType::RAW, &chain, 72, "not tcp"),
        (Class::Malformed, LinkType::RAW, &malformed, 40, "tcp dst port 80"),
        (Class::Jumbogram, LinkType::RAW, &jumbo, 65_600, "greater 100"),
        (Class::Lost, LinkType::ETHERNET, &other, 54, "ip"),
        (Class::Padded, LinkType::ETHERNET, &padded, 60, "tcp dst port 80"),
        (Class::Ppp, LinkType::PPP, &bare, 42, "tcp"),
        (Class::Tags, LinkType::LINUX_SLL, &tagged, 60, "tcp"),
        (Class::ByteWithoutLoad, LinkType::RAW, &whole, 40, "byte 8 & 64"),
    ];
    for (wanted, link_type, octets, length, text) in cases {
        let octets = hex(octets);
        let packet = seen(*link_type, &octets, (*length).max(octets.len().try_into().unwrap())).unwrap();
        let ours = read_expression(text, *link_type).unwrap();
        let theirs = try_compile(text, *link_type, scratch.path(), PLAIN).unwrap();
        let truth = evaluate(&ours, &packet.headers);
        let kept = theirs.keeps(&packet.octets, packet.length);
        assert_ne!(truth, Truth::from(kept), "{wanted:?} explains nothing: {:?}", packet.headers);
        if *wanted != Class::ByteWithoutLoad {
            assert_eq!(
                class(&packet, &ours, &theirs, truth, ours.has_opaque()),
                *wanted,
                "{:?}",
                packet.headers
            );
        }
    }
}
