//! Kinds of values that options take, as the libraries of iptables 1.8.9 read them.

use super::values::{self, Address, NoAddress};
use crate::field::Family;
use std::fmt;

/// What a value must be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// The option takes no value.
    Nothing,
    /// A value that is read where its meaning is.
    Own,
    /// Two words, read where their meaning is.
    Pair,
    /// Which of the chunks of SCTP, and their names.
    Chunks,
    /// A number of packets a second, which may be left out.
    PacketRate,
    /// Octets or bits a second, which may be left out.
    BitRate,
    /// A time in seconds or parts of them.
    Time,
    /// Milliseconds, or `inf`.
    Delay,
    /// Options of an IPv6 header, each with or without its length.
    HeaderOptions,
    /// `LOCATION = VALUES && ..`, read where its meaning is.
    Words32,
    /// Any text of so many octets.
    Text(usize, usize),
    /// A number.
    Number(u64, u64),
    /// `a:b`, each end may be left out.
    Range(u64),
    /// `a:b` with a first number below the second.
    Rising(u64),
    /// Numbers in a list.
    Numbers(u64, u64),
    /// One of these words.
    Word(&'static str),
    /// A list of these words.
    Words(&'static str),
    /// A number from 0 to 1.
    Share,
    /// `value/mask` of 32 bits.
    Mark,
    Tos,
    DscpClass,
    /// `major:minor` in hex.
    Class,
    /// A level of the log.
    Level,
    Host,
    /// An address with a mask.
    Hosts,
    /// A length of a prefix, or a mask.
    Mask,
    PrefixLen,
    Protocol,
    Port,
    /// `port:port`.
    Ports,
    Mac,
    Interface,
    /// So many packets in a time.
    Rate,
    /// The same, or so many octets.
    HashRate,
    Burst,
    Date,
    Clock,
    Weekdays,
    /// A zone of connection tracking.
    Zone,
    /// Options of TCP in a list.
    TcpOptions,
    /// An address or a range of them, with ports.
    Nat,
    NatPorts,
}

/// What else a value depends on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) family: Option<Family>,
    /// The protocol the rule names.
    pub(super) protocol: Option<u8>,
}

