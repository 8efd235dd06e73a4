//! Rows of fixed columns, as DPDK's ACL library takes rules: one value, prefix or range in each column.
//!
//! The key is that of its test and example programs (source C5 of the platform page): protocol, addresses, ports, an
//! address of IPv6 in words of 32 bits. Other fields that rules test follow in words of their own. An alternative becomes a
//! row for each combination of its values.

use super::super::cover;
use super::super::terms::{Cube, Literal};
use crate::field::{Family, Field, Need};
use crate::guard::{Exhausted, Meter};
use crate::ir::ValueSetRef;
use crate::net::{BitMatch, IntervalSet};
use std::collections::BTreeSet;

/// How a column is compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Compared {
    /// A value under a mask.
    Bits,
    /// A prefix.
    Prefix,
    /// A range.
    Range,
}

/// One column of a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Column {
    pub(super) octets: u8,
    pub(super) compared: Compared,
    /// Columns that are loaded together have one number.
    pub(super) load: u16,
}

/// A value with its mask or the length of its prefix, or the two ends of a range.
pub(super) type Cell = (u32, u32);

/// Rows under their columns.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) columns: Vec<Column>,
    pub(super) cells: Vec<Cell>,
}

impl Rows {
    pub(super) fn len(&self) -> usize {
        self.cells.len().checked_div(self.columns.len()).unwrap_or(0)
    }
}

/// The rules of one rule set for one version of IP.
#[derive(Debug)]
pub(super) struct Table {
    version: Version,
    rows: Rows,
    // What rows have beside the columns of every key: the row, the field and its cell.
    beside: Vec<(usize, Field, Cell)>,
}

/// A version of IP.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Version {
    Four,
    Six,
}

impl Version {
    fn family(self) -> Family {
        match self {
            Self::Four => Family::Inet,
            Self::Six => Family::Inet6,
        }
    }

    fn number(self) -> u128 {
        match self {
            Self::Four => 4,
            Self::Six => 6,
        }
    }

    fn ether_type(self) -> u128 {
        match self {
            Self::Four => 0x0800,
            Self::Six => 0x86dd,
        }
    }

    /// Whether no packet of this version has a field.
    fn is_without(self, field: Field) -> bool {
        let info = field.info();
        let other_frame = |need: &Need| {
            let holds =
                |(lo, hi): &(u32, u32)| (u128::from(*lo)..=u128::from(*hi)).contains(&self.ether_type());
            need.field == Field::EthType && !need.values.iter().any(holds)
        };
        info.family != Family::Any && info.family != self.family() || info.needs.iter().any(other_frame)
    }

    /// Whether a packet of this version can be what an alternative asks for in one field, as far as the version goes.
    fn has(self, field: Field, literal: &Literal<'_>) -> bool {
        match literal {
            Literal::Absent => !field.info().is_always_there(self.family()),
            Literal::In(_) if self.is_without(field) => false,
            Literal::In(values) => match field {
                Field::IpVersion => values.view().contains(self.number()),
                Field::EthType => values.view().contains(self.ether_type()),
                _ => true,
            },
        }
    }

    fn words(self) -> u8 {
        match self {
            Self::Four => 1,
            Self::Six => 4,
        }
    }
}

/// What became of an alternative.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Put {
    /// It is in the table, or has no packet of this version.
    In,
    /// It asks for what the key cannot say.
    Not,
}

/// The values of one column in one alternative, or in several where an address has words.
type Choice = Vec<Vec<Cell>>;

impl Table {
    pub(super) fn new(version: Version) -> Self {
        let column = |octets, compared, load| Column { octets, compared, load };
        let mut columns = vec![column(1, Compared::Bits, 0)];
        for load in 1..=2 * u16::from(version.words()) {
            columns.push(column(4, Compared::Prefix, load));
        }
        let ports = 1 + 2 * u16::from(version.words());
        columns.extend([column(2, Compared::Range, ports); 2]);
        Self { version, rows: Rows { columns, cells: Vec::new() }, beside: Vec::new() }
    }

