//! Where an allowance is spent: limits with names, meters that charge against them, and our own memory.
//!
//! Input chooses no bound unmetered. A loop, recursion or expansion whose size comes from input charges a
//! [`Meter`]; when the allowance is gone it returns [`Exhausted`], which says which limit and how much.

pub mod limits;
mod memory;

pub use limits::Limit;
pub use memory::{MemoryWatch, allow_resident_octets, resident_octets};

/// An allowance that was spent before an answer was found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the limit `{}` of {allowance} {} is reached", limit.name, limit.unit)]
pub struct Exhausted {
    /// Which limit.
    pub limit: &'static Limit,
    /// How much was allowed, in the limit's unit.
    pub allowance: u64,
}

/// Charges against one limit.
#[derive(Clone, Debug)]
pub struct Meter {
    limit: &'static Limit,
    allowance: u64,
    spent: u64,
}

impl Meter {
    /// A meter with the limit's own allowance.
    pub fn new(limit: &'static Limit) -> Self {
        Self::with_allowance(limit, limit.value)
    }

    /// A meter with another allowance, in the limit's unit.
    pub fn with_allowance(limit: &'static Limit, allowance: u64) -> Self {
        Self { limit, allowance, spent: 0 }
    }

    /// Spends `amount`; an error once more than the allowance is spent, and ever after.
    #[inline]
    pub fn charge(&mut self, amount: u64) -> Result<(), Exhausted> {
        self.spent = self.spent.saturating_add(amount);
        if self.spent > self.allowance { Err(self.exhausted()) } else { Ok(()) }
    }

    /// Gives back what is no longer held (depth on the way up).
    pub fn release(&mut self, amount: u64) {
        self.spent = self.spent.saturating_sub(amount);
    }

    /// How much is spent.
    pub fn spent(&self) -> u64 {
        self.spent
    }

    /// How much may still be spent.
    pub fn left(&self) -> u64 {
        self.allowance.saturating_sub(self.spent)
    }

    /// The error this meter gives.
    pub fn exhausted(&self) -> Exhausted {
        Exhausted { limit: self.limit, allowance: self.allowance }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meter_stops_at_its_allowance_and_stays_stopped() {
        let mut meter = Meter::with_allowance(&limits::NESTING, 2);
        assert!(meter.charge(2).is_ok());
        assert_eq!(meter.charge(1).unwrap_err().allowance, 2);
        assert!(meter.charge(0).is_err());
        meter.release(1);
        assert!(meter.charge(0).is_ok());
    }
}
