//! What actions mean: the words of `then` and `scope`, and communities by name.

use super::lex::Fault;
use super::operand::{Number, plain_number};
use crate::dialect::flowspec::{Actions, Community};
use crate::ir::{Action, Mark, RateUnit, RouteTarget};
use crate::source::Span;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What a word could not be read as.
pub(super) type Read<'a, T> = Result<T, Fault<'a>>;

pub(super) fn fault<'a>(at: &'a str, expected: &'static str) -> Fault<'a> {
    Fault { at, expected }
}

/// A number up to `max`.
fn number<'a>(word: &'a str, max: u64, expected: &'static str) -> Read<'a, u64> {
    plain_number(word).value().filter(|n| *n <= max).ok_or(fault(word, expected))
}

fn narrow<T: TryFrom<u64> + Default>(number: u64) -> T {
    // The caller has looked at the bounds.
    T::try_from(number).unwrap_or_default()
}

/// The largest rate ExaBGP sends; it cuts larger ones.
const RATE_MAX: u64 = 1_000_000_000_000;

/// A rate in the precision of the wire. A negative one is sent as it stands, and routers discard.
pub(super) fn rate(word: &str) -> Read<'_, f64> {
    let (sign, digits) = word.strip_prefix('-').map_or((1.0, word), |digits| (-1.0, digits));
    let decimal = !digits.starts_with("0x");
    let number = match plain_number(digits) {
        Number::Value(number) if decimal => number.min(RATE_MAX),
        Number::TooLarge if decimal => RATE_MAX,
        _ => return Err(fault(word, "a whole number")),
    };
    #[expect(clippy::cast_precision_loss, reason = "the wire has single precision")]
    let single = number as f32;
    Ok(sign * f64::from(single))
}

/// The unit behind a rate; octets when nothing stands there.
pub(super) fn unit(word: Option<&str>) -> Read<'_, RateUnit> {
    match word {
        None | Some("bytes") => Ok(RateUnit::OctetsPerSecond),
        Some("packets") => Ok(RateUnit::PacketsPerSecond),
        Some(other) => Err(fault(other, "`bytes` or `packets`")),
    }
}

/// Where a `redirect` goes: `AS:N`, an address, or `[IPv6]:N`, which comes in two words.
pub(super) fn redirect<'a>(word: &'a str, suffix: Option<&'a str>) -> Read<'a, Action> {
    if let Some(suffix) = suffix {
        let addr: Ipv6Addr = word.parse().map_err(|_| fault(word, "an IPv6 address"))?;
        let digits = suffix.strip_prefix(':').unwrap_or(suffix);
        let value = number(digits, 0xffff, "a number up to 65535")?;
        return Ok(Action::RedirectTarget(RouteTarget::Ip6(addr.to_bits(), narrow(value))));
    }
    if let Ok(addr) = word.parse::<IpAddr>() {
        return Ok(Action::RedirectIp { addr: Some(addr), copy: false });
    }
    let target = route_target(word)?;
    match target {
        RouteTarget::Ip4(..) => Err(fault(word, "`AS:number`: ExaBGP refuses addresses here")),
        _ => Ok(Action::RedirectTarget(target)),
    }
}

/// `AS:N`, `ASL:N` (four octets), `A.B.C.D:N`.
fn route_target(word: &str) -> Read<'_, RouteTarget> {
    let whole = "`AS:number` or an address";
    let (admin, value) = word.split_once(':').ok_or(fault(word, whole))?;
    if let Ok(addr) = admin.parse::<Ipv4Addr>() {
        let value = number(value, 0xffff, "a number up to 65535")?;
        return Ok(RouteTarget::Ip4(addr.to_bits(), narrow(value)));
    }
    let (digits, long) = admin.strip_suffix('L').map_or((admin, false), |digits| (digits, true));
    let asn = number(digits, u64::from(u32::MAX), "an AS number")?;
    if long || asn > 0xffff {
        let value = number(value, 0xffff, "a number up to 65535 behind a four-octet AS")?;
        return Ok(RouteTarget::As4(narrow(asn), narrow(value)));
    }
    Ok(RouteTarget::As2(narrow(asn), narrow(number(value, u64::from(u32::MAX), "a number of 32 bits")?)))
}

/// A route distinguisher (RFC 4364 §4.2): `AS:N`, `A.B.C.D:N`, or sixteen hex digits.
pub(super) fn distinguisher(word: &str) -> Read<'_, [u8; 8]> {
    if word.starts_with("0x") && word.len() == 18 {
        let octets = plain_number(word).value().map(u64::to_be_bytes);
        return octets.ok_or(fault(word, "sixteen hex digits"));
    }
    let (kind, admin, value): (u16, u64, u64) = match route_target(word)? {
        RouteTarget::As2(asn, value) => (0, u64::from(asn) << 32, u64::from(value)),
        RouteTarget::Ip4(addr, value) => (1, u64::from(addr) << 16, u64::from(value)),
        RouteTarget::As4(asn, value) => (2, u64::from(asn) << 16, u64::from(value)),
        RouteTarget::Ip6(..) => return Err(fault(word, "a route distinguisher")),
    };
    Ok((u64::from(kind) << 48 | admin | value).to_be_bytes())
}

