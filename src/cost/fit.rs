//! Fits the model of memory of an engine that keeps flow routes to what was measured.

use super::flow;
use super::platform::Octets;
use crate::dialect::flowspec::{FlowSpec, Table, decode_value};
use crate::field::Family;
use crate::ir::{Document, Kind};

/// What the model of an engine counts in a document.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Quantities {
    /// Flow routes.
    pub rules: u64,
    /// Octets of their NLRIs, without their lengths.
    pub nlri_octets: u64,
    /// Components.
    pub components: u64,
    /// Operators with a value.
    pub operands: u64,
}

impl Quantities {
    /// Those of the flow routes of a document; routes that cannot be decoded count with their octets alone.
    pub fn of(document: &Document) -> Self {
        let mut sum = Self::default();
        let mut spec = FlowSpec::new(Family::Inet);
        for set in document.rule_sets.iter().filter(|set| set.kind == Kind::FlowRoutes) {
            let table = Table::of_rule_set(set).first().copied().unwrap_or(Table::Ipv4);
            for octets in set.rules.iter().filter_map(|rule| rule.nlri) {
                sum.rules += 1;
                sum.nlri_octets += octets.len() as u64;
                if decode_value(table, octets, 0, &mut spec).is_ok() {
                    let (components, operands) = flow::parts(&spec);
                    sum.components += u64::from(components);
                    sum.operands += u64::from(operands);
                }
            }
        }
        sum
    }

    #[expect(clippy::cast_precision_loss, reason = "a model of memory has no 16 digits")]
    fn terms(self) -> [f64; TERMS] {
        [1.0, self.rules as f64, self.nlri_octets as f64, self.components as f64, self.operands as f64]
    }
}

/// Terms of the model: once, and for each rule, octet, component and operand.
const TERMS: usize = 5;
/// Steps of the descent; it comes to rest long before.
const STEPS: usize = 20_000;

/// A fitted model: octets once, and for each of what is counted.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Fitted {
    /// Octets as soon as there is a rule.
    pub base: f64,
    /// Octets a rule.
    pub per_rule: f64,
    /// Octets an octet of the NLRI.
    pub per_nlri_octet: f64,
    /// Octets a component.
    pub per_component: f64,
    /// Octets an operator with its value.
    pub per_operand: f64,
}

impl Fitted {
    /// The model with the least sum of squared relative errors among those that take nothing off; none of no case.
    ///
    /// Each term in its turn is set to what is best beside the others, which comes to rest at that model because the
    /// sum is convex.
    pub fn to(cases: &[(Quantities, u64)]) -> Option<Self> {
        let mut rows = Vec::new();
        for (quantities, octets) in cases.iter().filter(|(_, octets)| *octets > 0) {
            #[expect(clippy::cast_precision_loss, reason = "a measured figure has no 16 digits")]
            let octets = *octets as f64;
            rows.push(quantities.terms().map(|term| term / octets));
        }
        if rows.is_empty() {
            return None;
        }
        let mut model = [0.0_f64; TERMS];
        for _ in 0..STEPS {
            for at in 0..TERMS {
                let (mut along, mut square) = (0.0, 0.0);
                for row in &rows {
                    let others: f64 = row
                        .iter()
                        .zip(&model)
                        .enumerate()
                        .filter(|(i, _)| *i != at)
                        .map(|(_, (a, b))| a * b)
                        .sum();
                    let own = row.get(at).copied().unwrap_or(0.0);
                    along += own * (1.0 - others);
                    square += own * own;
                }
                if let Some(value) = model.get_mut(at).filter(|_| square > 0.0) {
                    *value = (along / square).max(0.0);
                }
            }
        }
        let [base, per_rule, per_nlri_octet, per_component, per_operand] = model;
        Some(Self { base, per_rule, per_nlri_octet, per_component, per_operand })
    }

    /// What it says of so much, in octets.
    pub fn octets(&self, quantities: Quantities) -> f64 {
        let model = [self.base, self.per_rule, self.per_nlri_octet, self.per_component, self.per_operand];
        quantities.terms().iter().zip(model).map(|(term, value)| term * value).sum()
    }
}

impl From<Octets> for Fitted {
    fn from(model: Octets) -> Self {
        let Octets { base, per_rule, per_nlri_octet, per_component, per_operand, .. } = model;
        Self { base, per_rule, per_nlri_octet, per_component, per_operand }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quantities(rules: u64, nlri_octets: u64, components: u64, operands: u64) -> Quantities {
        Quantities { rules, nlri_octets, components, operands }
    }

    #[test]
    fn a_model_is_found_again_from_what_it_says() {
        let model = Fitted {
            base: 30_000.0,
            per_rule: 700.0,
            per_nlri_octet: 0.0,
            per_component: 90.0,
            per_operand: 40.0,
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "small figures of a test"
        )]
        let cases: Vec<_> =
            [(1_000, 13, 3, 2), (8_000, 13, 3, 2), (1_000, 26, 5, 7), (8_000, 40, 4, 9), (4_000, 18, 4, 3)]
                .into_iter()
                .map(|(n, l, c, o)| quantities(n, n * l, n * c, n * o))
                .map(|q| (q, model.octets(q) as u64))
                .collect();
        let found = Fitted::to(&cases).unwrap();
        for n in [2_000, 100_000] {
            let q = quantities(n, n * 22, n * 4, n * 5);
            let error = found.octets(q) / model.octets(q) - 1.0;
            assert!(error.abs() < 0.02, "{error} {found:?}");
        }
        assert_eq!(Fitted::to(&[]), None);
    }
}