impl Kind {
    /// A kind by the word the grammar has for it.
    pub(super) fn of(word: &'static str) -> Option<Self> {
        let inside = |name: &str| word.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')');
        let pair = |text: &'static str| {
            let (low, high) = text.split_once('-')?;
            Some((low.parse::<u64>().ok()?, if high.is_empty() { u64::MAX } else { high.parse().ok()? }))
        };
        if let Some(words) = inside("any") {
            return Some(Self::Word(words));
        } else if let Some(words) = inside("all") {
            return Some(Self::Words(words));
        } else if let Some((low, high)) = inside("list").and_then(pair) {
            return Some(Self::Numbers(low, high));
        } else if let Some((_, high)) = inside("rising").and_then(pair) {
            return Some(Self::Rising(high));
        } else if let Some((low, high)) = inside("text").and_then(pair) {
            let size = |octets| usize::try_from(octets).unwrap_or(usize::MAX);
            return Some(Self::Text(size(low), size(high)));
        }
        Some(match word {
            "own" => Self::Own,
            "pair" => Self::Pair,
            "chunks" => Self::Chunks,
            "pps" => Self::PacketRate,
            "bps" => Self::BitRate,
            "time" => Self::Time,
            "delay" => Self::Delay,
            "v6options" => Self::HeaderOptions,
            "u32words" => Self::Words32,
            "text" => Self::Text(0, usize::MAX),
            "u32" => Self::Number(0, u32::MAX.into()),
            "u64" => Self::Number(0, u64::MAX),
            "u32:" => Self::Range(u32::MAX.into()),
            "u64:" => Self::Range(u64::MAX),
            "0-65535:" => Self::Range(65_535),
            "share" => Self::Share,
            "mark" => Self::Mark,
            "tos" => Self::Tos,
            "dscp" => Self::DscpClass,
            "class" => Self::Class,
            "level" => Self::Level,
            "host" => Self::Host,
            "hosts" => Self::Hosts,
            "mask" => Self::Mask,
            "plen" => Self::PrefixLen,
            "proto" => Self::Protocol,
            "port" => Self::Port,
            "ports" => Self::Ports,
            "mac" => Self::Mac,
            "iface" => Self::Interface,
            "rate" => Self::Rate,
            "hashrate" => Self::HashRate,
            "burst" => Self::Burst,
            "date" => Self::Date,
            "clock" => Self::Clock,
            "weekdays" => Self::Weekdays,
            "zone" => Self::Zone,
            "tcpoptions" => Self::TcpOptions,
            "nat" => Self::Nat,
            "natports" => Self::NatPorts,
            _ => {
                let (low, high) = pair(word)?;
                Self::Number(low, high)
            }
        })
    }

    /// How many words it is.
    pub(super) fn words(self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Pair | Self::Chunks => 2,
            _ => 1,
        }
    }

    /// Names of chunks, each with or without flags.
    pub(super) fn are_chunks(text: &str) -> bool {
        let flags = |name: &str| match name.to_ascii_uppercase().as_str() {
            "DATA" | "I_DATA" => "IUBE",
            "ABORT" | "SHUTDOWN_COMPLETE" => "T",
            _ => "",
        };
        text.eq_ignore_ascii_case("all")
            || text.eq_ignore_ascii_case("none")
            || text.split(',').all(|chunk| {
                let (name, own) = chunk.split_once(':').unwrap_or((chunk, ""));
                is_word(CHUNKS, name) && own.chars().all(|c| flags(name).contains(c.to_ascii_uppercase()))
            })
    }

    /// Whether a text is one.
    pub(super) fn reads(self, text: &str, place: Place) -> bool {
        let lists = |word: &dyn Fn(&str) -> bool| text.split(',').all(word);
        match self {
            Self::Nothing => false,
            Self::Own | Self::Pair => true,
            Self::PacketRate => is_number(text, 0, u32::MAX.into()),
            Self::BitRate => has_unit(text, BIT_UNITS),
            Self::Time => has_unit(text, TIME_UNITS),
            Self::Delay => text == "inf" || is_number(text, 0, u32::MAX.into()),
            Self::HeaderOptions => lists(&|option| {
                let mut parts = option.splitn(2, ':');
                parts.all(|part| is_number(part, 0, 255)) && !option.starts_with("0:")
            }),
            Self::Words32 => text.split("&&").all(|test| {
                test.split_once('=').is_some_and(|(location, values)| {
                    let fits = |part: &str, more: &str| {
                        let part = part.trim();
                        part.starts_with(|c: char| c.is_ascii_digit())
                            && part.chars().all(|c| c.is_ascii_hexdigit() || more.contains(c))
                    };
                    fits(location, "x &<>@") && values.split(',').all(|range| fits(range, "x: "))
                })
            }),
            Self::Chunks => is_word("any,all,only", text),
            Self::Text(low, high) => (low..=high).contains(&text.len()),
            Self::Number(low, high) => is_number(text, low, high),
            Self::Range(max) => range(text, max).is_some(),
            Self::Rising(max) => range(text, max).is_some_and(|(low, high)| low < high && text.contains(':')),
            Self::Numbers(low, high) => lists(&|word| is_number(word, low, high)),
            Self::Word(words) => is_word(words, text),
            Self::Words(words) => lists(&|word| is_word(words, word)),
            Self::Share => text.parse::<f64>().is_ok_and(|share| (0.0..=1.0).contains(&share)),
            Self::Mark => values::value_and_mask(text, u32::MAX).is_some(),
            Self::Tos => values::tos(text).is_some(),
            Self::DscpClass => values::dscp_class(text).is_some(),
            Self::Class => {
                let part = |part: &str| part.is_empty() || u16::from_str_radix(part, 16).is_ok();
                text.split_once(':').is_some_and(|(major, minor)| part(major) && part(minor))
            }
            Self::Level => is_number(text, 0, 7) || is_word(LEVELS, text),
            Self::Host => !text.contains('/') && is_host(text, place.family),
            Self::Hosts => is_host(text, place.family),
            Self::Mask => is_mask(text, place.family),
            Self::PrefixLen => is_number(text, 0, if place.family == Some(Family::Inet) { 32 } else { 128 }),
            Self::Protocol => values::protocol(text).is_some_and(|protocol| protocol != 0),
            Self::Port => values::decimal_port(text, None).is_some(),
            Self::Ports => values::range(text, 65_535, |port| values::decimal_port(port, None)).is_ok(),
            Self::Mac => values::mac(text).is_some(),
            Self::Interface => !text.is_empty() && text.len() < 16,
            Self::Rate => is_rate(text, 10_000),
            Self::HashRate => is_rate(text, 1_000_000) || is_octet_rate(text),
            Self::Burst => leading(text) > 0,
            Self::Date => is_date(text),
            Self::Clock => {
                let parts: Vec<&str> = text.split(':').collect();
                (2..=3).contains(&parts.len())
                    && parts.iter().zip([23, 59, 59]).all(|(part, max)| decimal(part, 0, max))
            }
            // Two letters say which.
            Self::Weekdays => lists(&|word| {
                is_number(word, 1, 7) || word.get(..2).is_some_and(|two| is_word("Mo,Tu,We,Th,Fr,Sa,Su", two))
            }),
            Self::Zone => text.eq_ignore_ascii_case("mark") || is_number(text, 0, 65_535),
            Self::TcpOptions => lists(&|word| is_number(word, 2, 255) || is_word(TCP_OPTIONS, word)),
            Self::Nat => is_translation(text, place),
            Self::NatPorts => are_new_ports(text, place),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Nothing => f.write_str("no value"),
            Self::Own | Self::Pair => f.write_str("a value"),
            Self::PacketRate => f.write_str("a number of packets"),
            Self::BitRate => f.write_str("a rate as `8kbit`"),
            Self::Time => f.write_str("a time as `250ms`"),
            Self::Delay => f.write_str("milliseconds or `inf`"),
            Self::HeaderOptions => f.write_str("options from 0 to 255, each with or without `:LENGTH`"),
            Self::Words32 => f.write_str("words of the packet as `6 & 0xFF = 1:5`"),
            Self::Chunks => f.write_str("`any`, `all` or `only`, and names of chunks"),
            Self::Text(0, usize::MAX) => f.write_str("a text"),
            Self::Text(low, usize::MAX) => write!(f, "a text of at least {low} octets"),
            Self::Text(low, high) => write!(f, "a text of {low} to {high} octets"),
            Self::Number(low, high) => write!(f, "a number from {low} to {high}"),
            Self::Range(max) => write!(f, "a number or range up to {max}"),
            Self::Rising(max) => write!(f, "two numbers up to {max}, the lower first"),
            Self::Numbers(low, high) => write!(f, "numbers from {low} to {high}"),
            Self::Word(words) => write!(f, "one of {words}"),
            Self::Words(words) => write!(f, "words of {words}"),
            Self::Share => f.write_str("a number from 0 to 1"),
            Self::Mark => f.write_str("a mark"),
            Self::Tos => f.write_str("a TOS value"),
            Self::DscpClass => f.write_str("a class of DSCP"),
            Self::Class => f.write_str("a class as `major:minor`"),
            Self::Level => write!(f, "a level: 0 to 7, {LEVELS}"),
            Self::Host => f.write_str("an address"),
            Self::Hosts => f.write_str("an address, with or without a mask"),
            Self::Mask | Self::PrefixLen => f.write_str("a length of a prefix"),
            Self::Protocol => f.write_str("a protocol"),
            Self::Port => f.write_str("a port"),
            Self::Ports => f.write_str("a port or range"),
            Self::Mac => f.write_str("a hardware address"),
            Self::Interface => f.write_str("the name of an interface"),
            Self::Rate => f.write_str("a rate as `10/minute`"),
            Self::HashRate => f.write_str("a rate as `10/minute` or `512kb/s`"),
            Self::Burst => f.write_str("a number of packets or octets"),
            Self::Date => f.write_str("a date as `2026-01-31T23:59:59`"),
            Self::Clock => f.write_str("a time as `23:59`"),
            Self::Weekdays => f.write_str("days of the week"),
            Self::Zone => f.write_str("a zone from 0 to 65535, or `mark`"),
            Self::TcpOptions => f.write_str("options of TCP from 2 to 255"),
            Self::Nat => f.write_str("an address of these rules' family, with ports only where the rule asks for a protocol that has them"),
            Self::NatPorts => f.write_str("ports as `1024-65535`, in a rule that asks for a protocol that has them"),
        }
    }
}

