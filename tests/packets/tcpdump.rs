//! What a rule matches, against tcpdump: each rule is printed as a libpcap expression, and the packets tcpdump
//! keeps are those evaluation says yes for.
//!
//! tcpdump compiles every expression for every link type; its programs then run in a machine of our own, which is
//! itself compared with tcpdump's own reading of the same files.

use crate::bpf::Program;
use crate::corpus;
use crate::filter::{is_taken_so, usual_ppp};
use crate::random::{Pool, Random, condition, packet};
use flowgate::dialect::pcap_filter::print::{Behind, Expression, expression};
use flowgate::eval::{Truth, evaluate};
use flowgate::field::{Field, Headers, ext};
use flowgate::ir::Condition;
use flowgate::packet::{CaptureReader, CaptureWriter, Decoded, LinkType, Malformed, build, decode};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Why a packet's answer may differ from tcpdump's.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Class {
    /// Complete and well-formed, in a place libpcap finds too: no difference is allowed.
    Clean,
    /// A load beyond the captured octets makes libpcap's whole expression false; what we know of the rest decides.
    Cut,
    /// The same, and nobody can say.
    Unknown,
    /// libpcap believes lengths and options that contradict each other.
    Malformed(Malformed),
    /// libpcap takes every PPP frame to begin with address and control and a protocol of two octets.
    Ppp,
    /// libpcap walks no IPv6 extension headers but the one fragment header the expression spells out: it says nothing of
    /// packets with others.
    Chain,
}

struct Seen {
    octets: Vec<u8>,
    length: u32,
    link_type: LinkType,
    behind: Vec<Behind>,
    class: Class,
    // The octet where the header begins that is malformed.
    at: u32,
    // Whether the packet has extension headers that no expression can look behind.
    chained: bool,
    headers: Headers,
}

struct Capture {
    name: String,
    path: Option<PathBuf>,
    packets: Vec<Seen>,
}

#[derive(Default)]
struct Figures {
    pairs: usize,
    inexpressible: usize,
    packets: usize,
    matched: usize,
    // Packets compared and packets that differ, by class.
    classes: BTreeMap<Class, (usize, usize)>,
    unexplained: Vec<String>,
}

