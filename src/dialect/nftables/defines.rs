//! Definitions of a file: what `$NAME` stands for at a place.

use crate::guard::{Exhausted, Meter, limits};
use crate::source::Span;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;

#[derive(Clone, Copy, Debug)]
struct Define<'a> {
    text: &'a str,
    // Where its text begins in the source.
    base: u32,
    // Where the name stands.
    at: Span,
    // The places it holds for.
    from: u32,
    until: u32,
}

/// The definitions of a file, and what reading may spend on them.
#[derive(Debug)]
pub(super) struct Defines<'a> {
    // Of each name, in the order written.
    by_name: HashMap<&'a str, Vec<(Define<'a>, Cell<bool>)>>,
    meter: RefCell<Meter>,
}

impl Default for Defines<'_> {
    fn default() -> Self {
        Self { by_name: HashMap::new(), meter: RefCell::new(Meter::new(&limits::EXPANSION)) }
    }
}

impl<'a> Defines<'a> {
    /// A definition that holds from its end to `until`.
    pub(super) fn add(&mut self, name: &'a str, at: Span, text: &'a str, base: u32, until: u32) {
        let from = base.saturating_add(u32::try_from(text.len()).unwrap_or(u32::MAX));
        let list = self.by_name.entry(name).or_default();
        list.push((Define { text, base, at, from, until }, Cell::new(false)));
    }

    /// The name stands for nothing from `at` on.
    pub(super) fn end(&mut self, name: &str, at: u32) {
        for (define, _) in self.by_name.get_mut(name).into_iter().flatten() {
            define.until = define.until.min(at);
        }
    }

    /// Definitions made since `from` hold no further than `until`: the block they stand in ended.
    pub(super) fn close(&mut self, names: &[&'a str], from: u32, until: u32) {
        for name in names {
            for (define, _) in self.by_name.get_mut(name).into_iter().flatten() {
                if define.from >= from {
                    define.until = define.until.min(until);
                }
            }
        }
    }

    /// Whether a name stands for anything at a place.
    pub(super) fn holds(&self, name: &str, place: u32) -> bool {
        let list = self.by_name.get(name).into_iter().flatten();
        list.into_iter().any(|(define, _)| define.from <= place && place <= define.until)
    }

    /// The text a name stands for at a place, and where that text begins.
    pub(super) fn find(&self, name: &str, place: u32) -> Option<(&'a str, u32)> {
        let list = self.by_name.get(name)?;
        let holds = |define: &Define<'_>| define.from <= place && place <= define.until;
        let (define, used) = list.iter().rev().find(|(define, _)| holds(define))?;
        used.set(true);
        Some((define.text, define.base))
    }

    /// The names of definitions nothing used, with their places, in the order written.
    pub(super) fn unused(&self) -> Vec<(&'a str, Span)> {
        let mut list: Vec<(&str, Span)> = Vec::new();
        #[expect(clippy::iter_over_hash_type, reason = "sorted below")]
        for (name, defines) in &self.by_name {
            if defines.iter().all(|(_, used)| !used.get()) {
                list.extend(defines.first().map(|(define, _)| (*name, define.at)));
            }
        }
        list.sort_by_key(|(_, at)| *at);
        list
    }

    /// Reading begins again.
    pub(super) fn again(&self) {
        *self.meter.borrow_mut() = Meter::new(&limits::EXPANSION);
    }

    /// Spends on values that definitions and sets add to the file.
    pub(super) fn charge(&self, amount: usize) -> Result<(), Exhausted> {
        self.meter.borrow_mut().charge(amount as u64)
    }
}