const BIT_UNITS: &str =
    "bit,kibit,kbit,mibit,mbit,gibit,gbit,tibit,tbit,bps,kibps,kbps,mibps,mbps,gibps,gbps,tibps,tbps";
const TIME_UNITS: &str = "s,sec,secs,ms,msec,msecs,us,usec,usecs";
const LEVELS: &str = "alert,crit,debug,emerg,error,info,notice,panic,warning";
const CHUNKS: &str = "data,init,init_ack,sack,heartbeat,heartbeat_ack,abort,shutdown,shutdown_ack,error,cookie_echo,\
cookie_ack,ecn_ecne,ecn_cwr,shutdown_complete,i_data,re_config,pad,asconf,asconf_ack,forward_tsn,i_forward_tsn";
const TCP_OPTIONS: &str = "wscale,mss,sack-permitted,sack,timestamp,md5";

fn is_word(words: &str, text: &str) -> bool {
    words.split(',').any(|word| word.eq_ignore_ascii_case(text))
}

fn is_number(text: &str, low: u64, high: u64) -> bool {
    values::number(text, high).is_some_and(|value| value >= low)
}

/// Digits alone: here a 0 in front says nothing.
fn decimal(text: &str, low: u64, high: u64) -> bool {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits && text.parse().is_ok_and(|value: u64| (low..=high).contains(&value))
}

