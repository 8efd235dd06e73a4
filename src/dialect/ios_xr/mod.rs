//! Cisco IOS XR: access lists, policies of type pbr, flow routes, and what `show flowspec` prints.
//!
//! Traps of its vocabulary: masks are wildcards in access lists and netmasks in class maps; `permit tcp any any eq 80`
//! asks for the *destination* port and permits every later fragment too; `tcp-flag 2` is "any of the bits"; `~` in
//! `show flowspec` is that form and no negation; a list ends in a deny that is not written, and in IPv6 in a permit of
//! neighbour discovery before it; entries count by number, not by place.

mod acl;
mod actions;
mod attach;
mod class;
mod condition;
mod entry;
mod findings;
mod groups;
mod lower;
mod names;
mod options;
mod parse;
mod policy;
mod print;
mod print_entry;
mod print_flow;
mod print_groups;
mod print_terms;
mod recognise;
mod shown;
mod support;
mod syntax;
mod values;
mod words;

use super::{Dialect, Keyword, Lost, PrintOptions, ReadOptions, Reading, Reads, Recognition, Sample};
use crate::ir::Document;
use crate::source::{Source, SourceId};
use std::fmt;

/// The dialect of IOS XR.
#[derive(Debug)]
pub struct IosXr;

impl Dialect for IosXr {
    fn name(&self) -> &'static str {
        "ios-xr"
    }

    fn about(&self) -> &'static str {
        "access lists, pbr policies and flow routes of Cisco IOS XR, and `show flowspec` output"
    }

    fn reads(&self) -> Reads {
        Reads::Text
    }

    fn writes(&self) -> bool {
        true
    }

    fn recognise(&self, sample: &Sample<'_>) -> Recognition {
        sample.text.map_or(Recognition::No, |text| recognise::looks_like(text, sample.name))
    }

    fn shares(&self, sample: &Sample<'_>) -> Option<&'static str> {
        let alone = sample.text.is_some_and(recognise::is_everybodys);
        alone.then_some("IPv6 lists alone are the same text in IOS, EOS, NX-OS and IOS XR")
    }

    fn read(&self, source: &Source, id: SourceId, options: &ReadOptions) -> Reading {
        lower::read(source.text(), id, options)
    }

    fn print(
        &self,
        document: &Document,
        _: &PrintOptions,
        out: &mut dyn fmt::Write,
    ) -> Result<Vec<Lost>, fmt::Error> {
        print::print(&self.flat(document), out)
    }

    fn ledger(&self) -> &'static [Keyword] {
        support::LEDGER
    }
}
