//! MRT dumps (RFC 6396): messages as they came, and tables as one UPDATE for each entry.

use super::output::Collector;
use super::{Feed, FeedError, message};
use crate::dialect::mrt::RECORD_MAX;
use crate::guard::{Exhausted, limits};
use std::io::{self, Read};
use std::net::{Ipv4Addr, Ipv6Addr};

const TABLE_DUMP_V2: u16 = 13;
const BGP4MP: u16 = 16;
const BGP4MP_ET: u16 = 17;

/// Reads a dump, plain or in gzip.
pub(super) fn read(source: impl Read) -> Result<Feed, FeedError> {
    let fail = |source| FeedError::Read { record: 1, source };
    let mut source = io::BufReader::new(source);
    let magic = io::BufRead::fill_buf(&mut source).map_err(fail)?.first_chunk::<2>().copied();
    if magic == Some([0x1f, 0x8b]) {
        let bounded = flate2::read::MultiGzDecoder::new(source).take(limits::CAPTURE_OCTETS.value);
        records(io::BufReader::new(bounded))
    } else {
        records(source.take(limits::CAPTURE_OCTETS.value))
    }
}

fn records(mut source: impl Read) -> Result<Feed, FeedError> {
    let mut dump = Dump { out: Collector::new(), peers: Vec::new() };
    let mut octets = Vec::new();
    for record in 1_u64.. {
        match next(&mut source, record, &mut octets) {
            Ok(true) => {}
            Ok(false) => break,
            // What came before a cut stands.
            Err(FeedError::Ended { .. }) if record > 1 => {
                let run = dump.out.speaker("");
                dump.out.note(run, record, "the dump ends in the middle of a record".into());
                break;
            }
            Err(error) => return Err(error),
        }
        dump.out.counts.frames += 1;
        dump.record(record, &octets).map_err(|source| FeedError::Exhausted { frame: record, source })?;
    }
    Ok(dump.out.finish())
}

// The next record with its header; false at the end.
fn next(source: &mut impl Read, record: u64, octets: &mut Vec<u8>) -> Result<bool, FeedError> {
    octets.clear();
    let read = |source: &mut dyn Read, size: u32, octets: &mut Vec<u8>| {
        let taken = source.take(u64::from(size)).read_to_end(octets);
        taken.map_err(|source| FeedError::Read { record, source })
    };
    let header = read(source, 12, octets)?;
    if header == 0 {
        return Ok(false);
    }
    let Some(length) = octets.get(8..12).and_then(|l| l.first_chunk::<4>()) else {
        return Err(FeedError::Ended { record });
    };
    let length = u32::from_be_bytes(*length);
    if length > RECORD_MAX {
        return Err(FeedError::Length { record, length });
    }
    if read(source, length, octets)? < length as usize {
        return Err(FeedError::Ended { record });
    }
    Ok(true)
}

/// A part of a record with its place in it.
#[derive(Clone, Copy)]
struct Part<'a> {
    octets: &'a [u8],
    at: u32,
}

impl<'a> Part<'a> {
    fn take(&mut self, size: usize) -> Option<Part<'a>> {
        let (head, rest) = self.octets.split_at_checked(size)?;
        let part = Part { octets: head, at: self.at };
        self.octets = rest;
        self.at = self.at.saturating_add(u32::try_from(size).unwrap_or(u32::MAX));
        Some(part)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take(1)?.octets.first().copied()
    }

    fn u16(&mut self) -> Option<u16> {
        self.take(2)?.octets.first_chunk().map(|o| u16::from_be_bytes(*o))
    }

    fn u32(&mut self) -> Option<u32> {
        self.take(4)?.octets.first_chunk().map(|o| u32::from_be_bytes(*o))
    }

    fn address(&mut self, six: bool) -> Option<String> {
        if six {
            let octets = self.take(16)?.octets.first_chunk::<16>()?;
            Some(Ipv6Addr::from(*octets).to_string())
        } else {
            let octets = self.take(4)?.octets.first_chunk::<4>()?;
            Some(Ipv4Addr::from(*octets).to_string())
        }
    }

    fn asn(&mut self, four: bool) -> Option<u32> {
        if four { self.u32() } else { self.u16().map(u32::from) }
    }
}

struct Dump {
    out: Collector,
    // Names of the peers of the current index table.
    peers: Vec<Box<str>>,
}

