//! A small speaker of BGP that keeps IPv4 flow routes and announces them to others, with ten bugs of the kinds that real
//! ones had. On which component, operator and value each sits is moved by a seed; without one it has none.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

/// Where the bugs sit.
#[derive(Clone, Debug)]
pub(crate) struct Bugs {
    /// Ends where the value of an operand of this type is cut off.
    cut: u8,
    /// Ends the session for values of this type in so many octets, as a power of two.
    width: (u8, u8),
    /// Ends the session for this comparison in this type.
    operator: (u8, u8),
    /// Ends the session for lists of this type longer than that.
    count: (u8, usize),
    /// Takes what is malformed in one of several ways.
    accepts: Way,
    /// Keeps two octets of a value of this type.
    narrow: u8,
    /// Never frees rules of this type, in so many octets.
    leak: (u8, usize),
    /// Walks all rules of one destination, or of one source.
    chain: u8,
    /// Never ends for a bit of the operator in this type.
    hang: (u8, u8),
    /// Takes memory for a value of this type that no packet can carry.
    memory: u8,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    Empty,
    Repeated,
    PrefixLength,
}

/// The bugs by their names, in the order of the fields.
pub(crate) const NAMES: [&str; 10] =
    ["cut", "width", "operator", "count", "accepts", "narrow", "leak", "chain", "hang", "memory"];

struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n
    }
}

impl Bugs {
    pub(crate) fn new(seed: u64) -> Self {
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5555);
        loop {
            let mut kinds = [3, 4, 5, 6, 7, 8, 10, 11];
            for at in (1..kinds.len()).rev() {
                kinds.swap(at, dice.below(at + 1));
            }
            let [cut, width, operator, count, narrow, leak, hang, memory] = kinds;
            let bugs = Self {
                cut,
                width: (width, [2, 3][dice.below(2)]),
                operator: (operator, [0, 6, 7][dice.below(3)]),
                count: (count, 4 + dice.below(20)),
                accepts: [Way::Empty, Way::Repeated, Way::PrefixLength][dice.below(3)],
                narrow,
                leak: (leak, 300 + dice.below(500)),
                chain: [1, 2][dice.below(2)],
                hang: (hang, [0x40, 0x08][dice.below(2)]),
                memory,
            };
            // A value of one octet is never wide.
            if bugs.width.0 != 11 && bugs.narrow != 11 {
                return bugs;
            }
        }
    }
}

/// What a bug does.
#[derive(Debug)]
enum Effect {
    End,
    Reset(u8),
    Hang,
    Memory,
}

/// A rule that was read: its octets, and what its bugs are about.
#[derive(Debug, Default)]
struct Rule {
    octets: Vec<u8>,
    leaks: bool,
    key: Vec<u8>,
    met: Vec<&'static str>,
}

