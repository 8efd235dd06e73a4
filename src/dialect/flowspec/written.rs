//! What printers of text dialects share: the components a rule is written with, and bit lists in the forms a
//! dialect has words for.

use super::component::{AND, MATCH, NOT};
use super::{ComponentType, FlowSpec, Operand, Table, decode_value, groups, lower, matched, recover};
use crate::field::Family;
use crate::ir::{Rule, RuleSet};

/// The components of a rule: those of its octets where they say what the condition says, so that operators stay
/// as they were; else what the condition comes to. Interface sets are communities and no components.
pub fn written(rule: &Rule, table: Table) -> Result<FlowSpec, Vec<String>> {
    if let Some(nlri) = &rule.nlri {
        let mut spec = FlowSpec::new(table.family());
        let decoded = decode_value(table, nlri, 0, &mut spec);
        if decoded.is_ok() && lower(&spec) == *matched(rule) {
            return Ok(spec);
        }
    }
    recover(&matched(rule), table.family())
}

/// Whether the rule can be a flow route of every table its rule set goes to.
pub fn says(set: &RuleSet, rule: &Rule) -> bool {
    Table::of_rule_set(set).into_iter().all(|table| written(rule, table).is_ok())
}

/// A bit list without masks of 0, for dialects that have no words for them.
#[derive(Clone, PartialEq, Debug)]
pub enum BitList {
    /// Every packet that has the field.
    Always,
    /// No packet.
    Never,
    /// Alternatives, in each of which all operands must hold; none is empty, no mask is 0.
    Groups(Vec<Vec<Operand>>),
}

// More alternatives than this would not fit into an NLRI.
const ALTERNATIVES: usize = 1024;

/// A list of TCP flags or fragment states with the bits no packet carries and the masks of 0 taken out; with
/// `single`, every operand tests one bit. None when that takes too many alternatives.
pub fn bit_list(kind: ComponentType, family: Family, list: &[Operand], single: bool) -> Option<BitList> {
    let carried = kind.max(family);
    let mut out: Vec<Vec<Operand>> = Vec::new();
    for group in groups(list) {
        let mut alternatives: Vec<Vec<Operand>> = vec![Vec::new()];
        for operand in group {
            match literal(*operand, kind, carried) {
                Literal::Always => {}
                Literal::Never => {
                    alternatives.clear();
                    break;
                }
                Literal::Test(operand) if !single || operand.value.is_power_of_two() => {
                    for group in &mut alternatives {
                        group.push(operand);
                    }
                }
                Literal::Test(operand) => {
                    alternatives = split(&alternatives, operand);
                    if alternatives.len() + out.len() > ALTERNATIVES {
                        return None;
                    }
                }
            }
        }
        if alternatives.iter().any(Vec::is_empty) {
            return Some(BitList::Always);
        }
        out.append(&mut alternatives);
        if out.len() > ALTERNATIVES {
            return None;
        }
    }
    for group in &mut out {
        for (operand, index) in group.iter_mut().zip(0..) {
            operand.op = operand.op & (NOT | MATCH) | if index == 0 { 0 } else { AND };
        }
    }
    Some(if out.is_empty() { BitList::Never } else { BitList::Groups(out) })
}

enum Literal {
    Always,
    Never,
    Test(Operand),
}

// What an operand tests of the bits a packet carries: upper bits of fragments are read as 0 in the operand, those
// of TCP flags in the packet.
fn literal(operand: Operand, kind: ComponentType, carried: u64) -> Literal {
    let (not, all) = (operand.op & NOT != 0, operand.op & MATCH != 0);
    let is = |holds: bool| if holds == not { Literal::Never } else { Literal::Always };
    let value = operand.value & carried;
    if all && value != operand.value && kind == ComponentType::TcpFlags {
        return is(false);
    }
    if value == 0 {
        return is(all);
    }
    Literal::Test(Operand::new(operand.op, value, operand.span))
}

// One test of several bits as tests of one bit each.
fn split(groups: &[Vec<Operand>], operand: Operand) -> Vec<Vec<Operand>> {
    let bits = (0..64).map(|bit| 1_u64 << bit).filter(|bit| operand.value & bit != 0);
    let one = |bit| Operand { value: bit, width: if bit > 0xff { 2 } else { 1 }, ..operand };
    let not = operand.op & NOT != 0;
    let all = operand.op & MATCH != 0;
    if all != not {
        // All set, or none set: each is asked for.
        let with = |group: &Vec<Operand>| group.iter().copied().chain(bits.clone().map(one)).collect();
        return groups.iter().map(with).collect();
    }
    let each = |group: &Vec<Operand>| {
        let group = group.clone();
        bits.clone().map(move |bit| group.iter().copied().chain([one(bit)]).collect()).collect::<Vec<_>>()
    };
    groups.iter().flat_map(each).collect()
}

#[cfg(test)]
mod tests {
    use super::super::bitmask;
    use super::*;
    use crate::source::Span;

    fn flat(groups: Vec<Vec<Operand>>) -> Vec<Operand> {
        groups.into_iter().flatten().collect()
    }

    #[test]
    fn lists_keep_their_meaning_in_every_form() {
        let operand = |op, value| Operand::new(op, value, Span::default());
        for a in 0..4 {
            for b in (0..4).chain(0x40..0x44) {
                for (x, y) in [(0, 3), (3, 5), (0x13, 2), (5, 0), (2, 2), (0xf, 9)] {
                    let list = [operand(a, x), operand(b, y)];
                    for single in [false, true] {
                        for (kind, family) in [
                            (ComponentType::Fragment, Family::Inet),
                            (ComponentType::Fragment, Family::Inet6),
                        ] {
                            let states = |list: &[Operand]| bitmask::FragmentStates::of(list, family);
                            let every = states(&[operand(MATCH, 0)]);
                            let got = match bit_list(kind, family, &list, single).unwrap() {
                                BitList::Always => every,
                                BitList::Never => bitmask::FragmentStates(0),
                                BitList::Groups(groups) => {
                                    assert!(groups.iter().flatten().all(|o| o.value != 0));
                                    assert!(
                                        !single || groups.iter().flatten().all(|o| o.value.is_power_of_two())
                                    );
                                    states(&flat(groups))
                                }
                            };
                            assert_eq!(got.0, states(&list).0, "{list:?} {single} {family:?}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn bits_no_header_has_are_taken_out() {
        let operand = |op, value| Operand::new(op, value, Span::default());
        let list = |op, value| bit_list(ComponentType::TcpFlags, Family::Inet, &[operand(op, value)], false);
        assert_eq!(list(0, 0x1002), Some(BitList::Groups(vec![vec![operand(0, 2)]])));
        assert_eq!(list(MATCH, 0x1002), Some(BitList::Never));
        assert_eq!(list(MATCH | NOT, 0x1002), Some(BitList::Always));
        assert_eq!(list(NOT, 0x1000), Some(BitList::Always));
    }
}