impl Dump {
    fn record(&mut self, record: u64, octets: &[u8]) -> Result<(), Exhausted> {
        let mut rest = Part { octets, at: 0 };
        let (Some(_), Some(kind), Some(subtype), Some(_)) = (rest.u32(), rest.u16(), rest.u16(), rest.u32())
        else {
            return Ok(());
        };
        if kind == BGP4MP_ET {
            rest.u32();
        }
        let done = match (kind, subtype) {
            (TABLE_DUMP_V2, 1) => self.peer_index(rest),
            (TABLE_DUMP_V2, 6) => self.generic(record, rest)?,
            // MESSAGE, MESSAGE_AS4, and both as the collector itself sent them.
            (BGP4MP | BGP4MP_ET, 1 | 6) => self.message(record, rest, false)?,
            (BGP4MP | BGP4MP_ET, 4 | 7) => self.message(record, rest, true)?,
            // Messages and tables with path identifiers (RFC 8050).
            (BGP4MP | BGP4MP_ET, 8..=11) | (TABLE_DUMP_V2, 12) => {
                let run = self.out.speaker("");
                self.out.note(run, record, "records with path identifiers are not read".into());
                Some(false)
            }
            _ => Some(false),
        };
        match done {
            Some(true) => {}
            Some(false) => self.out.counts.other += 1,
            None => {
                self.out.counts.other += 1;
                let run = self.out.speaker("");
                self.out.note(run, record, format!("record of type {kind}/{subtype} is cut off inside"));
            }
        }
        Ok(())
    }

    // §4.3.1
    fn peer_index(&mut self, mut rest: Part<'_>) -> Option<bool> {
        self.peers.clear();
        rest.u32()?;
        let view = rest.u16()?;
        rest.take(usize::from(view))?;
        for _ in 0..rest.u16()? {
            let kind = rest.u8()?;
            rest.u32()?;
            let address = rest.address(kind & 1 != 0)?;
            let asn = rest.asn(kind & 2 != 0)?;
            self.peers.push(format!("from-{address}-as{asn}").into());
        }
        Some(true)
    }

    // §4.3.3: one NLRI with an entry for each peer.
    fn generic(&mut self, record: u64, mut rest: Part<'_>) -> Result<Option<bool>, Exhausted> {
        let Some((family, nlri, count)) = generic_head(&mut rest) else { return Ok(None) };
        let Some(nlri) = nlri else { return Ok(Some(false)) };
        for _ in 0..count {
            let Some((peer, attributes)) = rib_entry(&mut rest) else { return Ok(None) };
            self.out.counts.messages += 1;
            let fallback = format!("from-peer-{peer}");
            let name = self.peers.get(usize::from(peer)).map_or(fallback, ToString::to_string);
            let run = self.out.speaker(&name);
            match entry_message(family, nlri, attributes) {
                Some(parts) => {
                    self.out.counts.kept += 1;
                    for part in &parts {
                        self.out.push(run, part.octets(), record, part.at())?;
                    }
                }
                None => self.out.note(run, record, "the attributes of a table entry are broken".into()),
            }
        }
        Ok(Some(true))
    }

    // §4.4.2, §4.4.3
    fn message(&mut self, record: u64, mut rest: Part<'_>, four: bool) -> Result<Option<bool>, Exhausted> {
        let Some(name) = session(&mut rest, four) else { return Ok(None) };
        let message::Head::Message { length, kind } = message::head(rest.octets) else { return Ok(None) };
        let Some(whole) = rest.take(length) else { return Ok(None) };
        self.out.counts.messages += 1;
        if message::matters(whole.octets, kind) {
            self.out.counts.kept += 1;
            let run = self.out.speaker(&name);
            self.out.push(run, whole.octets, record, whole.at)?;
        }
        Ok(Some(true))
    }
}

fn session(rest: &mut Part<'_>, four: bool) -> Option<String> {
    let (peer_as, _) = (rest.asn(four)?, rest.asn(four)?);
    rest.u16()?;
    let six = rest.u16()? == 2;
    let (peer, local) = (rest.address(six)?, rest.address(six)?);
    Some(format!("from-{peer}-as{peer_as}-to-{local}"))
}

