//! What frames carry by their type: `gen_linktype` of gencode.c.

use super::super::link::{self, Link};
use super::super::sense::Sense;
use super::super::syntax::Proto;
use super::super::words;
use super::{Fault, Frames, Lower, single};
use crate::field::Field;
use crate::ir::Condition;
use crate::source::Span;

/// Link types whose frames libpcap knows to carry IP alone: `LocalTalk`, PF's log, IPNET.
const NO_ETHERTYPE: &[u16] = &[114, 117, 226];

impl Lower<'_> {
    /// Frames of a type that is none of IP's.
    pub(super) fn ethertype(&self, number: u32, span: Span) -> Result<Condition, Fault> {
        if self.carriage.tunnel {
            let what = format!("ether proto {number:#x}");
            return Ok(self.opaque(&what, "what a tunnel carries is not looked into", Condition::True, span));
        }
        if self.carriage.labels > 0 {
            let help = "behind `mpls` ask for `ip` or `ip6`";
            return Err(Fault::syntax("unsupported protocol over mpls", span, help));
        }
        if let Link::Other(link) = self.link
            && !NO_ETHERTYPE.contains(&link)
        {
            let what = format!("ether proto {number:#x}");
            return Ok(self.opaque(&what, "this link layer is not modelled", Condition::True, span));
        }
        if self.carriage.session || !self.link.has_type() {
            return Ok(Condition::False);
        }
        if matches!(self.frames, Frames::Direct | Frames::Unknown) {
            return Ok(Condition::False);
        }
        let typed = single(Field::EthType, number, span);
        if self.link == Link::Cooked {
            return Ok(typed);
        }
        let exact = Condition::and([link::exactly(self.carriage.tags), typed]);
        if self.sure.tags >= self.carriage.tags {
            return Ok(exact);
        }
        let what = format!("ether proto {number:#x}");
        let reason = "other octets are read of frames without the headers before";
        let missing = Condition::not(self.carriage.holds());
        Ok(Condition::or([exact, self.opaque(&what, reason, missing, span)]))
    }

    /// Frames whose protocol stands in an LLC header, at least on some media.
    pub(super) fn frame(&self, proto: Proto, span: Span) -> Result<Condition, Fault> {
        let what = words::proto_name(proto);
        let ethertype = match proto {
            Proto::Atalk => Some(0x809b),
            Proto::Aarp => Some(0x80f3),
            Proto::Ipx => Some(0x8137),
            _ => None,
        };
        match self.link {
            Link::Ethernet | Link::Cooked => {}
            Link::Other(114) if proto == Proto::Atalk => return Ok(Condition::True),
            Link::Hdlc | Link::Ppp if proto != Proto::Stp => {
                let reason = "protocols of this link layer are not kept";
                return Ok(self.opaque(what, reason, Condition::True, span));
            }
            // Link layers whose frames never carry it.
            Link::Other(7 | 107 | 114 | 117 | 226) if proto == Proto::Stp => return Ok(Condition::False),
            Link::Other(_) => {
                let reason = "protocols of this link layer are not kept";
                return Ok(self.opaque(what, reason, Condition::True, span));
            }
            _ => return Ok(Condition::False),
        }
        let no_type =
            [Field::EthType, Field::IpVersion].map(|field| Condition::not(Condition::present(field)));
        let mut over = vec![Condition::and(no_type)];
        if let Some(number) = ethertype {
            over.push(self.ethertype(number, span)?);
        }
        Ok(self.opaque(what, "LLC headers are not kept", Condition::or(over), span))
    }

    pub(super) fn link_proto(&self, number: u32, span: Span) -> Result<Sense, Fault> {
        if number > 0xffff {
            let message = format!("EtherType {number} is greater than maximum 65535");
            return Err(Fault::range(message, span, "write a number that fits the field"));
        }
        if self.link == Link::Other(114) {
            return Ok(Sense::sure(Condition::False));
        }
        match number {
            0x0800 => return self.protocol(Proto::Ip, span),
            0x86dd => return self.protocol(Proto::Ip6, span),
            _ => {}
        }
        // Up to 1500 it is an LLC service access point.
        if matches!(self.link, Link::Ethernet | Link::Cooked) && number <= 1500 {
            if number > 255 {
                let message = format!("LLC DSAP {number} is greater than maximum 255");
                return Err(Fault::range(message, span, "write a number that fits the field"));
            }
            let over = [Field::EthType, Field::IpVersion].map(|f| Condition::not(Condition::present(f)));
            let what = format!("ether proto {number}");
            let condition = self.opaque(&what, "LLC headers are not kept", Condition::and(over), span);
            return Ok(Sense::sure(condition));
        }
        if matches!(self.link, Link::Ethernet) && matches!(number, 0x8100 | 0x88a8 | 0x9100) {
            let tagged = match self.frames {
                Frames::Direct | Frames::Unknown => Condition::False,
                Frames::Others | Frames::All => link::at_least(self.carriage.tags.saturating_add(1)),
            };
            let what = format!("ether proto {number:#x}");
            return Ok(Sense::sure(self.opaque(&what, "which kind of tag it is is not kept", tagged, span)));
        }
        if matches!(self.link, Link::Ppp | Link::Other(_)) {
            let what = format!("ether proto {number:#x}");
            let reason = "protocols of this link layer are not kept";
            return Ok(Sense::sure(self.opaque(&what, reason, Condition::True, span)));
        }
        Ok(Sense::sure(self.ethertype(number, span)?))
    }
}
