//! What a rule asked for so far, as nft keeps it, and what of a load contradicts that (nft 1.0.6: `evaluate.c`,
//! `proto.c`).

use super::fields::{Header, Load, Meta};
use super::known::Known;
use super::ruleset::TableFamily;
use super::values::Values;
use std::fmt::Display;

/// A refusal: what is wrong, and what to write instead.
pub(super) type Refusal = (String, &'static str);

const NOTHING: &str = "no packet can match; nft refuses the rule";

/// What nft takes a rule to be about: not every test that says it counts.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Said {
    /// The version of IP.
    pub(super) version: Option<u32>,
    /// The type of ICMP message.
    pub(super) message: Option<u32>,
    /// The transport protocol.
    pub(super) transport: Option<u8>,
    /// One of several transport protocols.
    pub(super) several: bool,
    /// The transport protocol said last, of several the last in the order they are written.
    pub(super) last: Option<u8>,
    /// Frames that carry something that is no IP.
    pub(super) no_ip: bool,
    /// What of frames was looked into.
    pub(super) frame: Option<Header>,
}

impl Said {
    /// What a comparison says of the transport protocol: `meta l4proto` whatever it asks for, fields of IP only where nft
    /// knows what they ask for.
    pub(super) fn transport(&mut self, values: &Values, whatever: bool) {
        let Values::Ranges(set) = values else { return };
        if set.ranges().any(|(lo, hi)| lo != hi) {
            return;
        }
        let numbers = set.ranges().filter_map(|(number, _)| u8::try_from(number).ok());
        let mut numbers = numbers.filter(|number| whatever || TRANSPORTS.contains(number));
        if let Some(first) = numbers.next() {
            match numbers.next() {
                Some(_) => self.several = true,
                None => {
                    self.transport.get_or_insert(first);
                }
            }
        }
    }
}

/// Whether nft takes `meta l4proto` or a field of IP with this value to say what the rule is about.
pub(super) fn says_transport(load: &Load, number: u8) -> bool {
    match load {
        Load::Meta(Meta::L4Proto) => true,
        Load::Field(Header::Ip, place) if place.word == "protocol" => TRANSPORTS.contains(&number),
        Load::Field(Header::Ip6, place) if place.word == "nexthdr" => TRANSPORTS.contains(&number),
        _ => false,
    }
}

// The protocols nft 1.0.6 knows behind IP: ICMP, IGMP, TCP, UDP, DCCP, ESP, AH, ICMPv6, compression, SCTP, UDP-Lite.
const TRANSPORTS: &[u8] = &[1, 2, 6, 17, 33, 50, 51, 58, 108, 132, 136];

/// A refusal, as every function gives it on.
#[expect(clippy::unnecessary_wraps, reason = "beside the ways that give none")]
pub(super) fn refusal(message: impl Into<String>, help: &'static str) -> Option<Refusal> {
    Some((message.into(), help))
}

/// A transport protocol in words.
pub(super) fn protocol_name(number: u8) -> String {
    let header = [
        Header::Icmp,
        Header::Igmp,
        Header::Tcp,
        Header::Udp,
        Header::Dccp,
        Header::Gre,
        Header::Esp,
        Header::Ah,
        Header::Icmpv6,
        Header::Comp,
        Header::Sctp,
        Header::Udplite,
    ];
    let known = header.into_iter().find(|header| header.protocol() == Some(number));
    known.map_or_else(|| format!("protocol {number}"), |header| format!("`{}`", header.name()))
}

impl Known {
    /// Why nothing can be looked at here by `load`, after the statements before.
    pub(super) fn refused(&self, load: &Load) -> Option<Refusal> {
        let version = |wanted: u32| {
            let other = self.said.version.filter(|said| *said != wanted)?;
            let message = format!("`{load}` is of IPv{wanted}, and this rule is about IPv{other}");
            refusal(message, NOTHING)
        };
        let is_of_ip = match load {
            Load::Field(header, _) => !matches!(header, Header::Ether | Header::Vlan | Header::Arp),
            Load::Extension(..) | Load::IpOption(_) => true,
            _ => false,
        };
        match load {
            _ if is_of_ip && self.family == TableFamily::Arp => {
                refusal(format!("`{load}` is of IP, and this table is of ARP"), "")
            }
            Load::Field(Header::Ip | Header::Ip6, _) if self.said.no_ip => {
                let message = format!("`{load}` is of IP, and this rule asks for another protocol");
                refusal(message, NOTHING)
            }
            Load::Field(header @ (Header::Ip | Header::Ip6), _) => {
                version(if *header == Header::Ip { 4 } else { 6 })
            }
            Load::Field(Header::Vlan, _) if self.said.frame == Some(Header::Ether) => {
                let message = format!("`{load}` is of a tag, and this rule looks into frames without one");
                refusal(message, "tables of `bridge` and `netdev` see tags")
            }
            Load::Field(Header::Vlan, _)
                if self.is_of_frames()
                    && self.said.frame != Some(Header::Vlan)
                    && self.said.version.is_some() =>
            {
                let message = format!("`{load}` is of a tag, and this rule is about frames with IP in them");
                refusal(message, "ask for the tag first, then for what it carries")
            }
            Load::Field(Header::Arp, _)
                if self.said.version.is_some() || self.family == TableFamily::Inet =>
            {
                refusal(
                    format!("`{load}` is of ARP, and this rule is about IP"),
                    "ARP has tables of its own: `arp`",
                )
            }
            Load::Field(header, place) => self.refused_protocol(*header, place.of_types, load),
            Load::Extension(..) => version(6),
            Load::IpOption(_) => version(4),
            Load::Beyond(_, _, full) => self.refused_beyond(full),
            Load::Meta(Meta::NfProto) if self.family != TableFamily::Inet => {
                refusal("`meta nfproto` is for tables of `inet`", "the family of the table says it already")
            }
            Load::Raw(..) | Load::Meta(_) | Load::CtState | Load::TcpOption(..) => None,
        }
    }