// The family, the NLRI with its length where it is a flow specification, and the number of entries.
fn generic_head<'a>(rest: &mut Part<'a>) -> Option<(Part<'a>, Option<Part<'a>>, u16)> {
    rest.u32()?;
    let family = rest.take(3)?;
    if !matches!(family.octets.last(), Some(133 | 134)) {
        return Some((family, None, 0));
    }
    let size = match *rest.octets {
        [first, second, ..] if first >= 0xf0 => 2 + (usize::from(first & 0x0f) << 8 | usize::from(second)),
        [first, ..] => 1 + usize::from(first),
        [] => return None,
    };
    let nlri = rest.take(size)?;
    Some((family, Some(nlri), rest.u16()?))
}

fn rib_entry<'a>(rest: &mut Part<'a>) -> Option<(u16, Part<'a>)> {
    let peer = rest.u16()?;
    rest.u32()?;
    let size = rest.u16()?;
    Some((peer, rest.take(usize::from(size))?))
}

/// A part of a message made of a table entry: octets of the record, or octets made up, which stand where the
/// entry does.
enum Made<'a> {
    Copied(Part<'a>),
    New(Vec<u8>, u32),
}

impl Made<'_> {
    fn octets(&self) -> &[u8] {
        match self {
            Self::Copied(part) => part.octets,
            Self::New(octets, _) => octets,
        }
    }

    fn at(&self) -> u32 {
        match self {
            Self::Copied(part) => part.at,
            Self::New(_, at) => *at,
        }
    }
}

// An UPDATE that says what the entry says: MP_REACH_NLRI with the NLRI of the table, then the other attributes.
fn entry_message<'a>(family: Part<'a>, nlri: Part<'a>, mut attributes: Part<'a>) -> Option<Vec<Made<'a>>> {
    let whole = attributes;
    let (mut others, mut next_hop) = (Vec::new(), Part { octets: &[], at: whole.at });
    while !attributes.octets.is_empty() {
        let start = attributes;
        let (flags, code) = (attributes.u8()?, attributes.u8()?);
        let size = if flags & 0x10 != 0 { attributes.u16()? } else { u16::from(attributes.u8()?) };
        let value = attributes.take(usize::from(size))?;
        match code {
            14 => next_hop = stored_next_hop(value)?,
            15 => {}
            _ => {
                let length = start.octets.len() - attributes.octets.len();
                others.push(Made::Copied(Part { octets: start.octets.get(..length)?, at: start.at }));
            }
        }
    }
    let reach = 3 + 1 + next_hop.octets.len() + 1 + nlri.octets.len();
    let attribute_octets = 4 + reach + others.iter().map(|part| part.octets().len()).sum::<usize>();
    let total = u16::try_from(message::HEADER + 4 + attribute_octets).ok()?;
    let mut head = vec![0xff; 16];
    head.extend_from_slice(&total.to_be_bytes());
    head.extend_from_slice(&[2, 0, 0]);
    head.extend_from_slice(&u16::try_from(attribute_octets).ok()?.to_be_bytes());
    head.extend_from_slice(&[0x90, 14]);
    head.extend_from_slice(&u16::try_from(reach).ok()?.to_be_bytes());
    let mut parts = vec![Made::New(head, nlri.at), Made::Copied(family)];
    parts.push(Made::New(vec![u8::try_from(next_hop.octets.len()).ok()?], next_hop.at));
    parts.push(Made::Copied(next_hop));
    parts.push(Made::New(vec![0], nlri.at));
    parts.push(Made::Copied(nlri));
    parts.append(&mut others);
    Some(parts)
}

