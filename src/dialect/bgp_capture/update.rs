//! An UPDATE as far as flow specifications need it (RFC 4271 §4.3, RFC 4760, RFC 7606), each part with its place.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Octets of a message with the place of the first in the source.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Part<'a> {
    pub(super) octets: &'a [u8],
    pub(super) at: u32,
}

impl<'a> Part<'a> {
    /// Splits off the first `size` octets.
    fn take(&mut self, size: usize) -> Option<Part<'a>> {
        let (head, rest) = self.octets.split_at_checked(size)?;
        let part = Part { octets: head, at: self.at };
        (self.octets, self.at) = (rest, self.at.saturating_add(count(size)));
        Some(part)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take(1)?.octets.first().copied()
    }

    fn u16(&mut self) -> Option<u16> {
        self.take(2)?.octets.first_chunk().map(|octets| u16::from_be_bytes(*octets))
    }

    /// The place behind the last octet.
    pub(super) fn end(&self) -> u32 {
        self.at.saturating_add(count(self.octets.len()))
    }
}

pub(super) fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// The messages of a run of octets one after the other; ends at the first that is none.
pub(super) fn messages(mut rest: Part<'_>) -> impl Iterator<Item = Result<Message<'_>, Broken>> {
    std::iter::from_fn(move || {
        if rest.octets.is_empty() {
            return None;
        }
        let start = rest.at;
        let message = message(&mut rest);
        if message.is_none() {
            rest.octets = &[];
        }
        Some(message.ok_or(Broken { at: start, what: "no BGP message begins here" }))
    })
}

fn message<'a>(rest: &mut Part<'a>) -> Option<Message<'a>> {
    let mut head = *rest;
    let marker = head.take(16)?;
    let (length, kind) = (head.u16()?, head.u8()?);
    let mut whole = rest.take(usize::from(length))?;
    whole.take(19)?;
    marker.octets.iter().all(|octet| *octet == 0xff).then_some(Message { kind, body: whole })
}

/// One message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message<'a> {
    /// Its type; 2 for an UPDATE.
    pub(super) kind: u8,
    /// What follows its header.
    pub(super) body: Part<'a>,
}

/// Something that is not as RFC 4271 says, with its place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Broken {
    pub(super) at: u32,
    pub(super) what: &'static str,
}

/// NLRIs of one address family.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Routes<'a> {
    /// The address family and where it stands.
    pub(super) afi: u16,
    /// The subsequent address family.
    pub(super) safi: u8,
    /// The whole attribute value.
    pub(super) value: Part<'a>,
    /// Next hop, where there is one of a usual length.
    pub(super) next_hop: Option<IpAddr>,
    /// The NLRIs.
    pub(super) nlri: Part<'a>,
}

/// What an UPDATE says of flow specifications.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Update<'a> {
    /// `MP_REACH_NLRI`.
    pub(super) announced: Option<Routes<'a>>,
    /// `MP_UNREACH_NLRI`.
    pub(super) withdrawn: Option<Routes<'a>>,
    /// Extended communities (attribute 16).
    pub(super) communities: Option<Part<'a>>,
    /// IPv6 extended communities (attribute 25).
    pub(super) long_communities: Option<Part<'a>>,
    /// What is wrong; what was read before it stands.
    pub(super) broken: Option<Broken>,
}

/// Reads the body of an UPDATE.
pub(super) fn update(body: Part<'_>) -> Update<'_> {
    let mut found = Update::default();
    if let Err(broken) = walk(body, &mut found) {
        // What is missing behind the end is told at the last octet.
        let last = body.end().saturating_sub(1);
        found.broken = Some(Broken { at: broken.at.min(last), ..broken });
    }
    found
}

fn walk<'a>(body: Part<'a>, found: &mut Update<'a>) -> Result<(), Broken> {
    let mut rest = body;
    let cut = |part: Part<'_>, what| Broken { at: part.at, what };
    let withdrawn = rest.u16().ok_or(cut(rest, "the length of the withdrawn routes is cut off"))?;
    rest.take(usize::from(withdrawn)).ok_or(cut(rest, "the withdrawn routes run past the message"))?;
    let length = rest.u16().ok_or(cut(rest, "the length of the attributes is cut off"))?;
    let all = rest.take(usize::from(length)).ok_or(cut(rest, "the attributes run past the message"))?;
    let mut attributes = all;
    while !attributes.octets.is_empty() {
        let start = attributes;
        let (code, value) =
            attribute(&mut attributes).ok_or(cut(start, "this attribute runs past the others"))?;
        match code {
            14 => once(&mut found.announced, announced(value), start)?,
            15 => once(&mut found.withdrawn, withdrawn_routes(value), start)?,
            // Of other attributes the first counts (RFC 7606 §3 g).
            16 => found.communities = found.communities.or(Some(value)),
            25 => found.long_communities = found.long_communities.or(Some(value)),
            _ => {}
        }
    }
    Ok(())
}

