//! libpcap's filter expressions, in and out: an expression a line, each a rule that accepts what it matches.
//!
//! Traps of the vocabulary. `and` and `or` have the same precedence and group to the left; `not` binds to the next
//! primitive. Qualifiers are taken over: `port 80 or 443`, `not host a and b`. A load beyond the packet ends the run
//! with no, whatever stands around it. `port` includes SCTP, needs offset 0 in IPv4 and never looks behind an
//! extension header; `proto` looks behind one fragment header. `host` includes ARP. `vlan`, `mpls` and `pppoes` shift
//! all that follows, also across `or`: an expression is about packets right behind the link header, and
//! [`print::Behind`] puts it behind others.

mod lean;
mod lex;
mod link;
mod lower;
mod octets;
mod parse;
pub mod print;
mod recognise;
mod relation;
mod sense;
mod support;
mod syntax;
mod values;
mod words;

pub use link::link_type;

use super::{Dialect, Keyword, Lost, PrintOptions, ReadOptions, Reading, Reads, Recognition, Sample};
use crate::ir::Document;
use crate::source::{Source, SourceId};
use std::fmt;

/// The dialect `pcap-filter`.
#[derive(Debug)]
pub struct PcapFilter;

impl Dialect for PcapFilter {
    fn name(&self) -> &'static str {
        "pcap-filter"
    }

    fn about(&self) -> &'static str {
        "libpcap's filter expressions, one a line: what tcpdump keeps"
    }

    fn reads(&self) -> Reads {
        Reads::Text
    }

    fn names_octets(&self) -> bool {
        false
    }

    fn writes(&self) -> bool {
        true
    }

    fn recognise(&self, sample: &Sample<'_>) -> Recognition {
        recognise::recognise(sample)
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
        print::document::document(&self.flat(document), out)
    }

    fn ledger(&self) -> &'static [Keyword] {
        support::LEDGER
    }
}
