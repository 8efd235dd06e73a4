//! Engines whose structure is known, built up to say what they take: no line is fitted to them.
//!
//! The alternatives of the rules of one rule set come in, in order, and each structure is made of what it has of them. A
//! structure that is too large for its allowance is known from below only, by what is certainly in it.

mod bit_vectors;
pub(super) mod concatenation;
mod rows;
mod trie;
mod tries;

use super::normal::normalise;
use super::platform::{Model, Platform};
use super::tally::{Count, Inexact};
use super::terms::{Cube, Keys, alternatives};
use super::written::as_written;
use crate::field::{Family, Field};
use crate::guard::{Exhausted, Meter, limits};
use crate::ir::Rule;
use bit_vectors::BitVectors;
use rows::{Put, Table, Version};
use serde::Deserialize;
use std::borrow::Cow;

/// A structure that the rules of a rule set are built into.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Structure {
    /// The table of tries that DPDK's ACL library looks packets up in: its octets.
    DpdkAcl,
    /// The same: how many tries are in it.
    DpdkAclTries,
    /// A bit for each rule in each interval of each field.
    BitVectors,
    /// The same with a second vector beside each, that says which words of it hold anything.
    AggregatedBitVectors,
}

/// Which structures a platform has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Wanted {
    tables: bool,
    vectors: bool,
}

impl Wanted {
    pub(super) fn of(platform: &Platform) -> Self {
        let has = |structures: &[Structure]| {
            let of = |model| matches!(model, Model::Built { structure } if structures.contains(&structure));
            platform.resource.iter().any(|resource| of(resource.model))
        };
        Self {
            tables: has(&[Structure::DpdkAcl, Structure::DpdkAclTries]),
            vectors: has(&[Structure::BitVectors, Structure::AggregatedBitVectors]),
        }
    }

    pub(super) fn is_any(self) -> bool {
        self.tables || self.vectors
    }
}

/// The rules of one rule set on their way into structures.
#[derive(Debug)]
pub(super) struct Building {
    vectors: Option<BitVectors>,
    /// For each version of IP the rule set is for.
    tables: Vec<Table>,
    // Why not everything is in.
    not_in_vectors: Option<Inexact>,
    not_in_tables: Option<Inexact>,
    rows: Meter,
}

impl Building {
    pub(super) fn new(wanted: Wanted, family: Family) -> Self {
        let versions: &[Version] = match family {
            Family::Inet => &[Version::Four],
            Family::Inet6 => &[Version::Six],
            Family::Any => &[Version::Four, Version::Six],
        };
        let tables = versions.iter().filter(|_| wanted.tables).map(|version| Table::new(*version));
        Self {
            vectors: wanted.vectors.then(BitVectors::default),
            tables: tables.collect(),
            not_in_vectors: None,
            not_in_tables: None,
            rows: Meter::new(&limits::BUILT_ROWS),
        }
    }

    /// Adds the next rule. What cannot be added makes the structures known from below only.
    pub(super) fn add(&mut self, rule: &Rule<'_>, keys: Keys, meter: &mut Meter) {
        let mut opaque = false;
        if let Err(exhausted) = self.add_alternatives(rule, keys, &mut opaque, meter) {
            let why = Some(Inexact::Exhausted(exhausted));
            self.not_in_vectors = self.not_in_vectors.or(why);
            self.not_in_tables = self.not_in_tables.or(why);
        }
        if opaque {
            self.not_in_vectors = self.not_in_vectors.or(Some(Inexact::Opaque));
            self.not_in_tables = self.not_in_tables.or(Some(Inexact::Opaque));
        }
    }

    fn add_alternatives(
        &mut self,
        rule: &Rule<'_>,
        keys: Keys,
        opaque: &mut bool,
        meter: &mut Meter,
    ) -> Result<(), Exhausted> {
        let condition = match keys.family {
            Family::Inet => Cow::Borrowed(rule.condition),
            Family::Inet6 | Family::Any => as_written(rule.condition, meter)?,
        };
        let mut depth = Meter::new(&limits::NESTING);
        let normal = normalise(&condition, false, keys.family, opaque, meter, &mut depth)?;
        alternatives(&normal, meter, &mut |cube, meter| {
            meter.charge(cube.len() as u64)?;
            self.put(cube);
            match &mut self.vectors {
                Some(vectors) => vectors.add(cube, meter),
                None => Ok(()),
            }
        })
    }

