//! What the symbolic stage knows of packets, as data: a table of fields, the laws between them, and the order of
//! the variables that both are laid out on.
//!
//! The stage is a function of its model, so that a test can run it over a table small enough to enumerate.

use super::world;
use crate::field::{FIELDS, Field, FieldInfo};
use crate::ir::Condition;
use crate::net::IntervalSet;
use std::sync::OnceLock;

/// What a model says of a field; the meanings are those of [`FieldInfo`].
#[derive(Clone, Debug)]
pub struct Row {
    /// The field.
    pub field: Field,
    /// Its width in bits.
    pub width: u8,
    /// The largest value a packet can carry.
    pub max: u128,
    /// Other fields and the values, one of which each must have for the field to be there.
    pub needs: Vec<(Field, IntervalSet<u32>)>,
    /// Whether it may be absent though all needs hold.
    pub optional: bool,
    /// Where it stands behind the IP headers, in bits.
    pub l4_bit: Option<u8>,
}

impl From<&FieldInfo> for Row {
    fn from(info: &FieldInfo) -> Self {
        let need =
            |need: &crate::field::Need| (need.field, IntervalSet::from_ranges(need.values.iter().copied()));
        Self {
            field: info.field,
            width: info.width,
            max: info.max,
            needs: info.needs.iter().map(need).collect(),
            optional: info.optional,
            l4_bit: info.l4_bit,
        }
    }
}

/// What a variable of the diagram stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Variable {
    /// An optional field is there.
    Present(Field),
    /// This bit of the field, 0 the lowest.
    Bit(Field, u8),
    /// This bit behind the IP headers, 0 the first sent.
    Behind(u8),
}

/// Where a field's values are laid out.
#[derive(Clone, Debug, Default)]
pub(super) struct Place {
    /// The variable that says whether it is there, for optional fields.
    pub(super) present: Option<u32>,
    /// Its bits, the highest first.
    pub(super) bits: Vec<u32>,
}

/// A table of fields with the laws between them.
#[derive(Debug)]
pub struct Model {
    rows: Vec<Option<Row>>,
    places: Vec<Place>,
    variables: Vec<Variable>,
    laws: Vec<Condition>,
}

/// The fields that rules test most, first: what a rule decides early cuts the rest away. Then what the laws tie
/// together, each beside what it is tied to. All others follow in table order.
const ORDER: &[Field] = &[
    Field::IpVersion,
    Field::Dst4,
    Field::Src4,
    Field::Dst6,
    Field::Src6,
    Field::Proto,
    Field::ProtoField,
    Field::Dport,
    Field::Sport,
    Field::ExtHdrs,
    Field::IsFragHeader,
    Field::FragOff,
    Field::Mf,
    Field::L4Status,
    Field::HdrLen,
    Field::IpOptions,
    Field::L4Room,
    Field::Len,
];

impl Model {
    /// The model of real packets: the field table with the laws of [`world`].
    pub fn real() -> &'static Self {
        static REAL: OnceLock<Model> = OnceLock::new();
        REAL.get_or_init(|| {
            let laws = world::laws().into_iter().map(|law| law.condition).collect();
            Self::new(FIELDS.iter().map(Row::from), laws)
        })
    }

    /// A model of these rows and laws. A law holds for every packet; fields without a row are always absent.
    pub fn new(rows: impl IntoIterator<Item = Row>, laws: Vec<Condition>) -> Self {
        let mut table: Vec<Option<Row>> = vec![None; Field::COUNT];
        for row in rows {
            if let Some(slot) = table.get_mut(row.field as usize) {
                *slot = Some(row);
            }
        }
        let mut model =
            Self { rows: table, places: vec![Place::default(); Field::COUNT], variables: Vec::new(), laws };
        model.lay_out();
        model
    }

    fn lay_out(&mut self) {
        let mut behind: Vec<Option<u32>> = vec![None; 512];
        let rest = FIELDS.iter().map(|info| info.field).filter(|field| !ORDER.contains(field));
        for field in ORDER.iter().copied().chain(rest) {
            let Some(Some(row)) = self.rows.get(field as usize) else { continue };
            let mut place = Place::default();
            if row.optional {
                place.present = Some(add(&mut self.variables, Variable::Present(field)));
            }
            for bit in (0..row.width).rev() {
                let variable = match row.l4_bit {
                    None => add(&mut self.variables, Variable::Bit(field, bit)),
                    Some(first) => {
                        // Fields that share octets share their variables.
                        let position = first.saturating_add(row.width - 1 - bit);
                        let variables = &mut self.variables;
                        match behind.get_mut(usize::from(position)) {
                            Some(slot) => {
                                *slot.get_or_insert_with(|| add(variables, Variable::Behind(position)))
                            }
                            None => add(variables, Variable::Behind(position)),
                        }
                    }
                };
                place.bits.push(variable);
            }
            if let Some(slot) = self.places.get_mut(field as usize) {
                *slot = place;
            }
        }
    }

    /// What the model says of a field; none when its packets never have it.
    pub fn row(&self, field: Field) -> Option<&Row> {
        self.rows.get(field as usize).and_then(Option::as_ref)
    }

    /// Its fields, in table order.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().flatten()
    }

    /// What holds for every packet.
    pub fn laws(&self) -> &[Condition] {
        &self.laws
    }

    pub(super) fn place(&self, field: Field) -> Option<&Place> {
        self.places.get(field as usize)
    }

    pub(super) fn variables(&self) -> &[Variable] {
        &self.variables
    }

    /// The first variable behind those of packets: opaque conditions begin there.
    pub(super) fn first_opaque(&self) -> u32 {
        u32::try_from(self.variables.len()).unwrap_or(u32::MAX)
    }
}

fn add(variables: &mut Vec<Variable>, variable: Variable) -> u32 {
    variables.push(variable);
    u32::try_from(variables.len() - 1).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_that_share_octets_share_variables() {
        let model = Model::real();
        let bits = |field| model.place(field).unwrap().bits.clone();
        assert_eq!(bits(Field::RawPort0), bits(Field::Sport));
        assert_eq!(bits(Field::RawWord0), [bits(Field::Sport), bits(Field::Dport)].concat());
        assert_eq!(bits(Field::IcmpType), bits(Field::Sport)[..8]);
        assert_eq!(bits(Field::RawOctet13), bits(Field::TcpFlags)[4..]);
        assert!(bits(Field::Dport)[15] < bits(Field::Sport)[0]);
    }
}