fn range(text: &str, max: u64) -> Option<(u64, u64)> {
    let number = |text: &str, open| if text.is_empty() { Some(open) } else { values::number(text, max) };
    let (low, high) = match text.split_once(':') {
        Some((low, high)) => (number(low, 0)?, number(high, max)?),
        None => values::number(text, max).map(|value| (value, value))?,
    };
    (low <= high).then_some((low, high))
}

/// An address of the family; a name is looked up where the rule is loaded.
fn is_host(text: &str, family: Option<Family>) -> bool {
    match values::address(text) {
        Ok(address) => family.is_none_or(|family| family == address.family()),
        Err(NoAddress::Name) => true,
        Err(NoAddress::Mask | NoAddress::Nothing) => false,
    }
}

fn is_mask(text: &str, family: Option<Family>) -> bool {
    let all = match family {
        Some(Family::Inet) => 32,
        _ => 128,
    };
    is_number(text, 0, all)
        || matches!(values::address(text), Ok(address) if family.is_none_or(|f| f == address.family()))
}

/// The number a text begins with, as `atoi` reads it.
fn leading(text: &str) -> u64 {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    text.get(..digits).and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// `10/minute`: the unit may be cut short; no faster than the kernel can count.
fn is_rate(text: &str, scale: u64) -> bool {
    let (count, unit) = text.split_once('/').unwrap_or((text, "second"));
    let units = [("second", 1), ("minute", 60), ("hour", 3600), ("day", 86_400)];
    let lower = unit.to_ascii_lowercase();
    let unit = units.iter().find(|(name, _)| !lower.is_empty() && name.starts_with(&lower));
    unit.is_some_and(|(_, seconds)| (1..=scale * seconds).contains(&leading(count)))
}

/// A number with or without one of these units behind it.
fn has_unit(text: &str, units: &str) -> bool {
    let digits = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let number = text.strip_suffix(digits).unwrap_or("");
    number.parse::<f64>().is_ok() && (digits.is_empty() || is_word(units, digits))
}

/// `512kb/s`.
fn is_octet_rate(text: &str) -> bool {
    text.split_once("b/s").is_some_and(|(count, _)| leading(count) > 0)
}

/// `YYYY[-MM[-DD[Thh[:mm[:ss]]]]]`.
fn is_date(text: &str) -> bool {
    let (day, time) = text.split_once('T').map_or((text, None), |(day, time)| (day, Some(time)));
    let days: Vec<&str> = day.split('-').collect();
    let fits = |parts: &[&str], bounds: &[(u64, u64)]| {
        parts.len() <= bounds.len()
            && parts.iter().zip(bounds).all(|(part, (low, high))| decimal(part, *low, *high))
    };
    let time = time.map(|time| time.split(':').collect::<Vec<_>>());
    fits(&days, &[(1970, 2038), (0, 12), (0, 31)])
        && time.is_none_or(|time| days.len() == 3 && fits(&time, &[(0, 23), (0, 59), (0, 59)]))
}

/// `[ADDRESS[-ADDRESS]][:PORTS]`; an IPv6 address with ports stands in brackets.
fn is_translation(text: &str, place: Place) -> bool {
    let (addresses, ports) = match text.strip_prefix('[') {
        Some(_) if place.family == Some(Family::Inet) => return false,
        Some(inside) => match inside.split_once(']') {
            Some((addresses, rest)) => (addresses, rest.strip_prefix(':')),
            None => return false,
        },
        None if text.matches(':').count() > 1 => (text, None),
        None => text.split_once(':').map_or((text, None), |(addresses, ports)| (addresses, Some(ports))),
    };
    let whole = |text: &str| {
        let read = values::address(text).is_ok_and(|address| {
            let short = address.family() == Family::Inet && text.matches('.').count() != 3;
            let full = !short
                && matches!(
                    address,
                    Address::V4 { mask: u32::MAX, .. } | Address::V6 { mask: u128::MAX, .. }
                );
            full && place.family.is_none_or(|family| family == address.family())
        });
        read && !text.contains('/')
    };
    let (low, high) = addresses.split_once('-').unwrap_or((addresses, addresses));
    let none = addresses.is_empty() && ports.is_some();
    (none || whole(low) && whole(high)) && ports.is_none_or(|ports| are_new_ports(ports, place))
}

/// `PORT`, `PORT-PORT`, in a rule that asks for a protocol with ports.
fn are_new_ports(text: &str, place: Place) -> bool {
    if !matches!(place.protocol, Some(1 | 6 | 17 | 33 | 132)) {
        return false;
    }
    let number = |text: &str| values::number(text, 65_535);
    match text.split_once('-') {
        Some((low, high)) => {
            let (high, base) = high.split_once('/').map_or((high, None), |(high, base)| (high, Some(base)));
            let rises = number(low).zip(number(high)).is_some_and(|(low, high)| low <= high);
            // A name may hold a dash.
            (rises && base.is_none_or(|base| values::port(base, None).is_some()))
                || values::port(text, None).is_some()
        }
        None => number(text).is_some() || values::port(text, None).is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(kind: &'static str, text: &str) -> bool {
        let place = Place { family: Some(Family::Inet), protocol: Some(6) };
        Kind::of(kind).unwrap().reads(text, place)
    }

    #[test]
    fn kinds_read_what_they_are() {
        for (kind, good, bad) in [
            ("0-63", "0x3f", "64"),
            ("u32:", "4:", "4:3"),
            ("rising(0-65534)", "0:3", "4:4"),
            ("rate", "10/min", "10/year"),
            ("rate", "10000", "10001/sec"),
            ("hashrate", "512kb/s", "kb/s"),
            ("list(1-31)", "1,31", "0,1"),
            ("any(in,out)", "in", "both"),
            ("share", "0.5", "1.1"),
            ("date", "2026-01-31T23:59", "2026T1"),
            ("clock", "01:02:03", "24:00"),
            ("weekdays", "Mon,7", "Xy"),
            ("nat", "192.0.2.1-192.0.2.9:1024-65535", "192.0.2.1:1024-65536"),
            ("nat", ":80", "[2001:db8::1]:80"),
            ("natports", "80", "-1"),
            ("class", "1:ff", "1"),
            ("hosts", "192.0.2.0/24", "2001:db8::/32"),
            ("tcpoptions", "mss,5", "1"),
            ("text(1-)", "x", ""),
            ("bps", "5kbit", "all"),
            ("time", "250ms", "3:4"),
            ("v6options", "1:3,0xc", "0:1"),
            ("u32words", "6 & 0xFF = 1:5 && 0>>22&0x3C@4=0x1", "3:4"),
            ("nat", "192.0.2.1", "64"),
        ] {
            assert!(reads(kind, good) && !reads(kind, bad), "{kind}: {good} {bad}");
        }
    }
}