#[derive(Debug)]
enum Stop {
    Malformed,
    Bug(&'static str, Effect),
}

#[expect(clippy::too_many_lines, reason = "a parser in one piece, each bug where it belongs")]
fn parse(value: &[u8], bugs: Option<&Bugs>) -> Result<Rule, Stop> {
    let mut rule = Rule::default();
    let mut rest = value;
    let mut last = 0;
    if value.is_empty() {
        if bugs.is_some_and(|b| b.accepts == Way::Empty) {
            rule.met.push("accepts");
            return Ok(rule);
        }
        return Err(Stop::Malformed);
    }
    while let [kind, tail @ ..] = rest {
        let (kind, mut body) = (*kind, tail);
        let twice = kind == last && bugs.is_some_and(|b| b.accepts == Way::Repeated);
        if kind == 0 || kind > 12 || kind < last || kind == last && !twice {
            return Err(Stop::Malformed);
        }
        if twice {
            rule.met.push("accepts");
        }
        last = kind;
        let start = rule.octets.len();
        rule.octets.push(kind);
        if kind <= 2 {
            let [length, tail @ ..] = body else { return Err(Stop::Malformed) };
            let long = *length > 32;
            if long && bugs.is_none_or(|b| b.accepts != Way::PrefixLength) {
                return Err(Stop::Malformed);
            }
            let size = usize::from(*length).div_ceil(8);
            if tail.len() < size {
                return Err(Stop::Malformed);
            }
            if long {
                rule.met.push("accepts");
            }
            rule.octets.push(*length);
            let (address, tail) = tail.split_at(size);
            rule.octets.extend(address);
            // Bits behind the prefix are not kept.
            if length % 8 != 0 {
                *rule.octets.last_mut().unwrap() &= 0xff << (8 - length % 8);
            }
            rest = tail;
            if bugs.is_some_and(|b| b.chain == kind) {
                rule.key = rule.octets[start..].to_vec();
            }
            continue;
        }
        let mut count = 0;
        loop {
            let [op, tail @ ..] = body else { return Err(Stop::Malformed) };
            let code = op >> 4 & 3;
            let size = 1 << code;
            if tail.len() < size {
                if let Some(b) = bugs
                    && b.cut == kind
                {
                    return Err(Stop::Bug("cut", Effect::End));
                }
                return Err(Stop::Malformed);
            }
            let widest = match kind {
                9 => 1,
                11 | 12 => 0,
                _ => 3,
            };
            if code > widest {
                return Err(Stop::Malformed);
            }
            let (octets, after) = tail.split_at(size);
            let mut value = octets.iter().fold(0_u64, |n, o| n << 8 | u64::from(*o));
            count += 1;
            if let Some(b) = bugs {
                if b.width == (kind, code) {
                    return Err(Stop::Bug("width", Effect::Reset(9)));
                }
                if b.operator == (kind, op & 7) {
                    return Err(Stop::Bug("operator", Effect::Reset(9)));
                }
                if b.count.0 == kind && count > b.count.1 {
                    return Err(Stop::Bug("count", Effect::Reset(9)));
                }
                if b.hang.0 == kind && op & b.hang.1 != 0 && (b.hang.1 != 0x40 || count == 1) {
                    return Err(Stop::Bug("hang", Effect::Hang));
                }
                let max = match kind {
                    3 | 7 | 8 => 0xff,
                    11 => 0x3f,
                    _ => 0xffff,
                };
                if b.memory == kind && value > max {
                    return Err(Stop::Bug("memory", Effect::Memory));
                }
                if b.narrow == kind && value > 0xffff {
                    value &= 0xffff;
                    rule.met.push("narrow");
                }
                if b.leak.0 == kind {
                    rule.leaks = true;
                }
            }
            // What is ignored is not kept.
            let mask = match kind {
                9 => 0x0fff,
                12 => 0x0f,
                _ => u64::MAX,
            };
            let bits = if kind == 9 || kind == 12 { 0x03 } else { 0x07 };
            let and = if count == 1 { 0 } else { op & 0x40 };
            rule.octets.push(op & 0x80 | and | code << 4 | op & bits);
            rule.octets.extend(&(value & if kind == 12 { mask } else { u64::MAX }).to_be_bytes()[8 - size..]);
            body = after;
            if op & 0x80 != 0 {
                break;
            }
        }
        rest = body;
    }
    if bugs.is_some() && rule.key.is_empty() {
        rule.key = vec![0];
    }
    Ok(rule)
}

/// The bugs that the routes of a field meet, as far as one input shows them.
pub(crate) fn met(field: &[u8], seed: u64) -> Vec<&'static str> {
    let bugs = Bugs::new(seed);
    let mut list = Vec::new();
    for value in frames(field).0 {
        match parse(value, Some(&bugs)) {
            Ok(rule) => {
                list.extend(rule.met);
                list.extend(rule.leaks.then_some("leak"));
            }
            Err(Stop::Bug(name, _)) => list.push(name),
            Err(Stop::Malformed) => {}
        }
    }
    list
}

fn frames(mut field: &[u8]) -> (Vec<&[u8]>, bool) {
    let mut list = Vec::new();
    while let [first, tail @ ..] = field {
        let (length, tail) = match (first, tail) {
            (0..0xf0, tail) => (usize::from(*first), tail),
            (_, [second, tail @ ..]) => (usize::from(first & 0x0f) << 8 | usize::from(*second), tail),
            _ => return (list, false),
        };
        if tail.len() < length {
            return (list, false);
        }
        let (value, rest) = tail.split_at(length);
        list.push(value);
        field = rest;
    }
    (list, true)
}

struct Peer {
    stream: TcpStream,
    buffer: Vec<u8>,
    asn: u16,
    open: bool,
    // What it has announced, by the octets as received; what is announced again stands beside it.
    routes: BTreeMap<Vec<u8>, Kept>,
}

struct Kept {
    octets: Vec<u8>,
    _memory: Vec<u8>,
    leaks: bool,
    key: Vec<u8>,
}

/// The AS of who hears what others announce.
const WATCHER: u16 = 65_003;

struct Server {
    bugs: Option<Bugs>,
    // How rules hang together, by what they share: walked to its end for each new one.
    chains: BTreeMap<Vec<u8>, Vec<u64>>,
    hungry: Vec<Vec<u8>>,
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![0xff; 16];
    out.extend(u16::try_from(19 + body.len()).unwrap().to_be_bytes());
    out.push(kind);
    out.extend(body);
    out
}