    /// Adds an alternative. A step a value that is looked at, and a row.
    pub(super) fn add(&mut self, cube: &Cube<'_>, meter: &mut Meter) -> Result<Put, Exhausted> {
        let (mut protocol, mut source, mut destination) = (None, None, None);
        let (mut from, mut to) = (None, None);
        let mut beside: Vec<(Field, Vec<Cell>)> = Vec::new();
        if !cube.iter().all(|(field, literal)| self.version.has(*field, literal)) {
            return Ok(Put::In);
        }
        for (field, literal) in cube {
            let values = match literal {
                Literal::Absent if self.version.is_without(*field) => continue,
                Literal::Absent => return Ok(Put::Not),
                Literal::In(values) => values.view(),
            };
            match super::told(*field) {
                Field::IpVersion | Field::EthType => {}
                Field::Proto | Field::ProtoField if protocol.is_none() => {
                    protocol = Some(masked(values, 8, meter)?);
                }
                Field::Src4 | Field::Src6 => match prefixes(values, self.version, meter)? {
                    Some(list) => source = Some(list),
                    None => return Ok(Put::Not),
                },
                Field::Dst4 | Field::Dst6 => match prefixes(values, self.version, meter)? {
                    Some(list) => destination = Some(list),
                    None => return Ok(Put::Not),
                },
                Field::Sport => from = Some(ranges(values, 16, meter)?),
                Field::Dport => to = Some(ranges(values, 16, meter)?),
                // Wider than a word; the protocol field beside the protocol is another place in the packet.
                field if field.info().width > 32 || beside.iter().any(|(known, _)| *known == field) => {
                    return Ok(Put::Not);
                }
                field if compared(field) == Compared::Bits => {
                    beside.push((field, masked(values, 32, meter)?));
                }
                field => beside.push((field, ranges(values, 32, meter)?)),
            }
        }
        let any_address = vec![vec![(0, 0); usize::from(self.version.words())]];
        let any_port = vec![(0, 0xffff)];
        let mut choices: Vec<Choice> = vec![single(protocol.unwrap_or_else(|| vec![(0, 0)]))];
        choices.push(source.unwrap_or_else(|| any_address.clone()));
        choices.push(destination.unwrap_or(any_address));
        choices.push(single(from.unwrap_or_else(|| any_port.clone())));
        choices.push(single(to.unwrap_or(any_port)));
        let fields: Vec<Field> = beside.iter().map(|(field, _)| *field).collect();
        let beside: Vec<Choice> = beside.into_iter().map(|(_, cells)| single(cells)).collect();
        self.product(&choices, (&fields, &beside), meter)?;
        Ok(Put::In)
    }

    /// A row for each combination. How many there will be is charged before any is made.
    fn product(
        &mut self,
        choices: &[Choice],
        (fields, beside): (&[Field], &[Choice]),
        meter: &mut Meter,
    ) -> Result<(), Exhausted> {
        let all: Vec<&Choice> = choices.iter().chain(beside).collect();
        let count = all.iter().map(|choice| choice.len() as u64).fold(1, u64::saturating_mul);
        meter.charge(count)?;
        let mut at = vec![0_usize; all.len()];
        for _ in 0..count {
            let row = self.rows.len();
            let chosen = all.iter().zip(&at).filter_map(|(choice, at)| choice.get(*at));
            let (own, more) = (chosen.clone().take(choices.len()), chosen.skip(choices.len()));
            self.beside.extend(
                fields.iter().zip(more).filter_map(|(field, cells)| Some((row, *field, *cells.first()?))),
            );
            let own: Vec<Cell> = own.flatten().copied().collect();
            self.rows.cells.extend(own);
            for (at, choice) in at.iter_mut().zip(&all).rev() {
                *at += 1;
                if *at < choice.len() {
                    break;
                }
                *at = 0;
            }
        }
        Ok(())
    }

    /// The rows, with the columns that some of them have beside those of every key. A step a cell.
    pub(super) fn rows(self, meter: &mut Meter) -> Result<Rows, Exhausted> {
        let fields: BTreeSet<Field> = self.beside.iter().map(|(_, field, _)| *field).collect();
        if fields.is_empty() {
            return Ok(self.rows);
        }
        let Rows { mut columns, cells } = self.rows;
        let (width, before) = (columns.len(), columns.last().map_or(0, |column| column.load));
        for (field, load) in fields.iter().zip(before + 1..) {
            columns.push(Column { octets: 4, compared: compared(*field), load });
        }
        meter.charge((cells.len() / width.max(1)) as u64 * columns.len() as u64)?;
        let any = |field: &Field| match compared(*field) {
            Compared::Bits | Compared::Prefix => (0, 0),
            Compared::Range => (0, u32::MAX),
        };
        let mut beside = self.beside.into_iter().peekable();
        let mut whole = Vec::with_capacity(cells.len() / width.max(1) * columns.len());
        for (row, own) in cells.chunks(width.max(1)).enumerate() {
            whole.extend_from_slice(own);
            let mut said = Vec::new();
            while let Some((_, field, cell)) = beside.next_if(|(of, _, _)| *of == row) {
                said.push((field, cell));
            }
            let cell = |field: &Field| said.iter().find(|(of, _)| of == field).map(|(_, cell)| *cell);
            whole.extend(fields.iter().map(|field| cell(field).unwrap_or_else(|| any(field))));
        }
        Ok(Rows { columns, cells: whole })
    }
}