/// A DSCP to write.
pub(super) fn mark(word: &str) -> Read<'_, Action> {
    let value = number(word, u64::MAX, "a DSCP of 0 to 63")?;
    Ok(Action::Mark(Mark::Dscp(u8::try_from(value).unwrap_or(u8::MAX))))
}

/// `sample`, `terminal` or both: whether it samples, and whether later rules count too.
pub(super) fn traffic_action(word: &str) -> Read<'_, (bool, bool)> {
    match word {
        "sample" => Ok((true, false)),
        "terminal" => Ok((false, true)),
        "sample-terminal" | "terminal-sample" => Ok((true, true)),
        _ => Err(fault(word, "`sample`, `terminal` or `sample-terminal`")),
    }
}

/// `transitive:input:AS:GROUP`.
pub(super) fn interface_set(word: &str) -> Read<'_, Action> {
    let mut parts = word.split(':');
    let mut next = |expected| parts.next().ok_or(fault(word, expected));
    let whole = "`transitive:input:AS:group`";
    let (kind, direction, asn, group) = (next(whole)?, next(whole)?, next(whole)?, next(whole)?);
    if let Some(surplus) = parts.next() {
        return Err(fault(surplus, "nothing behind the group"));
    }
    let transitive = match kind {
        "transitive" => true,
        "non-transitive" => false,
        _ => return Err(fault(kind, "`transitive` or `non-transitive`")),
    };
    let (inbound, outbound) = match direction {
        "input" => (true, false),
        "output" => (false, true),
        "input-output" => (true, true),
        _ => return Err(fault(direction, "`input`, `output` or `input-output`")),
    };
    let asn = narrow(number(asn, u64::from(u32::MAX), "an AS number")?);
    let group = narrow(number(group, 0x3fff, "a group of 0 to 16383")?);
    Ok(Action::InterfaceSet { asn, group, inbound, outbound, transitive })
}

/// One or two words of an `extended-community` list. Says whether the second was used.
pub(super) fn extended_community<'a>(
    word: &'a str,
    second: Option<&'a str>,
    next_hop: Option<IpAddr>,
    span: Span,
    actions: &mut Actions,
) -> Read<'a, bool> {
    let missing = || fault(word, "a value behind it");
    let (name, rest) = word.split_once(':').map_or((word, None), |(name, rest)| (name, Some(rest)));
    // `mark:10` and `mark 10` are the same.
    let value = rest.or(second);
    let used_second = rest.is_none();
    let action = match name {
        "rate-limit" => {
            let (amount, unit_word) =
                rest.ok_or(missing())?.split_once(':').map_or((rest, None), |(a, u)| (Some(a), Some(u)));
            actions.push_rate(rate(amount.ok_or(missing())?)?, unit(unit_word)?, span);
            return Ok(false);
        }
        "discard" if rest.is_none() => {
            actions.push_rate(0.0, RateUnit::OctetsPerSecond, span);
            return Ok(false);
        }
        "redirect" => {
            actions.push(redirect(rest.ok_or(missing())?, None)?, span);
            return Ok(false);
        }
        "interface-set" => {
            actions.push(interface_set(rest.ok_or(missing())?)?, span);
            return Ok(false);
        }
        "redirect-to-nexthop" | "copy-to-nexthop" if rest.is_none() => {
            actions.push(Action::RedirectIp { addr: next_hop, copy: name == "copy-to-nexthop" }, span);
            return Ok(false);
        }
        "redirect-to-nexthop-ietf" | "copy-to-nexthop-ietf" => {
            let value = value.ok_or(missing())?;
            let addr = value.parse().map_err(|_| fault(value, "an address"))?;
            Action::RedirectIp { addr: Some(addr), copy: name == "copy-to-nexthop-ietf" }
        }
        "mark" => mark(value.ok_or(missing())?)?,
        "action" => {
            let (sample, goes_on) = traffic_action(value.ok_or(missing())?)?;
            push_traffic_action(sample, goes_on, span, actions);
            return Ok(used_second);
        }
        _ => {
            let community = community(word)?;
            push(&community, next_hop, word, span, actions)?;
            return Ok(false);
        }
    };
    actions.push(action, span);
    Ok(used_second)
}