/// Octets out, however long the other side takes.
fn write(stream: &mut TcpStream, octets: &[u8]) {
    let mut rest = octets;
    while !rest.is_empty() {
        match stream.write(rest) {
            Ok(0) => return,
            Ok(count) => rest = &rest[count..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                std::thread::sleep(Duration::from_micros(50));
            }
            Err(_) => return,
        }
    }
}

/// Listens on the port and speaks until it is ended.
pub(crate) fn serve(port: u16, seed: Option<u64>) -> ! {
    let listener = TcpListener::bind(("127.0.0.1", port)).expect("the port is free");
    listener.set_nonblocking(true).unwrap();
    let mut server = Server { bugs: seed.map(Bugs::new), chains: BTreeMap::new(), hungry: Vec::new() };
    let mut peers: Vec<Peer> = Vec::new();
    loop {
        let mut idle = true;
        if let Ok((stream, _)) = listener.accept() {
            stream.set_nonblocking(true).unwrap();
            stream.set_nodelay(true).unwrap();
            peers.push(Peer { stream, buffer: Vec::new(), asn: 0, open: false, routes: BTreeMap::new() });
            idle = false;
        }
        let mut at = 0;
        while at < peers.len() {
            let mut octets = [0; 16_384];
            let read = peers[at].stream.read(&mut octets);
            let gone = match read {
                Ok(0) => true,
                Ok(count) => {
                    idle = false;
                    peers[at].buffer.extend(&octets[..count]);
                    false
                }
                Err(error) => error.kind() != ErrorKind::WouldBlock,
            };
            if gone || !server.hear(&mut peers, at) {
                let peer = peers.remove(at);
                server.forget(&mut peers, peer.routes);
            } else {
                at += 1;
            }
        }
        if idle {
            std::thread::sleep(Duration::from_micros(100));
        }
    }
}

impl Server {
    /// Takes the whole messages of a peer; whether its session goes on.
    fn hear(&mut self, peers: &mut [Peer], at: usize) -> bool {
        loop {
            let buffer = &peers[at].buffer;
            if buffer.len() < 19 {
                return true;
            }
            let length = usize::from(u16::from_be_bytes([buffer[16], buffer[17]]));
            if !(19..=4096).contains(&length) {
                write(&mut peers[at].stream, &message(3, &[1, 2]));
                return false;
            }
            if buffer.len() < length {
                return true;
            }
            let rest = peers[at].buffer.split_off(length);
            let whole = std::mem::replace(&mut peers[at].buffer, rest);
            let body = &whole[19..];
            match whole[18] {
                1 => {
                    peers[at].asn = u16::from_be_bytes([body[1], body[2]]);
                    // Four octets for each AS, and IPv4 flow routes.
                    let mut open = vec![4, 0xfd, 0xe9, 0, 180, 192, 0, 2, 1, 14, 2, 12];
                    open.extend([1, 4, 0, 1, 0, 133, 65, 4, 0, 0, 0xfd, 0xe9]);
                    write(&mut peers[at].stream, &message(1, &open));
                    write(&mut peers[at].stream, &message(4, &[]));
                    peers[at].open = true;
                }
                2 if peers[at].open => {
                    if let Err(sub) = self.update(peers, at, body) {
                        println!("session of peer ended: update not understood, code 3/{sub}");
                        write(&mut peers[at].stream, &message(3, &[3, sub]));
                        return false;
                    }
                }
                3 => return false,
                _ => {}
            }
        }
    }

    fn update(&mut self, peers: &mut [Peer], at: usize, body: &[u8]) -> Result<(), u8> {
        let (Some(reach), origin, path, communities) = attributes(body)? else { return Ok(()) };
        let (taken_back, field) = reach;
        let (values, whole) = frames(field);
        if !whole {
            println!("treat as broken: nlri runs past its end");
            return Err(10);
        }
        if !(taken_back || origin && path && communities) {
            println!("treat as withdraw: attributes are not as they must be");
            return Ok(());
        }
        // All or nothing.
        let mut rules = Vec::new();
        for value in values {
            match parse(value, self.bugs.as_ref()) {
                Ok(rule) => rules.push((value.to_vec(), rule)),
                Err(Stop::Malformed) => {
                    println!("treat as withdraw: malformed nlri");
                    return Ok(());
                }
                Err(Stop::Bug(_, Effect::End)) => {
                    println!("fatal: read beyond the end");
                    std::process::abort();
                }
                Err(Stop::Bug(_, Effect::Reset(sub))) => return Err(sub),
                Err(Stop::Bug(_, Effect::Hang)) => loop {
                    std::hint::spin_loop();
                },
                Err(Stop::Bug(_, Effect::Memory)) => {
                    self.hungry = vec![vec![1; 24 << 20]];
                    rules.push((
                        value.to_vec(),
                        Rule { octets: value.to_vec(), key: vec![0], ..Rule::default() },
                    ));
                }
            }
        }
        for (value, rule) in rules {
            if taken_back {
                self.withdraw(peers, at, &value);
            } else {
                self.announce(peers, at, value, rule);
            }
        }
        Ok(())
    }