    /// Whether its tables see frames.
    pub(super) fn is_of_frames(&self) -> bool {
        matches!(self.family, TableFamily::Bridge | TableFamily::Netdev)
    }

    fn refused_protocol(&self, header: Header, of_types: &[u32], words: &dyn Display) -> Option<Refusal> {
        let number = header.protocol()?;
        if self.said.several {
            let name = protocol_name(number);
            let message = format!("`{words}` is of {name}, and this rule asks for one of several protocols");
            return refusal(message, "`th dport` and its like are of whatever protocol it is");
        }
        if let Some(other) = self.said.transport.filter(|other| *other != number) {
            let (name, other) = (protocol_name(number), protocol_name(other));
            let message = format!("`{words}` is of {name}, and this rule asks for {other}");
            return refusal(message, NOTHING);
        }
        let kind = self.said.message.filter(|kind| !of_types.is_empty() && !of_types.contains(kind))?;
        let message = format!("messages of type {kind} have no `{words}`");
        refusal(message, NOTHING)
    }

    fn refused_beyond(&self, words: &str) -> Option<Refusal> {
        let mut parts = words.split(' ');
        let head = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
        match head {
            ("vxlan" | "geneve", _) if self.said.transport != Some(17) => refusal(
                format!("`{words}` is behind UDP, for which this rule does not ask"),
                "put `udp dport` in front",
            ),
            ("gre", "ether" | "vlan") => refusal(
                format!("`{words}`: GRE carries IP"),
                "`gretap` carries frames, as `gretap ether saddr`",
            ),
            ("ipsec", _) | ("meta", "sdif" | "sdifname") if self.is_of_frames() => {
                refusal(format!("`{words}` is for tables of `ip`, `ip6` and `inet`"), "")
            }
            ("meta", "ibrname" | "obrname" | "ibrpvid" | "ibrvproto" | "broute")
                if self.family != TableFamily::Bridge =>
            {
                refusal(format!("`{words}` is for tables of `bridge`"), "")
            }
            ("rt", "nexthop") if self.said.version.is_none() => refusal(
                format!("nothing says of which version of IP `{words}` is"),
                "write `rt ip nexthop` or `rt ip6 nexthop`",
            ),
            ("rt", "ip") if self.family == TableFamily::Ip6 => {
                refusal(format!("`{words}` matches no packet of this table, which is of IPv6"), "")
            }
            ("rt", "ip6") if self.family == TableFamily::Ip => {
                refusal(format!("`{words}` matches no packet of this table, which is of IPv4"), "")
            }
            ("ct", _) => self.refused_conntrack(words),
            ("dccp" | "sctp" | "gre" | "gretap", _) => {
                let header = Header::by_name(head.0).unwrap_or(Header::Gre);
                self.refused_protocol(header, &[], &words)
            }
            ("ip", "option") => self.refused(&Load::IpOption(7)),
            _ => None,
        }
    }

    fn refused_conntrack(&self, words: &str) -> Option<Refusal> {
        if self.said.version.is_none() && super::refusals::is_unversioned(words) {
            let message = format!("nothing says of which version of IP `{words}` is");
            return refusal(message, super::refusals::VERSION);
        }
        let said = self.said.version?;
        let other = match said {
            4 if words.contains(" ip6 ") => 6,
            6 if words.contains(" ip ") => 4,
            _ => return None,
        };
        let message = format!("`{words}` is of IPv{other}, and this rule is about IPv{said}");
        refusal(message, NOTHING)
    }
}
