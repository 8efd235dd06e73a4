//! Flow routes in hex, a rule a line: `[ipv4|ipv6|vpnv4|vpnv6] NLRI [EXTENDED-COMMUNITY...]`.
//!
//! The NLRI stands with its length octets, an extended community in 16 digits, one for IPv6 (attribute 25) in
//! 40. Traps of the vocabulary: a line without communities says nothing of actions (in a real UPDATE that is
//! accept); `8007000000000000`, a traffic-action without bits, is how a line says accept. An NLRI field may
//! hold several NLRIs one after the other, as an UPDATE does; all get the communities of the line. The rest of
//! a line behind `#` is a comment; `# name: NAME` names its rule.

mod lower;
mod parse;
mod print;
mod support;
mod syntax;

use super::{Dialect, Keyword, Lost, PrintOptions, ReadOptions, Reading, Reads, Recognition, Sample};
use crate::dialect::flowspec;
use crate::ir::{Document, Rule, RuleSet};
use crate::source::{Source, SourceId};
use std::fmt;

/// The dialect `flowspec-hex`.
#[derive(Debug)]
pub struct FlowspecHex;

impl Dialect for FlowspecHex {
    fn name(&self) -> &'static str {
        "flowspec-hex"
    }

    fn about(&self) -> &'static str {
        "flow specification NLRIs in hex, one a line, with their extended communities"
    }

    fn reads(&self) -> Reads {
        Reads::Text
    }

    fn writes(&self) -> bool {
        true
    }

    fn recognise(&self, sample: &Sample<'_>) -> Recognition {
        parse::recognise(sample)
    }

    fn read(&self, source: &Source, id: SourceId, options: &ReadOptions) -> Reading {
        lower::read(source.text(), id, options)
    }

    fn print(
        &self,
        document: &Document,
        _options: &PrintOptions,
        out: &mut dyn fmt::Write,
    ) -> Result<Vec<Lost>, fmt::Error> {
        print::print(&self.flat(document), out)
    }

    fn says(&self, _: &Document, set: &RuleSet, rule: &Rule<'_>) -> bool {
        flowspec::says(set, rule)
    }

    fn ledger(&self) -> &'static [Keyword] {
        support::LEDGER
    }
}
