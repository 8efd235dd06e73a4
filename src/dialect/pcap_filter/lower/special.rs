//! Keywords without an identifier, and those that shift what follows them: `gen_broadcast`, `gen_vlan`, `gen_mpls` and
//! their like in gencode.c.

use super::super::link::{self, Carriage, Link};
use super::super::sense::Sense;
use super::super::syntax::{Comparison, Proto, Special};
use super::super::values::Words;
use super::primitive::modifier;
use super::{Fault, Lower, Lowered, single, test};
use crate::field::Field;
use crate::ir::{Condition, ValueSet};
use crate::net::{BitMatch, BitSet, IntervalSet, Prefix6};
use crate::source::Span;

impl Lower<'_> {
    pub(super) fn special(&mut self, special: &Special<'_>, span: Span) -> Result<Lowered, Fault> {
        let sense = match special {
            Special::Vlan(id) => return self.vlan(*id, span),
            Special::Mpls(label) => return self.mpls(*label, span),
            Special::Pppoes(session) => return self.pppoes(*session, span),
            Special::Tunnel(name, vni) => return Ok(self.tunnel(name, *vni, span)),
            Special::Pppoed => Sense::sure(self.ethertype(link::PPPOE_DISCOVERY, span)?),
            Special::Broadcast(proto) => self.broadcast(*proto, span)?,
            Special::Multicast(proto) => self.multicast(*proto, span)?,
            Special::Less(octets) => {
                let words = Words::compared(Comparison::LessEqual, *octets);
                Sense::sure(self.length(&words, &|| "len".to_owned(), span))
            }
            Special::Greater(octets) => {
                let words = Words::compared(Comparison::GreaterEqual, *octets);
                Sense::sure(self.length(&words, &|| "len".to_owned(), span))
            }
            Special::Inbound | Special::Outbound => {
                let what = if *special == Special::Inbound { "inbound" } else { "outbound" };
                let reason = "no packet says which way it went";
                Sense::sure(self.opaque(what, reason, Condition::True, span))
            }
            Special::IsisPdu(types) => {
                let each = types.iter().map(|kind| self.iso(&format!("isis proto {kind}"), span));
                let each = each.map(|sense| sense.map(|sense| sense.truth));
                Sense::sure(Condition::or(each.collect::<Result<Vec<_>, _>>()?))
            }
            Special::Llc(kind) => {
                let what = kind.map_or_else(|| "llc".to_owned(), |kind| format!("llc {kind}"));
                let over = [Field::EthType, Field::IpVersion].map(|f| Condition::not(Condition::present(f)));
                let over = if self.link == Link::Ethernet { Condition::and(over) } else { Condition::True };
                Sense::sure(self.opaque(&what, "LLC headers are not kept", over, span))
            }
            // An interface by its number is also a word of live captures.
            Special::Foreign(name, _) if *name != "ifindex" && !matches!(self.link, Link::Other(_)) => {
                return Err(self.unsupported(name, span));
            }
            Special::Foreign(_, text) => {
                let reason = "the packet model keeps nothing of it";
                Sense::sure(self.opaque(text, reason, Condition::True, span))
            }
        };
        Ok(self.plain(sense))
    }

    fn broadcast(&self, proto: Option<Proto>, span: Span) -> Result<Sense, Fault> {
        match proto {
            None | Some(Proto::Link) => {
                let all = test(Field::EthDst, IntervalSet::single(0xffff_ffff_ffff_u128), span);
                self.of_link(all, "broadcast", span)
            }
            Some(Proto::Ip) => {
                // The host part is all zeros or all ones.
                let host = u128::from(!self.netmask);
                let ends = BitSet::new([BitMatch::new(0, host), BitMatch::new(host, host)]);
                let truth = Condition::and([self.version(4, span), test(Field::Dst4, ends, span)]);
                Ok(self.of_packet(Sense::sure(truth), || "ip broadcast".to_owned(), span))
            }
            Some(other) => Err(modifier(other, "broadcast", span)),
        }
    }

    fn multicast(&self, proto: Option<Proto>, span: Span) -> Result<Sense, Fault> {
        match proto {
            None | Some(Proto::Link) => {
                let bit = ValueSet::bits(1 << 40, 1 << 40);
                self.of_link(test(Field::EthDst, bit, span), "multicast", span)
            }
            // gen_mcast asks for 224 and more.
            Some(Proto::Ip) => {
                let truth = test(Field::Dst4, ValueSet::range(224 << 24, u32::MAX), span);
                let truth = Condition::and([self.version(4, span), truth]);
                Ok(self.of_packet(Sense::sure(truth), || "ip multicast".to_owned(), span))
            }
            Some(Proto::Ip6) => {
                let set = Prefix6::new(0xff << 120, 8).map_or_else(IntervalSet::empty, IntervalSet::from);
                let truth = Condition::and([self.version(6, span), test(Field::Dst6, set, span)]);
                Ok(self.of_packet(Sense::sure(truth), || "ip6 multicast".to_owned(), span))
            }
            Some(other) => Err(modifier(other, "multicast", span)),
        }
    }

    fn of_link(&self, truth: Condition, what: &str, span: Span) -> Result<Sense, Fault> {
        match self.link {
            Link::Ethernet => Ok(Sense::sure(truth)),
            Link::Other(_) => {
                let reason = "addresses of this link layer are not kept";
                Ok(Sense::sure(self.opaque(what, reason, Condition::True, span)))
            }
            _ => {
                let message = format!("not a broadcast link: {}", self.link.title());
                Err(Fault::syntax(message, span, "ask for addresses of IP, as `ip multicast`"))
            }
        }
    }

    pub(super) fn unsupported(&self, word: &str, span: Span) -> Fault {
        let message = format!("`{word}` not supported on {}", self.link.title());
        Fault::syntax(message, span, "read the expression for the link type of its capture")
    }

    fn vlan(&mut self, id: Option<u32>, span: Span) -> Result<Lowered, Fault> {
        if self.carriage.labels > 0 {
            return Err(Fault::syntax("no VLAN match after MPLS", span, "put `vlan` before `mpls`"));
        }
        if self.carriage.session {
            return Err(Fault::syntax("`vlan` not supported on PPP", span, "put `vlan` before `pppoes`"));
        }
        if let Link::Other(_) = self.link {
            let text = id.map_or_else(|| "vlan".to_owned(), |id| format!("vlan {id}"));
            let truth = self.opaque(&text, "this link layer is not modelled", Condition::True, span);
            return Ok(self.plain(Sense::sure(truth)));
        }
        if self.link != Link::Ethernet {
            return Err(self.unsupported("vlan", span));
        }
        let tags = self.carriage.tags;
        let (field, what) = (if tags == 0 { Field::VlanId } else { Field::InnerVlanId }, "vlan");
        let tagged = match id {
            Some(id) => single(field, id, span),
            None => Condition::present(field),
        };
        let text = id.map_or_else(|| what.to_owned(), |id| format!("vlan {id}"));
        let truth = if tags >= 2 || self.carriage.tunnel {
            let reason = "more than two tags are not kept";
            self.opaque(&text, reason, link::at_least(2), span)
        } else if self.sure.tags < tags {
            let reason = "other octets are read of frames without the headers before";
            let garbage = self.opaque(&text, reason, Condition::not(link::at_least(tags)), span);
            Condition::or([tagged, garbage])
        } else {
            tagged
        };
        let if_false = self.sure;
        self.carriage.tags = tags.saturating_add(1).min(3);
        Ok(Lowered { sense: Sense::sure(truth), if_true: self.sure.joined(self.carriage), if_false })
    }

    fn mpls(&mut self, label: Option<u32>, span: Span) -> Result<Lowered, Fault> {
        if !self.carriage.session && !matches!(self.link, Link::Ethernet | Link::Hdlc | Link::Ppp) {
            return Err(self.unsupported("mpls", span));
        }
        let text = label.map_or_else(|| "mpls".to_owned(), |label| format!("mpls {label}"));
        let labelled = match label {
            Some(label) => single(Field::MplsLabel, label, span),
            None => Condition::present(Field::MplsLabel),
        };
        let before = self.carriage;
        let after = Carriage { labels: before.labels.saturating_add(1), ..before };
        let announced = match self.link {
            _ if before.session => single(Field::EthType, link::PPPOE_SESSION, span),
            Link::Ppp => Condition::True,
            _ => single(Field::EthType, link::MPLS, span),
        };
        let tags = if self.link == Link::Ppp { Condition::True } else { link::exactly(before.tags) };
        let mut truth = Condition::and([tags, announced, labelled]);
        if before.labels > 0 || before.tunnel {
            let behind = Condition::present(Field::MplsLabel);
            truth = self.opaque(&text, "only the outermost label is kept", behind, span);
        } else if self.sure.joined(before) != self.sure {
            let reason = "other octets are read of frames without the headers before";
            let garbage = self.opaque(&text, reason, Condition::not(before.holds()), span);
            truth = Condition::or([truth, garbage]);
        }
        let if_false = self.sure;
        self.carriage = after;
        Ok(Lowered { sense: Sense::sure(truth), if_true: self.sure.joined(self.carriage), if_false })
    }

    fn pppoes(&mut self, session: Option<u32>, span: Span) -> Result<Lowered, Fault> {
        let frames = self.ethertype(link::PPPOE_SESSION, span)?;
        let truth = match session {
            Some(session) => {
                let text = format!("pppoes {session}");
                self.opaque(&text, "the number of a PPPoE session is not kept", frames, span)
            }
            None => frames,
        };
        let if_false = self.sure;
        self.carriage.session = true;
        Ok(Lowered { sense: Sense::sure(truth), if_true: self.sure.joined(self.carriage), if_false })
    }

    fn tunnel(&mut self, name: &str, vni: Option<u32>, span: Span) -> Lowered {
        let text = vni.map_or_else(|| name.to_owned(), |vni| format!("{name} {vni}"));
        let port = if name == "geneve" { 6081 } else { 4789 };
        let over = Condition::and([single(Field::Proto, 17, span), single(Field::Dport, port, span)]);
        let over = self.of_packet(Sense::sure(over), || text.clone(), span).truth;
        let truth = self.opaque(&text, "headers of tunnels are not kept", over, span);
        let if_false = self.sure;
        self.carriage.tunnel = true;
        Lowered { sense: Sense::sure(truth), if_true: self.sure.joined(self.carriage), if_false }
    }
}
