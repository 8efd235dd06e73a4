//! Octets to headers, without a copy and without a panic on any octets.
//!
//! Three things that other decoders take for one are told apart. A field the packet does not have is *absent*. A
//! field whose octets the capture does not hold, though the packet had them, or that no capture records (the
//! interface), is *cut*. A packet whose own lengths contradict each other is *malformed*: its addresses are kept,
//! its transport header is not located, and the kind is counted.
//!
//! Laws that every decoded packet keeps, and that the field table states in part:
//! - `l4.status` is `NonFirstFragment` exactly when the offset is not 0 and the chain could be walked to there;
//!   else `Encrypted` for protocol 50, `None` for 59, `Located` for the rest; `Unlocatable` for malformed packets;
//! - `l4.room` is the packet's length less its IP headers, never more than the frame had, 0 when unlocatable;
//! - in IPv6, `proto` is absent when the chain ends early, and behind a later fragment's header when that names
//!   another extension header; in IPv4 it is the protocol octet, always;
//! - inner packets (tunnels, ICMP quotations) are not looked into.

mod link;
mod network;
mod segment;
mod transport;
mod tuple;

pub use segment::{Segment, segment};
pub use tuple::{Tuple, tuple};

use super::LinkType;
use crate::field::{FIELDS, Field, Headers, Reading};

/// What decoding came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Decoded {
    /// An IP packet, and everything its headers have.
    Whole,
    /// An IP packet, or a frame that may hold one, whose headers the capture cut.
    Truncated,
    /// Lengths that contradict each other.
    Malformed {
        /// What is wrong.
        kind: Malformed,
        /// The octet of the frame where the header that is wrong begins.
        at: u32,
    },
    /// The frame carries something other than IP.
    NotIp,
    /// The link type is none we decode.
    NotDecoded,
}

macro_rules! malformed {
    ($($(#[$doc:meta])* $kind:ident $text:literal;)*) => {
        /// What is wrong with a malformed packet.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Malformed {
            $($(#[$doc])* $kind,)*
        }

        impl Malformed {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$kind),*];

            /// The kind in words.
            pub fn text(self) -> &'static str {
                match self {
                    $(Self::$kind => $text,)*
                }
            }
        }
    };
}

malformed! {
    /// The frame as sent ends inside its link or IP header.
    FrameTooShort "the frame ends inside a header";
    /// The version nibble is not what the link layer announces.
    Version "the version is not the announced one";
    /// An IPv4 header length below five words.
    HeaderLength "the IPv4 header length is below 5 words";
    /// An IPv4 total length smaller than the header.
    TotalLength "the IPv4 total length is smaller than the header";
    /// The IP length goes beyond the frame as sent.
    LengthBeyondFrame "the IP length goes beyond the frame";
    /// An IPv4 option of length below two, or longer than the header.
    Options "an IPv4 option overruns the header";
    /// An IPv6 extension header longer than the packet.
    ExtensionHeaders "an IPv6 extension header overruns the packet";
}

/// How many packets came to what.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// All packets.
    pub packets: u64,
    /// Their lengths as sent, in octets.
    pub octets: u64,
    /// IP packets with all their headers.
    pub whole: u64,
    /// Packets whose headers the capture cut.
    pub truncated: u64,
    /// Malformed packets, in the order of [`Malformed::ALL`].
    pub malformed: [u64; Malformed::ALL.len()],
    /// Frames that carry something other than IP.
    pub not_ip: u64,
    /// Frames of link types we do not decode.
    pub not_decoded: u64,
}

impl Counts {
    /// Counts one packet of `length` octets as sent.
    #[inline]
    pub fn add(&mut self, decoded: Decoded, length: u32) {
        self.packets += 1;
        self.octets += u64::from(length);
        match decoded {
            Decoded::Whole => self.whole += 1,
            Decoded::Truncated => self.truncated += 1,
            Decoded::Malformed { kind, .. } => {
                if let Some(count) = self.malformed.get_mut(kind as usize) {
                    *count += 1;
                }
            }
            Decoded::NotIp => self.not_ip += 1,
            Decoded::NotDecoded => self.not_decoded += 1,
        }
    }

    /// Adds what another counted.
    pub fn merge(&mut self, other: &Self) {
        self.packets += other.packets;
        self.octets += other.octets;
        self.whole += other.whole;
        self.truncated += other.truncated;
        for (mine, theirs) in self.malformed.iter_mut().zip(other.malformed) {
            *mine += theirs;
        }
        self.not_ip += other.not_ip;
        self.not_decoded += other.not_decoded;
    }
}

/// Decodes one frame into `headers`, whatever these held before: `octets` as captured, `length` as sent.
#[inline]
pub fn decode(link_type: LinkType, octets: &[u8], length: u32, headers: &mut Headers) -> Decoded {
    headers.clear_for_capture();
    // No capture format records these for each packet in a way rules could name.
    headers.set_cut(Field::InIface);
    headers.set_cut(Field::OutIface);
    let octets = Octets { captured: octets, sent: octets.len().max(length as usize), at: 0 };
    headers.set(Field::FrameLen, u32::try_from(octets.sent).unwrap_or(u32::MAX));
    if link_type == LinkType::ETHERNET
        && let Some(behind) = link::plain_inet(octets, headers)
    {
        return network::decode(behind, Some(4), headers);
    }
    match link::walk(link_type, octets, headers) {
        Ok(link::Carried::Ip { octets, version }) => network::decode(octets, version, headers),
        Ok(link::Carried::Other) => Decoded::NotIp,
        Ok(link::Carried::Unsupported) => Decoded::NotDecoded,
        Err(Short { at, cut: false }) => {
            cut_absent(headers);
            Decoded::Malformed { kind: Malformed::FrameTooShort, at }
        }
        Err(Short { cut: true, .. }) => {
            cut_absent(headers);
            Decoded::Truncated
        }
    }
}

/// Decodes one packet that begins with its IP header and was captured whole. Fields of the link layer are absent;
/// what every packet has and only the device knows is cut.
pub fn decode_ip(octets: &[u8], headers: &mut Headers) -> Decoded {
    headers.clear_for_capture();
    network::decode(Octets { captured: octets, sent: octets.len(), at: 0 }, None, headers)
}

/// A part of a frame: what was captured of it, how long it was, where in the frame it begins.
#[derive(Clone, Copy)]
struct Octets<'a> {
    captured: &'a [u8],
    // INVARIANT: at least `captured.len()`.
    sent: usize,
    at: usize,
}

/// A header that is not all there: cut by the capture, or never sent.
struct Short {
    at: u32,
    cut: bool,
}

impl<'a> Octets<'a> {
    /// The first `N` octets.
    #[inline]
    fn header<const N: usize>(self) -> Result<&'a [u8; N], Short> {
        self.captured.first_chunk().ok_or_else(|| self.short(N))
    }

    /// Why `needed` octets are not there.
    #[cold]
    fn short(self, needed: usize) -> Short {
        Short { at: self.position(), cut: self.sent >= needed }
    }

    /// What follows `count` octets.
    #[inline]
    fn skip(self, count: usize) -> Self {
        Self {
            captured: self.captured.get(count..).unwrap_or(&[]),
            sent: self.sent.saturating_sub(count),
            at: self.at + count,
        }
    }

    fn position(self) -> u32 {
        u32::try_from(self.at).unwrap_or(u32::MAX)
    }
}

/// Says of every field not known that nobody can know it.
#[cold]
fn cut_absent(headers: &mut Headers) {
    for info in FIELDS {
        if headers.get(info.field) == Reading::Absent {
            headers.set_cut(info.field);
        }
    }
}