/// Flags are compared under masks, all else in ranges.
fn compared(field: Field) -> Compared {
    match field {
        Field::TcpFlags | Field::RawOctet13 | Field::IpOptions | Field::ExtHdrs => Compared::Bits,
        _ => Compared::Range,
    }
}

fn single(cells: Vec<Cell>) -> Choice {
    cells.into_iter().map(|cell| vec![cell]).collect()
}

/// A value that a field of 32 bits holds.
fn narrow(value: u128) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// Values under masks.
fn masked(values: ValueSetRef<'_>, width: u32, meter: &mut Meter) -> Result<Vec<Cell>, Exhausted> {
    let mut list = Vec::new();
    patterns(values, width, &mut list, meter)?;
    Ok(list.into_iter().map(|pattern| (narrow(pattern.value), narrow(pattern.mask))).collect())
}

fn patterns(
    values: ValueSetRef<'_>,
    width: u32,
    list: &mut Vec<BitMatch>,
    meter: &mut Meter,
) -> Result<(), Exhausted> {
    match values {
        ValueSetRef::Ranges(set) => {
            for (lo, hi) in set.ranges() {
                cover::patterns(lo.into(), hi.into(), width, list, meter)?;
            }
        }
        ValueSetRef::Wide(set) => {
            for (lo, hi) in set.ranges() {
                cover::patterns(lo, hi, width, list, meter)?;
            }
        }
        ValueSetRef::Bits(set) => {
            meter.charge(set.patterns().len() as u64)?;
            list.extend_from_slice(set.patterns());
        }
    }
    Ok(())
}

/// Prefixes, a cell for each word; none where a mask is no prefix.
fn prefixes(
    values: ValueSetRef<'_>,
    version: Version,
    meter: &mut Meter,
) -> Result<Option<Choice>, Exhausted> {
    let words = version.words();
    let width = 32 * u32::from(words);
    let mut list = Vec::new();
    patterns(values, width, &mut list, meter)?;
    let one = |pattern: BitMatch| {
        let length = pattern.mask.count_ones();
        let contiguous = pattern.mask == cover::low_bits(width) & !cover::low_bits(width - length);
        contiguous.then(|| {
            let cell = |word: u8| {
                let before = 32 * u32::from(word);
                let value = pattern.value >> (width - 32 - before) & cover::low_bits(32);
                (narrow(value), length.saturating_sub(before).min(32))
            };
            (0..words).map(cell).collect()
        })
    };
    Ok(list.into_iter().map(one).collect())
}

/// Ranges; those of a mask are its runs of values.
fn ranges(values: ValueSetRef<'_>, width: u32, meter: &mut Meter) -> Result<Vec<Cell>, Exhausted> {
    let max = narrow(cover::low_bits(width));
    let cells = |set: IntervalSet<u32>| set.ranges().map(|(lo, hi)| (lo, hi.min(max))).collect();
    match values {
        ValueSetRef::Ranges(set) => {
            meter.charge(set.ranges().len() as u64)?;
            Ok(cells(set.to_set()))
        }
        ValueSetRef::Wide(set) => {
            meter.charge(set.ranges().len() as u64)?;
            Ok(set.ranges().map(|(lo, hi)| (narrow(lo), narrow(hi).min(max))).collect())
        }
        ValueSetRef::Bits(set) => {
            let mut list = Vec::new();
            for pattern in set.patterns() {
                runs(*pattern, width, meter, &mut |lo, hi| list.push((narrow(lo), narrow(hi))))?;
            }
            Ok(cells(IntervalSet::from_ranges(list)))
        }
    }
}

/// The free bits of a pattern below its lowest fixed one, and those above: each way to set these is a run of its own.
fn run_bits(pattern: BitMatch, width: u32) -> (u128, u128) {
    let free = !pattern.mask & cover::low_bits(width);
    let run = cover::low_bits(free.trailing_ones());
    (run, free & !run)
}

/// How many runs of values have a pattern of bits.
pub(super) fn run_count(pattern: BitMatch, width: u32) -> u64 {
    1_u64.checked_shl(run_bits(pattern, width).1.count_ones()).unwrap_or(u64::MAX)
}

/// The runs of values that have a pattern of bits, in a field of that width. A step a run, charged before any is made.
pub(super) fn runs(
    pattern: BitMatch,
    width: u32,
    meter: &mut Meter,
    each: &mut dyn FnMut(u128, u128),
) -> Result<(), Exhausted> {
    let (run, above) = run_bits(pattern, width);
    meter.charge(run_count(pattern, width))?;
    let mut set = 0_u128;
    loop {
        let lo = pattern.value | set;
        each(lo, lo | run);
        set = set.wrapping_sub(above) & above;
        if set == 0 {
            return Ok(());
        }
    }
}