    /// Puts an alternative into the tables. A table that is not whole says nothing, so that nothing more goes into it.
    fn put(&mut self, cube: &Cube<'_>) {
        for table in &mut self.tables {
            if self.not_in_tables.is_none() {
                self.not_in_tables = match table.add(cube, &mut self.rows) {
                    Ok(Put::In) => None,
                    Ok(Put::Not) => Some(Inexact::NoPlace),
                    Err(exhausted) => Some(Inexact::Exhausted(exhausted)),
                };
            }
        }
    }

    /// Builds the structures.
    pub(super) fn finish(self) -> Built {
        let octets = self.vectors.map(BitVectors::octets).unwrap_or_default();
        let of = |octets, why: Option<Inexact>| Figure {
            count: Count { at_least: octets, exact: why.is_none() },
            why,
        };
        let (tables, tries) = match self.not_in_tables {
            // Nobody knows which way a further row moves the others, but a table has one trie.
            Some(why) => (of(tries::LEAST, Some(why)), of(1, Some(why))),
            None => built(self.tables),
        };
        Built {
            tables,
            tries,
            plain: of(octets.plain, self.not_in_vectors),
            aggregated: of(octets.aggregated, self.not_in_vectors),
        }
    }
}

/// Builds the tables of all versions.
fn built(tables: Vec<Table>) -> (Figure, Figure) {
    let mut steps = Meter::new(&limits::BUILT_STEPS);
    let (mut octets, mut tries) = (Figure::NOTHING, Figure::NOTHING);
    for table in tables {
        let built = match table.rows(&mut steps) {
            Ok(rows) => tries::build(&rows, &mut steps),
            Err(spent) => tries::Built { octets: tries::LEAST, tries: 1, spent: Some(spent) },
        };
        octets = octets.plus(built.octets, built.spent);
        // Each version has tables of its own.
        tries = tries.max(Figure::NOTHING.plus(built.tries, built.spent));
    }
    (octets, tries)
}

/// A number, and why it is no more than a bound from below, where it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Figure {
    pub(super) count: Count,
    pub(super) why: Option<Inexact>,
}

impl Figure {
    pub(super) const NOTHING: Self = Self { count: Count::exact(0), why: None };

    fn max(self, other: Self) -> Self {
        Self { count: self.count.max(other.count), why: self.why.or(other.why) }
    }

    fn plus(self, more: u64, spent: Option<Exhausted>) -> Self {
        let more = Count { at_least: more, exact: spent.is_none() };
        Self { count: self.count.plus(more), why: self.why.or(spent.map(Inexact::Exhausted)) }
    }
}

/// What the structures of one rule set take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Built {
    tables: Figure,
    tries: Figure,
    plain: Figure,
    aggregated: Figure,
}

impl Built {
    pub(super) fn of(&self, structure: Structure) -> Figure {
        match structure {
            Structure::DpdkAcl => self.tables,
            Structure::DpdkAclTries => self.tries,
            Structure::BitVectors => self.plain,
            Structure::AggregatedBitVectors => self.aggregated,
        }
    }
}

/// The field that tells packets apart: octets behind the IP headers, where a dialect has ports, are ports.
fn told(field: Field) -> Field {
    match field {
        Field::RawPort0 => Field::Sport,
        Field::RawPort1 => Field::Dport,
        field => field,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::normal::Held;
    use super::super::terms::Literal;
    use super::*;
    use crate::ir::ValueSet;

    /// An alternative that asks for values.
    pub(super) fn cube(rule: &[(Field, ValueSet)]) -> Vec<(Field, Literal<'_>)> {
        rule.iter().map(|(field, values)| (*field, Literal::In(Held::Borrowed(values.view())))).collect()
    }
}