    fn announce(&mut self, peers: &mut [Peer], at: usize, value: Vec<u8>, rule: Rule) {
        let size = self.bugs.as_ref().map_or(64, |b| b.leak.1);
        if self.bugs.is_some() {
            let chain = self.chains.entry(rule.key.clone()).or_default();
            // To the end of what it shares its place with.
            let sum = chain.iter().fold(0_u64, |sum, n| std::hint::black_box(sum ^ n));
            chain.push(sum.wrapping_add(1));
        }
        let kept =
            Kept { octets: rule.octets.clone(), _memory: vec![1; size], leaks: rule.leaks, key: rule.key };
        send(peers, 14, &rule.octets);
        if let Some(old) = peers[at].routes.insert(value, kept) {
            self.free(old);
        }
    }

    fn withdraw(&mut self, peers: &mut [Peer], at: usize, value: &[u8]) {
        if let Some(kept) = peers[at].routes.remove(value) {
            send(peers, 15, &kept.octets.clone());
            self.free(kept);
        }
        self.hungry.clear();
    }

    fn forget(&mut self, peers: &mut [Peer], routes: BTreeMap<Vec<u8>, Kept>) {
        for (_, kept) in routes {
            send(peers, 15, &kept.octets.clone());
            self.free(kept);
        }
    }

    fn free(&mut self, kept: Kept) {
        let mut empty = false;
        if let Some(chain) = self.chains.get_mut(&kept.key) {
            chain.pop();
            empty = chain.is_empty();
        }
        if empty {
            self.chains.remove(&kept.key);
        }
        if kept.leaks {
            std::mem::forget(kept);
        }
    }
}

type Reach<'a> = (Option<(bool, &'a [u8])>, bool, bool, bool);

/// The NLRIs, and whether what must be there is.
fn attributes(body: &[u8]) -> Result<Reach<'_>, u8> {
    let two = |at: usize| body.get(at..at + 2).map(|o| usize::from(u16::from_be_bytes([o[0], o[1]])));
    let withdrawn = two(0).ok_or(1)?;
    let length = two(2 + withdrawn).ok_or(1)?;
    let mut rest = body.get(4 + withdrawn..4 + withdrawn + length).ok_or(1)?;
    let (mut reach, mut origin, mut path, mut communities) = (None, false, false, true);
    while let [flags, kind, tail @ ..] = rest {
        let (size, tail) = match (flags & 0x10, tail) {
            (0, [size, tail @ ..]) => (usize::from(*size), tail),
            (_, [high, low, tail @ ..]) => (usize::from(*high) << 8 | usize::from(*low), tail),
            _ => return Err(1),
        };
        if tail.len() < size {
            return Err(1);
        }
        let (value, after) = tail.split_at(size);
        rest = after;
        match kind {
            1 => origin = true,
            2 => path = true,
            14 if value.starts_with(&[0, 1, 133, 0, 0]) => reach = Some((false, &value[5..])),
            15 if value.starts_with(&[0, 1, 133]) => reach = Some((true, &value[3..])),
            16 => communities &= value.len() % 8 == 0,
            25 => communities &= value.len() % 20 == 0,
            _ => {}
        }
    }
    Ok((reach, origin, path, communities))
}

/// Tells those who watch.
fn send(peers: &mut [Peer], attribute: u8, octets: &[u8]) {
    let mut field = if attribute == 14 { vec![0, 1, 133, 0, 0] } else { vec![0, 1, 133] };
    match u8::try_from(octets.len()) {
        Ok(length) if length < 0xf0 => field.push(length),
        _ => field.extend((0xf000 | u16::try_from(octets.len()).unwrap()).to_be_bytes()),
    }
    field.extend(octets);
    let mut list = vec![];
    if attribute == 14 {
        list.extend([0x40, 1, 1, 0, 0x40, 2, 6, 2, 1, 0, 0, 0xfd, 0xe9]);
    }
    list.extend([0x90, attribute]);
    list.extend(u16::try_from(field.len()).unwrap().to_be_bytes());
    list.extend(field);
    let mut body = vec![0, 0];
    body.extend(u16::try_from(list.len()).unwrap().to_be_bytes());
    body.extend(list);
    for peer in peers.iter_mut().filter(|peer| peer.open && peer.asn == WATCHER) {
        write(&mut peer.stream, &message(2, &body));
    }
}