#[test]
fn rules_match_what_tcpdump_keeps() {
    if !corpus::has_tool("tcpdump") {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let mut captures = Vec::new();
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    captures.extend(corpus::captures(&repository, &["captures"]).iter().filter_map(|path| read(path)));
    if let Some(root) = corpus::corpora("the captures of the corpora against tcpdump") {
        let files = corpus::captures(&root, &["pcap", "pcap_synthetic", "flowspec_pcap"]);
        captures.extend(files.iter().filter_map(|path| read(path)));
    }
    let mut pool = Pool::default();
    captures.iter().flat_map(|c| &c.packets).for_each(|p| pool.add(&p.headers));
    let mut random = Random(20_261_121);
    captures.extend((0..400).map(|number| synthetic(number, &pool, &mut random)));
    captures.iter().flat_map(|c| &c.packets).for_each(|p| pool.add(&p.headers));
    // Two thirds of the pairs a session runs are enough to notice; the script beside runs many more.
    let wanted =
        std::env::var("FLOWGATE_DIFFERENTIAL_RULES").ok().and_then(|n| n.parse().ok()).unwrap_or(130);
    let (rules, inexpressible) = rules(wanted, &pool, &mut random);
    let figures = differ(&captures, &rules, scratch.path());
    println!(
        "{} captures, {} rules ({inexpressible} more inexpressible), {} pairs, {} packets, {} matched",
        captures.len(),
        rules.len(),
        figures.pairs,
        figures.packets,
        figures.matched
    );
    for (class, (compared, differ)) in &figures.classes {
        println!("{class:?}: {compared} compared, {differ} differ");
    }
    for wanted in [Class::Cut, Class::Unknown, Class::Malformed(Malformed::HeaderLength), Class::Chain] {
        let differ = figures.classes.get(&wanted).map_or(0, |(_, differ)| *differ);
        assert!(differ > 0, "the class {wanted:?} explains nothing any more");
    }
    assert!(figures.unexplained.is_empty(), "unexplained:\n{}", figures.unexplained.join("\n"));
    assert!(figures.pairs >= 50_000, "only {} pairs", figures.pairs);
    assert!(figures.matched > figures.packets / 50, "rules that match nothing compare nothing");
    machine_is_tcpdump(&captures, &rules, scratch.path(), &mut random);
}

/// Seeded rules that have an expression.
fn rules(wanted: usize, pool: &Pool, random: &mut Random) -> (Vec<(Condition, Expression)>, usize) {
    let mut list = Vec::new();
    let mut inexpressible = 0;
    while list.len() < wanted {
        let condition = condition(pool, random);
        match expression(&condition) {
            Ok(expression) if expression.text.len() < 20_000 => list.push((condition, expression)),
            Ok(_) | Err(_) => inexpressible += 1,
        }
    }
    (list, inexpressible)
}

fn differ(captures: &[Capture], rules: &[(Condition, Expression)], scratch: &Path) -> Figures {
    let half = rules.len().div_ceil(2);
    let parts: Vec<Figures> = std::thread::scope(|scope| {
        let threads: Vec<_> = rules
            .chunks(half.max(1))
            .map(|part| scope.spawn(move || differ_part(captures, part, scratch)))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut figures = Figures::default();
    for part in parts {
        figures.pairs += part.pairs;
        figures.inexpressible += part.inexpressible;
        figures.packets += part.packets;
        figures.matched += part.matched;
        for (class, (compared, differ)) in part.classes {
            let sum = figures.classes.entry(class).or_default();
            *sum = (sum.0 + compared, sum.1 + differ);
        }
        figures.unexplained.extend(part.unexplained);
    }
    figures
}

fn differ_part(captures: &[Capture], rules: &[(Condition, Expression)], scratch: &Path) -> Figures {
    let mut figures = Figures::default();
    for (number, (condition, expression)) in rules.iter().enumerate() {
        let mut programs: BTreeMap<(LinkType, &[Behind]), Program> = BTreeMap::new();
        for capture in captures {
            // Rare link types cost a process each: every fourth rule is enough for them.
            if number % 4 != 0 && capture.packets.iter().any(is_rare) {
                continue;
            }
            figures.pairs += 1;
            for packet in &capture.packets {
                let program = programs.entry((packet.link_type, &packet.behind)).or_insert_with(|| {
                    compile(&expression.behind(&packet.behind), packet.link_type, scratch, PLAIN)
                });
                let truth = evaluate(condition, &packet.headers);
                let kept = program.keeps(&packet.octets, packet.length);
                let same = match truth {
                    Truth::Yes => kept,
                    Truth::No => !kept,
                    Truth::Unknown => false,
                };
                let class = class(packet, expression, program, truth);
                figures.packets += 1;
                figures.matched += usize::from(kept);
                let sum = figures.classes.entry(class).or_default();
                *sum = (sum.0 + 1, sum.1 + usize::from(!same));
                if !same && class == Class::Clean && figures.unexplained.len() < 3 {
                    figures.unexplained.push(format!(
                        "{}: we say {truth:?}, tcpdump keeps: {kept}\n  {}\n  {condition:?}\n  {:?}",
                        capture.name,
                        expression.behind(&packet.behind),
                        packet.headers
                    ));
                }
            }
        }
    }
    figures
}

/// The class that predicts what tcpdump does with a packet; where none does, no difference is allowed.
fn class(packet: &Seen, expression: &Expression, program: &Program, truth: Truth) -> Class {
    let kept = program.keeps(&packet.octets, packet.length);
    let same = truth == Truth::from(kept);
    // Of these packets the expression says nothing, so that none is kept.
    let chain = packet.chained && expression.blind && !kept;
    match packet.class {
        Class::Cut if truth == Truth::Unknown => Class::Unknown,
        _ if chain => Class::Chain,
        Class::Cut => {
            // Whatever the octets are that were cut, tcpdump would say with them what we do.
            let filled = |octet: u8| {
                let mut octets = packet.octets.clone();
                octets.resize(packet.length as usize, octet);
                truth == Truth::from(program.keeps(&octets, packet.length))
            };
            if same || filled(0) && filled(0xff) { Class::Cut } else { Class::Clean }
        }
        Class::Malformed(kind) => {
            let frame = (packet.link_type, &packet.octets[..], packet.length, &packet.headers);
            let cut = packet.octets.len() < packet.length as usize;
            let lost = cut || matches!(kind, Malformed::FrameTooShort | Malformed::Version);
            let lost = lost && truth == Truth::Unknown;
            if same || lost || is_taken_so(frame, kind, packet.at, truth, program) {
                Class::Malformed(kind)
            } else {
                Class::Clean
            }
        }
        Class::Ppp
            if same || truth == Truth::from(program.keeps(&usual_ppp(&packet.octets), packet.length)) =>
        {
            Class::Ppp
        }
        _ => Class::Clean,
    }
}

fn is_rare(packet: &Seen) -> bool {
    !matches!(packet.link_type, LinkType::ETHERNET | LinkType::RAW) || packet.behind.len() > 1
}

/// A capture's packets of link types we decode; none of other captures.
fn read(path: &Path) -> Option<Capture> {
    let name = path.file_name()?.to_string_lossy().into_owned();
    let mut reader = CaptureReader::new(File::open(path).unwrap()).unwrap_or_else(|e| panic!("{name}: {e}"));
    let mut packets = Vec::new();
    while let Some(frame) = reader.next_frame().unwrap_or_else(|e| panic!("{name}: {e}")) {
        packets.extend(seen(frame.link_type, frame.octets, frame.length));
    }
    (!packets.is_empty()).then(|| Capture { name, path: Some(path.to_owned()), packets })
}

fn seen(link_type: LinkType, octets: &[u8], length: u32) -> Option<Seen> {
    let mut headers = Headers::new();
    let decoded = decode(link_type, octets, length, &mut headers);
    let behind = behind(link_type, octets);
    let class = match decoded {
        Decoded::NotDecoded => return None,
        Decoded::Truncated => Class::Cut,
        Decoded::Malformed { kind, .. } => Class::Malformed(kind),
        Decoded::Whole | Decoded::NotIp if is_bare_ppp(link_type, octets) => Class::Ppp,
        Decoded::Whole | Decoded::NotIp => Class::Clean,
    };
    let plain = ext::FRAGMENT | ext::ESP;
    let fragments_hide = headers.small(Field::IpVersion) == Some(6) && headers.small(Field::Proto).is_none();
    let chained = headers.small(Field::ExtHdrs).is_some_and(|bits| bits & !plain != 0) || fragments_hide;
    let at = if let Decoded::Malformed { at, .. } = decoded { at } else { 0 };
    Some(Seen { octets: octets.to_vec(), length, link_type, behind, class, at, chained, headers })
}

/// The headers between an Ethernet header and IP, as the expression must name them.
fn behind(link_type: LinkType, octets: &[u8]) -> Vec<Behind> {
    let mut list = Vec::new();
    let word = |at: usize| octets.get(at..at + 2).map_or(0, |o| u16::from_be_bytes([o[0], o[1]]));
    let mut at = match link_type {
        LinkType::ETHERNET => 12,
        LinkType::CISCO_HDLC | LinkType::PPP => 2,
        _ => return list,
    };
    while matches!(word(at), 0x8100 | 0x88a8 | 0x9100) {
        list.push(Behind::Vlan);
        at += 4;
    }
    match word(at) {
        0x8847 | 0x0281 => loop {
            list.push(Behind::Mpls);
            at += 4;
            // The bottom of the stack.
            if octets.get(at).is_none_or(|octet| octet & 1 == 1) {
                break;
            }
        },
        0x8864 => list.push(Behind::Pppoe),
        _ => {}
    }
    list
}

fn is_bare_ppp(link_type: LinkType, octets: &[u8]) -> bool {
    let ppp = matches!(link_type, LinkType::PPP | LinkType::PPP_HDLC | LinkType::PPP_WITH_DIRECTION);
    ppp && (octets.len() < 4 || !octets.starts_with(&[0xff, 3]) || octets[2] & 1 == 1)
}

/// A capture of forty packets, some of them tagged, cut or no IP.
fn synthetic(number: usize, pool: &Pool, random: &mut Random) -> Capture {
    let mut packets = Vec::new();
    let ethernet = number.is_multiple_of(2);
    for _ in 0..40 {
        let headers = packet(pool, random);
        let mut frame = Vec::new();
        if ethernet {
            frame.extend([2; 12]);
            if random.below(10) == 0 {
                frame.extend([0x81, 0, 0, 5]);
            }
            frame.extend(if headers.small(Field::IpVersion) == Some(6) { [0x86, 0xdd] } else { [8, 0] });
        }
        frame.extend(build(&headers).unwrap());
        if ethernet && random.below(20) == 0 {
            frame[12..14].copy_from_slice(&[8, 6]);
        }
        let length = u32::try_from(frame.len()).unwrap();
        frame.truncate(if random.below(15) == 0 {
            14 + usize::try_from(random.below(60)).unwrap()
        } else {
            2_000
        });
        let link_type = if ethernet { LinkType::ETHERNET } else { LinkType::RAW };
        packets.extend(seen(link_type, &frame, length));
    }
    Capture { name: format!("synthetic {number}"), path: None, packets }
}

/// As numbers, not optimised: what an expression means is under test, not libpcap's optimiser.
pub(crate) const PLAIN: &[&str] = &["-O", "-ddd"];

fn compile(expression: &str, link_type: LinkType, scratch: &Path, how: &[&str]) -> Program {
    try_compile(expression, link_type, scratch, how).unwrap_or_else(|error| panic!("{expression}\n{error}"))
}

/// Has tcpdump compile an expression for a link type, as it does to read a file; else what it says is wrong.
pub(crate) fn try_compile(
    expression: &str,
    link_type: LinkType,
    scratch: &Path,
    how: &[&str],
) -> Result<Program, String> {
    let path = scratch.join(format!("{}.pcap", link_type.0));
    if !path.exists() {
        let empty = CaptureWriter::new(Vec::new(), link_type).unwrap().finish().unwrap();
        // Two threads may both come here: the file appears whole or not at all.
        let own = scratch.join(format!("{}-{:?}", link_type.0, std::thread::current().id()));
        std::fs::write(&own, empty).unwrap();
        std::fs::rename(own, &path).unwrap();
    }
    let output = Command::new("tcpdump").arg("-r").arg(&path).args(how).arg(expression).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    if errors.contains("rejects all packets") {
        return Ok(Program::rejecting());
    }
    if !output.status.success() {
        return Err(errors.lines().last().unwrap_or_default().to_owned());
    }
    Ok(Program::parse(&String::from_utf8(output.stdout).unwrap()))
}

/// The machine of our own keeps what tcpdump keeps when it reads a file itself.
fn machine_is_tcpdump(
    captures: &[Capture],
    rules: &[(Condition, Expression)],
    scratch: &Path,
    random: &mut Random,
) {
    let files: Vec<&Capture> = captures
        .iter()
        .filter(|c| c.path.as_ref().is_some_and(|p| p.extension().is_some_and(|e| e == "pcap")))
        .collect();
    let mut compared = 0;
    for _ in 0..if files.is_empty() { 0 } else { 150 } {
        let capture = *random.pick(&files);
        let (_, expression) = random.pick(rules);
        let links: BTreeSet<LinkType> = capture.packets.iter().map(|p| p.link_type).collect();
        let program = compile(&expression.text, *links.first().unwrap(), scratch, PLAIN);
        let ours: Vec<&[u8]> = capture
            .packets
            .iter()
            .filter(|p| program.keeps(&p.octets, p.length))
            .map(|p| &p.octets[..])
            .collect();
        let output = Command::new("tcpdump")
            .arg("-r")
            .arg(capture.path.as_ref().unwrap())
            .args(["-O", "-w", "-", &expression.text])
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        let mut theirs = Vec::new();
        if output.status.success() {
            let mut reader = CaptureReader::new(&output.stdout[..]).unwrap();
            while let Some(frame) = reader.next_frame().unwrap() {
                theirs.push(frame.octets.to_vec());
            }
        } else {
            let errors = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(errors.contains("rejects all packets"), "{}: {errors}", capture.name);
        }
        // It writes no more of a packet than the snapshot length of the file's header.
        let same = ours.len() == theirs.len() && ours.iter().zip(&theirs).all(|(o, t)| o.starts_with(t));
        assert!(same, "{}: {}", capture.name, expression.text);
        compared += ours.len();
    }
    println!("the machine agrees with tcpdump itself on 150 pairs, {compared} packets kept");
}