fn attribute<'a>(rest: &mut Part<'a>) -> Option<(u8, Part<'a>)> {
    let (flags, code) = (rest.u8()?, rest.u8()?);
    let length = if flags & 0x10 != 0 { rest.u16()? } else { u16::from(rest.u8()?) };
    Some((code, rest.take(usize::from(length))?))
}

// A second MP_REACH_NLRI or MP_UNREACH_NLRI resets the session (RFC 7606 §3 g).
fn once<'a>(slot: &mut Option<Routes<'a>>, new: Option<Routes<'a>>, start: Part<'_>) -> Result<(), Broken> {
    let broken = |what| Broken { at: start.at, what };
    let new = new.ok_or(broken("this attribute is too short for its family and next hop"))?;
    match slot.replace(new) {
        None => Ok(()),
        Some(first) => {
            *slot = Some(first);
            Err(broken("this attribute stands twice"))
        }
    }
}

// RFC 4760 §3
fn announced(value: Part<'_>) -> Option<Routes<'_>> {
    let mut rest = value;
    let (afi, safi, length) = (rest.u16()?, rest.u8()?, rest.u8()?);
    let next_hop = address(rest.take(usize::from(length))?.octets);
    rest.u8()?;
    Some(Routes { afi, safi, value, next_hop, nlri: rest })
}

// RFC 4760 §4
fn withdrawn_routes(value: Part<'_>) -> Option<Routes<'_>> {
    let mut rest = value;
    let (afi, safi) = (rest.u16()?, rest.u8()?);
    Some(Routes { afi, safi, value, next_hop: None, nlri: rest })
}

// A next hop may stand behind a route distinguisher (RFC 4364) or in front of a link-local one (RFC 2545).
fn address(octets: &[u8]) -> Option<IpAddr> {
    match octets.len() {
        4 | 12 => octets.last_chunk::<4>().map(|octets| Ipv4Addr::from(*octets).into()),
        16 | 32 => octets.first_chunk::<16>().map(|octets| Ipv6Addr::from(*octets).into()),
        24 => octets.last_chunk::<16>().map(|octets| Ipv6Addr::from(*octets).into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(attributes: &[u8]) -> Vec<u8> {
        let mut octets = vec![0, 0];
        octets.extend_from_slice(&u16::try_from(attributes.len()).unwrap().to_be_bytes());
        octets.extend_from_slice(attributes);
        octets
    }

    #[test]
    fn parts_keep_their_places() {
        let octets =
            body(&[0xc0, 16, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0x90, 14, 0, 9, 0, 1, 133, 0, 0, 3, 2, 8, 10]);
        let found = update(Part { octets: &octets, at: 100 });
        assert_eq!(found.broken, None);
        assert_eq!(found.communities.unwrap().at, 107);
        let routes = found.announced.unwrap();
        assert_eq!((routes.afi, routes.safi, routes.nlri.at, routes.nlri.octets.len()), (1, 133, 124, 4));
        assert_eq!(routes.nlri.end(), 128);
    }

    #[test]
    fn what_is_broken_is_told_and_what_came_before_stands() {
        let broken =
            |attributes: &[u8]| update(Part { octets: &body(attributes), at: 0 }).broken.map(|b| b.at);
        assert_eq!(broken(&[0x80, 14, 9, 0]), Some(4));
        assert_eq!(broken(&[0x80, 15, 2, 0, 1]), Some(4));
        let twice = [0x80, 15, 3, 0, 1, 133, 0x80, 15, 3, 0, 2, 133];
        assert_eq!(broken(&twice), Some(10));
        let octets = body(&twice);
        assert_eq!(update(Part { octets: &octets, at: 0 }).withdrawn.unwrap().afi, 1);
        for end in 0..octets.len() {
            let _ = update(Part { octets: &octets[..end], at: 0 });
        }
    }
}
