//! Flow routes that drop without saying from or to whom.

use super::prove::unmodelled;
use super::{Check, Confidence, Context, Drops, Findings, Meta, Needs};
use crate::diagnostic::Level;
use crate::field::Field;
use crate::guard::Exhausted;
use crate::ir::{Condition, Kind, Test};

/// The check.
#[derive(Debug)]
pub(super) struct MissingPrefixOnDrop;

static META: Meta = Meta {
    name: "missing-prefix-on-drop",
    summary: "a flow route drops without a source or destination prefix",
    level: Level::Warning,
    default_on: true,
    confidence: Confidence::Proven,
    since: "0.1.0",
    needs: Needs::Ir,
    page: include_str!("../../docs/checks/missing-prefix-on-drop.md"),
};

impl Check for MissingPrefixOnDrop {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn run(&self, cx: &Context<'_>, out: &mut Findings) -> Result<(), Exhausted> {
        for at in cx.rules() {
            let condition = &at.rule.condition;
            if at.set.kind != Kind::FlowRoutes
                || at.drops(cx.settings) == Drops::No
                || names_an_address(condition)
            {
                continue;
            }
            if condition.has_opaque() {
                out.no_answer(&META, &at, unmodelled(&[condition]));
                continue;
            }
            let message =
                format!("rule `{}` drops traffic of the whole network: it names no prefix", at.rule.name);
            let finding = at.drop_finding(&META, cx.settings, message).map(|finding| {
                finding.with_help("add the destination under attack, or the source of the attack")
            });
            out.diagnostics.extend(finding);
        }
        Ok(())
    }
}

/// Whether anything in a condition tells addresses apart.
fn names_an_address(condition: &Condition) -> bool {
    let mut found = false;
    condition.visit(&mut |part| {
        found |= match part {
            Condition::Test(test) => is_address(test) && !accepts_all(test),
            Condition::Opaque(opaque) => names_an_address(&opaque.over),
            _ => false,
        };
    });
    found
}

fn is_address(test: &Test) -> bool {
    matches!(test.field(), Field::Src4 | Field::Dst4 | Field::Src6 | Field::Dst6)
}

fn accepts_all(test: &Test) -> bool {
    let max = test.field().info().max;
    match test.values() {
        crate::ir::ValueSetRef::Ranges(set) => {
            set.min() == Some(0) && set.ranges().len() == 1 && set.max().map(u128::from) == Some(max)
        }
        crate::ir::ValueSetRef::Wide(set) => {
            set.min() == Some(0) && set.ranges().len() == 1 && set.max() == Some(max)
        }
        crate::ir::ValueSetRef::Bits(set) => set.patterns().iter().any(|pattern| pattern.mask == 0),
    }
}
