//! Packets that meet conditions: the first that comes to mind, or one by sets of packets, confirmed by evaluation.

use super::guess::Guesser;
use super::model::Model;
use super::reach::of_family;
use super::space::Spaces;
use crate::field::{Family, Field, Headers};
use crate::guard::{Exhausted, Meter, limits};
use crate::ir::Condition;

/// Whether a condition holds for a packet, as evaluation says; none where it cannot say. Every packet shown is put to
/// it, so that nothing rests on sets alone.
pub type Holds = fn(&Condition, &Headers) -> Option<bool>;

/// Looks for packets: by guessing, or by sets.
#[derive(Debug)]
pub(super) struct Seeker {
    pub(super) holds: Holds,
    spaces: Spaces<'static>,
    pub(super) guesser: Guesser,
    // What all questions take together.
    pub(super) all: Meter,
}

impl Seeker {
    pub(super) fn new(holds: Holds) -> Self {
        Self {
            holds,
            spaces: Spaces::new(Model::real(), &limits::RULE_NODES),
            guesser: Guesser::default(),
            all: Meter::new(&limits::CHECK_NODES),
        }
    }

    /// A packet that meets a condition, if one comes to mind.
    fn guess(&mut self, family: Family, condition: &Condition) -> Option<Box<Headers>> {
        let headers = self.guesser.guess(family, &[condition])?;
        ((self.holds)(condition, &headers) == Some(true)).then(|| Box::new(headers))
    }

    /// A packet of a family that meets a condition: what comes to mind, else by sets of packets.
    pub(super) fn packet_of(
        &mut self,
        family: Family,
        condition: &Condition,
    ) -> Result<Result<Found, Exhausted>, Exhausted> {
        match self.guess(family, condition) {
            Some(headers) => Ok(Ok(Found::Packet(headers))),
            None => self.packet(&[&of_family(family), condition], &[]),
        }
    }

    /// A packet that meets all of some conditions and none of others: what comes to mind near some values, else by sets of
    /// packets.
    pub(super) fn packet_near(
        &mut self,
        family: Family,
        conditions: &[&Condition],
        values: &[(Field, u128)],
        without: &[&Condition],
    ) -> Result<Result<Found, Exhausted>, Exhausted> {
        let holds = self.holds;
        if let Some(headers) = self.guesser.guess_near(family, conditions, values)
            && conditions.iter().all(|condition| holds(condition, &headers) == Some(true))
            && without.iter().all(|condition| holds(condition, &headers) == Some(false))
        {
            return Ok(Ok(Found::Packet(Box::new(headers))));
        }
        let of_family = of_family(family);
        let all: Vec<&Condition> = std::iter::once(&of_family).chain(conditions.iter().copied()).collect();
        self.packet(&all, without)
    }

    /// A packet that meets all of some conditions and none of others, by sets of packets.
    pub(super) fn packet(
        &mut self,
        conditions: &[&Condition],
        without: &[&Condition],
    ) -> Result<Result<Found, Exhausted>, Exhausted> {
        self.all.charge(0)?;
        self.spaces.next_question();
        let found = self.ask(conditions, without);
        self.all.charge(self.spaces.spent())?;
        Ok(found)
    }

    fn ask(&mut self, conditions: &[&Condition], without: &[&Condition]) -> Result<Found, Exhausted> {
        let mut space = self.spaces.world()?;
        for condition in conditions {
            let next = self.spaces.of(condition)?;
            space = self.spaces.intersection(space, next)?;
        }
        for condition in without {
            let next = self.spaces.of(condition)?;
            space = self.spaces.difference(space, next)?;
        }
        if space.is_empty() {
            return Ok(Found::None);
        }
        let sure = self.spaces.under(space)?;
        let Some(headers) = self.spaces.witness(sure)? else { return Ok(Found::Unknown) };
        let meets = conditions.iter().all(|condition| (self.holds)(condition, &headers) == Some(true))
            && without.iter().all(|condition| (self.holds)(condition, &headers) == Some(false));
        Ok(if meets { Found::Packet(Box::new(headers)) } else { Found::Unknown })
    }
}

/// What is found where a packet is looked for.
pub(super) enum Found {
    None,
    Packet(Box<Headers>),
    Unknown,
}
