//! One packet as values of fields: present, absent, or cut off by the capture.

use super::Field;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// What a packet says of a field.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reading {
    /// The field is there with this value.
    Value(u128),
    /// The packet has no such field.
    Absent,
    /// The capture ends before the field, or does not record it: nobody can say.
    Cut,
}

const WIDE: usize = 6;

/// What every packet has, and only the device knows: neither a capture nor the packet's octets say it.
const DEVICE: u128 = bit(Field::InGroup) | bit(Field::OutGroup) | bit(Field::CtState) | bit(Field::Mark);

/// The values of one packet.
///
/// A decoder reuses one `Headers` for many packets: [`Headers::clear`] forgets all values in constant time.
#[derive(Clone)]
pub struct Headers {
    // A value counts only when its bit is in `present`; `present` and `cut` are disjoint.
    present: u128,
    cut: u128,
    small: [u32; Field::COUNT],
    wide: [u128; WIDE],
}

impl Default for Headers {
    fn default() -> Self {
        Self { present: 0, cut: 0, small: [0; Field::COUNT], wide: [0; WIDE] }
    }
}

pub(crate) const fn bit(field: Field) -> u128 {
    1 << field as u8
}

/// Sets several fields of up to 32 bits: what is present changes once, by a constant, and not once for each.
macro_rules! set_all {
    ($headers:expr, $($field:ident = $value:expr),* $(,)?) => {{
        $($headers.write($crate::field::Field::$field, $value);)*
        $headers.mark(const { 0 $(| $crate::field::bit($crate::field::Field::$field))* });
    }};
}
pub(crate) use set_all;

const fn wide_slot(field: Field) -> Option<usize> {
    match field {
        Field::EthSrc => Some(0),
        Field::EthDst => Some(1),
        Field::Src6 => Some(2),
        Field::Dst6 => Some(3),
        Field::InGroup => Some(4),
        Field::OutGroup => Some(5),
        _ => None,
    }
}

#[expect(
    clippy::indexing_slicing,
    reason = "slots come from `wide_slot` and `Field as usize`, both in range"
)]
impl Headers {
    /// A packet of which nothing is known to be there.
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets every value.
    #[inline]
    pub fn clear(&mut self) {
        self.present = 0;
        self.cut = 0;
    }

    /// Forgets every value, and says of what only the device knows that nobody can know it.
    #[inline]
    pub(crate) fn clear_for_capture(&mut self) {
        self.present = 0;
        self.cut = DEVICE;
    }

    /// Says of what only the device knows that nobody can know it, where it is not said.
    pub(crate) fn cut_device(&mut self) {
        self.cut |= DEVICE & !self.present;
    }

    /// Sets a field that nobody can know to a value; one that is known stays.
    pub fn assume(&mut self, field: Field, value: u32) {
        if self.cut & bit(field) != 0 {
            self.set_wide(field, u128::from(value));
        }
    }

    /// Sets a field of up to 32 bits.
    #[inline]
    pub fn set(&mut self, field: Field, value: u32) {
        debug_assert!(!field.is_wide(), "a wide field is set with set_wide");
        self.small[field as usize] = value;
        self.present |= bit(field);
        self.cut &= !bit(field);
    }

    /// Writes the value of a field of up to 32 bits without saying that it is there: [`set_all!`] does after several.
    #[inline]
    pub(crate) fn write(&mut self, field: Field, value: u32) {
        debug_assert!(!field.is_wide(), "a wide field is set with set_wide");
        self.small[field as usize] = value;
    }

    /// Says that the fields of a mask of bits are there.
    #[inline]
    pub(crate) fn mark(&mut self, mask: u128) {
        self.present |= mask;
        self.cut &= !mask;
    }

    /// Sets a field of any width.
    #[inline]
    pub fn set_wide(&mut self, field: Field, value: u128) {
        match wide_slot(field) {
            Some(slot) => {
                self.wide[slot] = value;
                self.present |= bit(field);
                self.cut &= !bit(field);
            }
            // Truncation cannot happen: the field has at most 32 bits.
            None => self.set(field, u32::try_from(value).unwrap_or(u32::MAX)),
        }
    }

    /// Says that nobody can know the field.
    #[inline]
    pub fn set_cut(&mut self, field: Field) {
        self.cut |= bit(field);
        self.present &= !bit(field);
    }

    /// Says that the packet has no such field.
    #[inline]
    pub fn set_absent(&mut self, field: Field) {
        self.cut &= !bit(field);
        self.present &= !bit(field);
    }

    /// Whether any of the fields of a mask of bits is there, or nobody can know it.
    #[inline]
    pub(crate) fn has_any(&self, mask: u128) -> bool {
        (self.present | self.cut) & mask != 0
    }

    /// The value of a field of up to 32 bits, where it is there.
    #[inline]
    pub fn small(&self, field: Field) -> Option<u32> {
        (self.present & bit(field) != 0).then(|| self.small[field as usize])
    }

    /// What the packet says of a field.
    #[inline]
    pub fn get(&self, field: Field) -> Reading {
        if self.present & bit(field) != 0 {
            Reading::Value(match wide_slot(field) {
                Some(slot) => self.wide[slot],
                None => u128::from(self.small[field as usize]),
            })
        } else if self.cut & bit(field) != 0 {
            Reading::Cut
        } else {
            Reading::Absent
        }
    }

    /// Whether any field was cut off.
    pub fn is_cut(&self) -> bool {
        self.cut != 0
    }

    /// The fields that are there, with their values, in table order.
    pub fn values(&self) -> impl Iterator<Item = (Field, u128)> + '_ {
        super::FIELDS.iter().filter_map(|info| match self.get(info.field) {
            Reading::Value(value) => Some((info.field, value)),
            Reading::Absent | Reading::Cut => None,
        })
    }
}

impl PartialEq for Headers {
    fn eq(&self, other: &Self) -> bool {
        self.present == other.present && self.cut == other.cut && self.values().eq(other.values())
    }
}

impl Eq for Headers {}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for info in super::FIELDS {
            match (self.get(info.field), info.field) {
                (Reading::Value(v), Field::Src4 | Field::Dst4) => {
                    let addr = Ipv4Addr::from(u32::try_from(v).unwrap_or(0));
                    map.entry(&info.name, &addr);
                }
                (Reading::Value(v), Field::Src6 | Field::Dst6) => {
                    map.entry(&info.name, &Ipv6Addr::from(v));
                }
                (Reading::Value(v), _) => {
                    map.entry(&info.name, &v);
                }
                (Reading::Cut, _) => {
                    map.entry(&info.name, &"cut");
                }
                (Reading::Absent, _) => {}
            }
        }
        map.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_is_not_zero_and_cut_is_neither() {
        let mut headers = Headers::new();
        assert_eq!(headers.get(Field::Sport), Reading::Absent);
        headers.set(Field::Sport, 0);
        assert_eq!(headers.get(Field::Sport), Reading::Value(0));
        headers.set_cut(Field::Sport);
        assert_eq!(headers.get(Field::Sport), Reading::Cut);
        headers.set_wide(Field::Dst6, u128::MAX);
        assert_eq!(headers.get(Field::Dst6), Reading::Value(u128::MAX));
        headers.clear();
        assert_eq!(headers, Headers::new());
    }
}
