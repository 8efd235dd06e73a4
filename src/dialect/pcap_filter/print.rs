//! A condition as a libpcap expression that keeps the same packets.
//!
//! An expression is the union of four cases that part all packets: IPv4; IPv6 whose next header is the upper layer;
//! IPv6 with a fragment header alone before it; neither. In each the place of every field is known, and absence
//! folds to false. What no case holds is IPv6 with other extension headers: libpcap cannot walk them, and
//! [`Expression::blind`] says when that matters.

pub(super) mod document;
mod field;
mod frame;
mod tree;

use crate::field::{Field, Layer};
use crate::guard::{Exhausted, Meter, limits};
use crate::ir::{Condition, Test};
use tree::Tree;

/// A condition in libpcap's words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Expression {
    /// The expression; never empty.
    pub text: String,
    /// Whether it may be wrong about IPv6 packets with extension headers other than one fragment header, because
    /// the condition looks behind them.
    pub blind: bool,
    /// Whether it looks at the frame: it is about Ethernet then, and its lengths are those of frames.
    pub frame: bool,
}

/// A header between the link header and the packets an expression is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Behind {
    /// A VLAN tag.
    Vlan,
    /// An MPLS label.
    Mpls,
    /// A PPPoE session header.
    Pppoe,
}

/// Why a condition has no expression.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Inexpressible {
    /// No expression reads the field as we mean it.
    #[error("libpcap cannot test the {} so", .0.info().title)]
    Field(Field),
    /// The condition asks for packets that an expression written for frames does not find.
    #[error("packets behind tags, labels or sessions")]
    Behind,
    /// A condition that is not modelled.
    #[error("`{0}` is not modelled")]
    Opaque(Box<str>),
    /// It takes more than is reasonable.
    #[error("the expression becomes too long: {0}")]
    Long(Exhausted),
}

/// The case an expression is written for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Case {
    Inet,
    // The upper layer follows the fixed header.
    Inet6,
    // A fragment header follows the fixed header, the upper layer follows that.
    Inet6Fragment,
    // Some other chain of extension headers.
    Inet6Chain,
    NotIp,
}

impl Expression {
    /// The expression about packets behind other headers, the outermost first. Each shifts what follows it.
    pub fn behind(&self, headers: &[Behind]) -> String {
        if headers.is_empty() {
            return self.text.clone();
        }
        let words = headers.iter().map(|header| match header {
            Behind::Vlan => "vlan and ",
            Behind::Mpls => "mpls and ",
            Behind::Pppoe => "pppoes and ",
        });
        format!("{}({})", words.collect::<String>(), self.text)
    }
}

/// The expression that keeps exactly the packets `condition` holds for, among complete and well-formed ones.
pub fn expression(condition: &Condition) -> Result<Expression, Inexpressible> {
    let mut meter = Meter::new(&limits::FILTER_EXPRESSION);
    let writer = Writer { carriers: frame::names_carrier(condition) };
    let behind = condition.tests().iter().any(|test| looks_behind(test.field()));
    // Where nothing behind the fixed header is asked for, all of IPv6 is one case.
    let cases: &[Case] = if behind {
        &[Case::Inet, Case::Inet6, Case::Inet6Fragment, Case::NotIp]
    } else {
        &[Case::Inet, Case::Inet6, Case::NotIp]
    };
    let mut bodies = Vec::new();
    for case in cases {
        let guard = if *case == Case::Inet6 && !behind { Tree::word("ip6") } else { field::case(*case) };
        bodies.push((guard, writer.translate(condition, *case, &mut meter)?));
    }
    // What does not depend on the end of a longer chain is said of it too.
    let mut blind = false;
    if behind {
        let guard = field::case(Case::Inet6Chain);
        let body = writer.translate(condition, Case::Inet6Chain, &mut meter)?;
        blind = Tree::and([guard.clone(), body.clone()]).simplified().is_blind();
        bodies.push((guard, if blind { Tree::False } else { body }));
    }
    let tree = union(bodies).simplified();
    if tree.is_blind() {
        return Err(Inexpressible::Behind);
    }
    Ok(Expression { text: tree.to_string(), blind, frame: tree.looks_at_frame() })
}

/// The cases with their guards, where the cases together are all packets; those with one body are said together.
fn union(mut cases: Vec<(Tree, Tree)>) -> Tree {
    if let Some((_, first)) = cases.first()
        && cases.iter().all(|(_, body)| body == first)
    {
        return cases.swap_remove(0).1;
    }
    let mut groups: Vec<(Vec<Tree>, Tree)> = Vec::new();
    for (guard, body) in cases {
        match groups.iter_mut().find(|(_, other)| *other == body) {
            Some((guards, _)) => guards.push(guard),
            None => groups.push((vec![guard], body)),
        }
    }
    Tree::or(groups.into_iter().map(|(guards, body)| Tree::and([tree::factored(Tree::or(guards)), body])))
}

/// Whether a field is found behind the IPv6 chain, or describes the chain.
fn looks_behind(field: Field) -> bool {
    field.info().layer == Layer::Transport
        || matches!(
            field,
            Field::Proto | Field::ExtHdrs | Field::IsFragHeader | Field::Mf | Field::FragOff | Field::AhSpi
        )
}

/// What every part of a condition is written by.
#[derive(Clone, Copy)]
struct Writer {
    // Whether the condition asks for headers between the frame's and the packet's.
    carriers: bool,
}

impl Writer {
    fn translate(self, condition: &Condition, case: Case, meter: &mut Meter) -> Result<Tree, Inexpressible> {
        meter.charge(1).map_err(Inexpressible::Long)?;
        let all = |parts: &[Condition], meter: &mut Meter| {
            parts.iter().map(|part| self.translate(part, case, meter)).collect::<Result<Vec<_>, _>>()
        };
        Ok(match condition {
            Condition::True => Tree::True,
            Condition::False => Tree::False,
            Condition::And(parts) => Tree::and(all(parts, meter)?),
            Condition::Or(parts) => Tree::or(all(parts, meter)?),
            Condition::Not(part) => Tree::not(self.translate(part, case, meter)?),
            Condition::Opaque(opaque) => return Err(Inexpressible::Opaque(opaque.id.clone())),
            Condition::Test(test) => self.leaf(test, case, meter)?,
        })
    }

    fn leaf(self, test: &Test, case: Case, meter: &mut Meter) -> Result<Tree, Inexpressible> {
        if test.field().info().layer == Layer::Link {
            return frame::test(test, case, meter);
        }
        if case == Case::NotIp && self.carriers && !test.values().is_empty() {
            return Ok(frame::carried());
        }
        if case == Case::Inet6Fragment && test.field() == Field::ProtoField {
            return Ok(if test.values().contains(44) { Tree::True } else { Tree::False });
        }
        if case == Case::Inet6Chain {
            if looks_behind(test.field()) {
                return Ok(field::in_chain(test));
            }
            if test.field() == Field::ProtoField && !field::names_extension(test) {
                return Ok(Tree::False);
            }
        }
        field::test(test, case, meter)
    }
}
