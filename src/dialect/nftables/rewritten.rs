//! Fields that a rule of the file writes: behind it packets have other values than those that came in, so tests
//! of these fields say nothing for sure.

use crate::field::Field;
use crate::ir::{Condition, Document, Opaque};
use std::sync::Arc;

const WRITTEN: &str = "stateful: a rule of the file writes";

/// Whether a condition is a test that was made opaque here.
pub(super) fn is_forgotten(opaque: &Opaque) -> bool {
    opaque.reason.starts_with(WRITTEN)
}

/// Makes tests of the fields opaque in the whole document; which rule runs first is not followed.
pub(super) fn forget(document: &mut Document, fields: &[Field]) {
    if fields.is_empty() {
        return;
    }
    for condition in document.rule_sets.iter_mut().flat_map(|set| set.rules.conditions_mut()) {
        if condition.tests().iter().any(|test| fields.contains(&test.field())) {
            *condition = without(condition, fields);
        }
    }
}

fn without(condition: &Condition, fields: &[Field]) -> Condition {
    match condition {
        Condition::Test(test) if fields.contains(&test.field()) => {
            let id = format!("{} {:?}", test.field().name(), test.values());
            let reason = format!("{WRITTEN} `{}`", test.field().name());
            Condition::opaque(id, reason, test.span())
        }
        Condition::And(parts) => Condition::and(parts.iter().map(|part| without(part, fields))),
        Condition::Or(parts) => Condition::or(parts.iter().map(|part| without(part, fields))),
        Condition::Not(part) => Condition::not(without(part, fields)),
        Condition::Opaque(opaque) => Condition::Opaque(Arc::new(Opaque {
            over: without(&opaque.over, fields),
            under: without(&opaque.under, fields),
            ..Opaque::clone(opaque)
        })),
        Condition::True | Condition::False | Condition::Test(_) => condition.clone(),
    }
}