// §4.3.4: a table keeps only the next hop of the attribute; some writers keep the whole of it.
fn stored_next_hop(mut value: Part<'_>) -> Option<Part<'_>> {
    let short = value.octets.first().is_some_and(|length| usize::from(*length) + 1 == value.octets.len());
    if !short {
        value.take(3)?;
    }
    let length = value.u8()?;
    value.take(usize::from(length))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{Content, Place, Source};

    fn record(kind: u16, subtype: u16, body: &[u8]) -> Vec<u8> {
        let mut octets = vec![0; 4];
        octets.extend_from_slice(&kind.to_be_bytes());
        octets.extend_from_slice(&subtype.to_be_bytes());
        octets.extend_from_slice(&u32::try_from(body.len()).unwrap().to_be_bytes());
        octets.extend_from_slice(body);
        octets
    }

    // A table of one IPv4 flow rule (source 10/8) kept for peers 0 and 1, and one unicast record.
    fn table() -> Vec<u8> {
        let mut index = vec![192, 0, 2, 9, 0, 0, 0, 2];
        index.extend([2, 0, 0, 0, 1, 192, 0, 2, 1, 0, 0, 0xfd, 0xe8]);
        index.extend([1, 0, 0, 0, 2]);
        index.extend([0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xfd, 0xe9]);
        let discard = [0xc0, 16, 8, 0x80, 6, 0, 0, 0, 0, 0, 0];
        let mut rib = vec![0, 0, 0, 1, 0, 1, 133, 3, 2, 8, 10, 0, 2];
        // The short form of the attribute, then the whole of it.
        rib.extend([0, 0, 0, 0, 0, 0, 0, 15, 0x80, 14, 1, 0]);
        rib.extend(discard);
        rib.extend([0, 1, 0, 0, 0, 0, 0, 23, 0x80, 14, 9, 0, 1, 133, 0, 0, 3, 2, 8, 10]);
        rib.extend(discard);
        let unicast = [0, 0, 0, 2, 8, 10, 0, 0];
        [record(13, 1, &index), record(13, 6, &rib), record(13, 2, &unicast)].concat()
    }

    #[test]
    fn table_entries_become_updates_of_their_peers() {
        let file = table();
        assert!(crate::dialect::mrt::is_dump(&file));
        let feed = read(&file[..]).unwrap();
        assert_eq!(feed.notes, []);
        assert_eq!((feed.counts.frames, feed.counts.kept, feed.counts.other), (3, 2, 1));
        let Content::Octets { bytes, streams, .. } = &feed.content else { panic!("octets") };
        let names: Vec<&str> = streams.iter().map(|s| &*s.name).collect();
        assert_eq!(names, ["from-192.0.2.1-as65000", "from-2001:db8::1-as65001"]);
        let half = bytes.len() / 2;
        assert_eq!(bytes[..half], bytes[half..]);
        assert_eq!(message::head(bytes), message::Head::Message { length: half, kind: 2 });
        assert!(message::matters(&bytes[..half], 2));
        // The value of the prefix stands in record 2, octet 12 + 10.
        let at = u32::try_from(bytes.windows(4).position(|w| w == [3, 2, 8, 10]).unwrap()).unwrap();
        let source = Source::new("x", feed.content.clone());
        let Place::Binary(place) = source.place(at + 3) else { panic!("binary") };
        assert_eq!((place.frame, place.octet), (2, 22));
    }

    #[test]
    fn messages_with_and_without_microseconds_are_read() {
        let mut update = vec![0xff; 16];
        update.extend([0, 36, 2, 0, 0, 0, 13, 0x80, 14, 10, 0, 1, 133, 0, 0, 4, 2, 16, 10, 1]);
        let mut old = vec![0xfd, 0xe8, 0xfd, 0xe9, 0, 0, 0, 1, 192, 0, 2, 1, 192, 0, 2, 2];
        old.extend(&update);
        let mut new = vec![0, 0, 0, 0, 0, 0, 0xfd, 0xe8, 0, 0, 0xfd, 0xe9, 0, 0, 0, 1];
        new.extend([192, 0, 2, 1, 192, 0, 2, 2]);
        new.extend(&update);
        let file = [record(16, 1, &old), record(17, 4, &new), record(16, 5, &[0; 30])].concat();
        let feed = read(&file[..]).unwrap();
        let Content::Octets { bytes, streams, pieces } = &feed.content else { panic!("octets") };
        assert_eq!((feed.counts.kept, feed.counts.other), (2, 1));
        assert_eq!(&*streams[0].name, "from-192.0.2.1-as65000-to-192.0.2.2");
        assert_eq!((streams.len(), bytes.len()), (1, 72));
        assert_eq!((pieces[1].frame, pieces[1].octet), (2, 12 + 24));
    }

    #[test]
    fn every_cut_of_a_dump_is_told() {
        let file = table();
        let length = |at: usize| 12 + usize::from(file[at + 11]);
        let second = length(0);
        let ends = [second, second + length(second)];
        for end in 1..file.len() {
            match read(&file[..end]) {
                Ok(feed) => assert_eq!(feed.notes.is_empty(), ends.contains(&end), "{end}"),
                Err(error) => assert!(matches!(error, FeedError::Ended { record: 1 }), "{error}"),
            }
        }
    }
}
