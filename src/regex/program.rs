//! Patterns as the steps a backtracking matcher takes.

use super::Octets;
use super::tree::{Look, Node, NodeKind, Repeat};
use crate::guard::{Exhausted, Meter, limits};

/// One step.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// Takes an octet of the set.
    Set(Octets),
    /// Asks where it stands.
    Look(Look),
    /// Goes on here first, there when that fails.
    Split(usize, usize),
    /// Goes on there.
    Jump(usize),
    /// Begins to count in a slot.
    Begin(usize),
    /// Once more, or on at `exit`.
    Loop { slot: usize, least: u32, most: u32, greedy: bool, exit: usize },
    /// The end of one round of the loop that stands there.
    Again { slot: usize, of: usize },
    /// Remembers in a slot what could be tried.
    Hold(usize),
    /// Forgets what could be tried since.
    Cut(usize),
    /// The pattern matches.
    Done,
}

/// The steps of a pattern.
#[derive(Clone, Debug)]
pub struct Program {
    pub(super) steps: Vec<Step>,
    pub(super) slots: usize,
}

impl Program {
    /// The steps of a tree.
    pub fn new(tree: &Node) -> Result<Self, Exhausted> {
        let mut program = Self { steps: Vec::new(), slots: 0 };
        let mut meter = Meter::new(&limits::REGEX_NODES);
        program.add(tree, &mut meter)?;
        program.steps.push(Step::Done);
        Ok(program)
    }

    fn push(&mut self, step: Step) -> usize {
        self.steps.push(step);
        self.steps.len() - 1
    }

    fn set(&mut self, at: usize, step: Step) {
        if let Some(place) = self.steps.get_mut(at) {
            *place = step;
        }
    }

    fn slot(&mut self) -> usize {
        self.slots += 1;
        self.slots - 1
    }

    fn add(&mut self, node: &Node, meter: &mut Meter) -> Result<(), Exhausted> {
        meter.charge(1)?;
        match &node.kind {
            NodeKind::Set(set) => _ = self.push(Step::Set(*set)),
            NodeKind::Look(look) => _ = self.push(Step::Look(*look)),
            NodeKind::Cat(parts) => {
                for part in parts {
                    self.add(part, meter)?;
                }
            }
            NodeKind::Alt(parts) => self.alternatives(parts, meter)?,
            NodeKind::Repeat(repeat) => self.repeat(repeat, meter)?,
            NodeKind::Atomic(inner) => {
                let slot = self.slot();
                self.push(Step::Hold(slot));
                self.add(inner, meter)?;
                self.push(Step::Cut(slot));
            }
        }
        Ok(())
    }

    fn alternatives(&mut self, parts: &[Node], meter: &mut Meter) -> Result<(), Exhausted> {
        let mut ends = Vec::new();
        for (at, part) in parts.iter().enumerate() {
            if at + 1 == parts.len() {
                self.add(part, meter)?;
                break;
            }
            let split = self.push(Step::Done);
            self.add(part, meter)?;
            ends.push(self.push(Step::Done));
            self.set(split, Step::Split(split + 1, self.steps.len()));
        }
        let end = self.steps.len();
        for at in ends {
            self.set(at, Step::Jump(end));
        }
        Ok(())
    }

    fn repeat(&mut self, repeat: &Repeat, meter: &mut Meter) -> Result<(), Exhausted> {
        let Repeat { node, least, most, greedy } = repeat;
        match (least, most) {
            (_, Some(0)) => {}
            (1, Some(1)) => self.add(node, meter)?,
            (0, Some(1)) => {
                let split = self.push(Step::Done);
                self.add(node, meter)?;
                let (inside, behind) = (split + 1, self.steps.len());
                let step = if *greedy { Step::Split(inside, behind) } else { Step::Split(behind, inside) };
                self.set(split, step);
            }
            _ => {
                let slot = self.slot();
                self.push(Step::Begin(slot));
                let head = self.push(Step::Done);
                self.add(node, meter)?;
                self.push(Step::Again { slot, of: head });
                let (exit, most) = (self.steps.len(), most.unwrap_or(u32::MAX));
                self.set(head, Step::Loop { slot, least: *least, most, greedy: *greedy, exit });
            }
        }
        Ok(())
    }
}