pub(super) fn push_traffic_action(sample: bool, goes_on: bool, span: Span, actions: &mut Actions) {
    actions.given = true;
    actions.goes_on |= goes_on;
    if sample {
        actions.push(Action::Sample, span);
    }
}

/// Adds a community by its octets.
pub(super) fn push<'a>(
    community: &Community,
    next_hop: Option<IpAddr>,
    word: &'a str,
    span: Span,
    actions: &mut Actions,
) -> Read<'a, ()> {
    let done = actions.push_community(community, next_hop, span);
    done.map_err(|_| fault(word, "a rate that is a number"))
}

// `0x` and sixteen digits, or a type by name.
fn community(word: &str) -> Read<'_, Community> {
    if let Some(digits) = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X")) {
        return octets(digits)
            .and_then(|octets| Community::new(&octets))
            .ok_or(fault(word, "eight octets in hex"));
    }
    let (name, rest) = match word.split_once(':') {
        // Without a name it is a route target.
        Some((_, value)) if !value.contains(':') => ("target", word),
        Some((name, rest)) => (name, rest),
        None => return Err(fault(word, "an extended community")),
    };
    let subtype = match name {
        "target" | "target4" => 0x02,
        "origin" | "origin4" => 0x03,
        _ => return Err(fault(name, "the name of an extended community")),
    };
    // `origin:2345:6.7.8.9` writes the 32 bits of the number as an address.
    let dotted = rest.split_once(':').and_then(|(asn, addr)| Some((asn, addr.parse::<Ipv4Addr>().ok()?)));
    let target = match dotted {
        Some((asn, addr)) => RouteTarget::As2(narrow(number(asn, 0xffff, "an AS number")?), addr.to_bits()),
        None => route_target(rest)?,
    };
    let (kind, high, low) = match target {
        RouteTarget::As2(asn, value) => (0, u64::from(asn) << 32, u64::from(value)),
        RouteTarget::Ip4(addr, value) => (1, u64::from(addr) << 16, u64::from(value)),
        RouteTarget::As4(asn, value) => (2, u64::from(asn) << 16, u64::from(value)),
        RouteTarget::Ip6(..) => return Err(fault(word, "an extended community")),
    };
    let octets = (kind << 56 | subtype << 48 | high | low).to_be_bytes();
    Ok(Community::Short(octets))
}

/// Octets written in hex.
pub(super) fn octets(digits: &str) -> Option<Vec<u8>> {
    let nibbles = digits.chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok()));
    let nibbles = nibbles.collect::<Option<Vec<u8>>>()?;
    let whole = !nibbles.is_empty() && nibbles.len().is_multiple_of(2);
    whole.then(|| nibbles.chunks(2).map(|pair| pair.iter().fold(0, |x, d| x << 4 | d)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn communities_by_name_have_their_octets() {
        let hex = |word| community(word).map(|c| c.to_string()).map_err(|f| f.expected);
        assert_eq!(hex("origin:2345:6.7.8.9").unwrap(), "0003092906070809");
        assert_eq!(hex("origin:2.3.4.5:6789").unwrap(), "0103020304051a85");
        assert_eq!(hex("65000:1").unwrap(), "0002fde800000001");
        assert_eq!(hex("target:70000:1").unwrap(), "0202000111700001");
        assert_eq!(hex("0x8006000000000000").unwrap(), "8006000000000000");
        assert_eq!(hex("bandwidth:1:2"), Err("the name of an extended community"));
    }

    #[test]
    fn targets_follow_the_size_of_the_as() {
        assert_eq!(
            redirect("200000:100", None).unwrap(),
            Action::RedirectTarget(RouteTarget::As4(200_000, 100))
        );
        assert_eq!(redirect("1.1.1.1:100", None).unwrap_err().at, "1.1.1.1:100");
        assert_eq!(redirect("200000:70000", None).unwrap_err().at, "70000");
        assert_eq!(distinguisher("65535:65536").unwrap(), [0, 0, 0xff, 0xff, 0, 1, 0, 0]);
        assert_eq!(distinguisher("192.0.2.1:7").unwrap(), [0, 1, 192, 0, 2, 1, 0, 7]);
        assert!((rate("-5").unwrap() + 5.0).abs() < f64::EPSILON);
    }

    #[test]
    fn interface_sets_name_direction_and_group() {
        let set = interface_set("non-transitive:input-output:3405770241:1").unwrap();
        let want = Action::InterfaceSet {
            asn: 3_405_770_241,
            group: 1,
            inbound: true,
            outbound: true,
            transitive: false,
        };
        assert_eq!(set, want);
        assert_eq!(interface_set("transitive:input:1:16384").unwrap_err().at, "16384");
        assert_eq!(interface_set("transitive:in:1:1").unwrap_err().at, "in");
    }
}
