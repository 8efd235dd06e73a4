//! Rule languages, in and out: one folder each, registered by one line in [`DIALECTS`].

pub mod bgp_capture;
pub mod bird;
pub mod exabgp;
mod findings;
pub mod flowspec;
pub mod flowspec_hex;
pub mod frr;
pub mod gobgp;
mod hook_place;
mod including;
pub mod ios_xr;
pub mod iptables;
pub mod ir_json;
pub(crate) mod json_text;
pub mod junos;
mod moments;
pub mod mrt;
pub mod nftables;
mod pager;
pub mod pattern_list;
pub mod pcap_filter;
pub mod secrule;
pub mod services;
pub mod suricata;

pub use including::{Base, Include, Including, read_assembled};
pub use pcap_filter::link_type;

use crate::diagnostic::{Diagnostic, Level};
use crate::dialect::hook_place::HookPlace;
use crate::field::Family;
use crate::guard::limits;
use crate::ir::{Action, Document, Kind, Rule, RuleSet};
use crate::source::{Source, SourceId};
use std::borrow::Cow;
use std::fmt;

/// Every dialect, sorted by name; a line for each.
#[rustfmt::skip]
pub static DIALECTS: &[&dyn Dialect] = &[
    &bgp_capture::BgpCapture,
    &bird::Bird,
    &exabgp::ExaBgp,
    &flowspec_hex::FlowspecHex,
    &frr::Frr,
    &gobgp::GoBgp,
    &ios_xr::IosXr,
    &iptables::Iptables,
    &ir_json::IrJson,
    &junos::Junos,
    &mrt::Mrt,
    &nftables::Nftables,
    &nftables::json::NftablesJson,
    &pattern_list::PatternList,
    &pcap_filter::PcapFilter,
    &secrule::SecRule,
    &suricata::Suricata,
];

/// The dialect of that name.
pub fn by_name(name: &str) -> Option<&'static dyn Dialect> {
    DIALECTS.iter().copied().find(|dialect| dialect.name() == name)
}

/// The dialect that is surest of the sample; where several are, the content decides, then the name. None when no
/// dialect knows it.
///
/// # Errors
///
/// The dialects that are equally sure: it is not for us to guess which was meant.
pub fn recognise(sample: &Sample<'_>) -> Result<Option<&'static dyn Dialect>, Vec<&'static dyn Dialect>> {
    let sample = sample.unmarked();
    let nameless = Sample { name: "", ..sample };
    let empty = Sample { octets: &[], text: Some(""), ..sample };
    let rank = |d: &dyn Dialect| (d.recognise(&sample), d.recognise(&nameless), d.recognise(&empty));
    let readable = DIALECTS.iter().copied().filter(|d| d.reads() != Reads::Nothing);
    let ranked = readable.map(|d| (rank(d), d)).filter(|(rank, _)| rank.0 != Recognition::No);
    let ranked: Vec<_> = ranked.collect();
    let best = ranked.iter().map(|(rank, _)| *rank).max();
    let surest = ranked.into_iter().filter(|(rank, _)| Some(*rank) == best).map(|(_, dialect)| dialect);
    match *surest.collect::<Vec<_>>() {
        [] => Ok(None),
        [only] => Ok(Some(only)),
        ref several => Err(several.to_vec()),
    }
}

/// The dialect that a sample which none recognises may be of, and what else it could be.
pub fn shared(sample: &Sample<'_>) -> Option<(&'static dyn Dialect, &'static str)> {
    let sample = sample.unmarked();
    DIALECTS.iter().find_map(|dialect| Some((*dialect, dialect.shares(&sample)?)))
}

/// The dialects whose content the sample surely is.
pub fn sure_of<'a>(sample: &Sample<'a>) -> impl Iterator<Item = &'static dyn Dialect> + use<'a> {
    let sample = sample.unmarked();
    let readable = DIALECTS.iter().copied().filter(|dialect| dialect.reads() != Reads::Nothing);
    readable.filter(move |dialect| dialect.recognise(&sample) == Recognition::Certain)
}

/// One concrete rule language.
pub trait Dialect: Sync + fmt::Debug {
    /// Its name on the command line, as `junos`.
    fn name(&self) -> &'static str;

    /// One line of what it is.
    fn about(&self) -> &'static str;

    /// Whether it can be read from text, from BGP messages cut out of a binary file, or not at all.
    fn reads(&self) -> Reads;

    /// Whether it can be written. One that can has a [`Dialect::print`] of its own.
    fn writes(&self) -> bool {
        false
    }

    /// Its forms beside or instead of one another, as `braces` and `set` of Junos, for [`PrintOptions::form`];
    /// the first is the usual one. None when it has only one.
    fn forms(&self) -> &'static [&'static str] {
        &[]
    }

    /// How sure it is that the sample is its own. Content speaks first; a name alone is at most `Possible`.
    fn recognise(&self, sample: &Sample<'_>) -> Recognition;

    /// Why it is not sure of a sample that may well be its own: what else it could be, in a sentence.
    fn shares(&self, _sample: &Sample<'_>) -> Option<&'static str> {
        None
    }

    /// Reads a source: the rule sets, and whatever is wrong with it. Never fails: what cannot be read becomes
    /// a diagnostic, and reading goes on at the next statement.
    fn read(&self, source: &Source, id: SourceId, options: &ReadOptions) -> Reading;

    /// Writes a document; says what it could not express. Only called when [`Dialect::writes`].
    fn print(
        &self,
        _document: &Document,
        _options: &PrintOptions,
        _out: &mut dyn fmt::Write,
    ) -> Result<Vec<Lost>, fmt::Error> {
        Err(fmt::Error)
    }

    /// Whether it can write a rule that walks another rule set, or leaves one. Without such rules a document is
    /// written as lists that walk none ([`Dialect::flat`]).
    fn says_call(&self, _document: &Document, _set: &RuleSet, _rule: &Rule<'_>) -> bool {
        false
    }

    /// Whether it can write the condition of a rule with alternatives or negations in it. A rule of which it cannot
    /// is written as several ([`Dialect::flat`]), where it can write each.
    fn says(&self, _document: &Document, _set: &RuleSet, _rule: &Rule<'_>) -> bool {
        true
    }

    /// The document as it is written: entries that walk other rule sets, where the dialect cannot say that, as
    /// lists which decide the same ([`Document::flattened`]); rules it cannot say, as several that it can
    /// ([`Document::spread`]).
    fn flat<'d>(&self, document: &'d Document) -> Cow<'d, Document> {
        let most = usize::try_from(limits::PRINTED_ALTERNATIVES.value).unwrap_or(usize::MAX);
        let flat = document.flattened(|set, rule| self.says_call(document, set, rule));
        let spread = match flat.spread(most, |set, rule| self.says(&flat, set, rule)) {
            Cow::Owned(spread) => Some(spread),
            Cow::Borrowed(_) => None,
        };
        spread.map_or(flat, Cow::Owned)
    }

    /// The support ledger: a state for every keyword, sorted by context and word.
    fn ledger(&self) -> &'static [Keyword];

    /// How its text names other files; none where it names none.
    fn including(&self) -> Option<&'static Including> {
        None
    }

    /// Whether a field may be named without its protocol, so that the device compares octets where it would stand. Where
    /// octets are asked for by their place, and fields come with their protocol, octets are what is meant.
    fn names_octets(&self) -> bool {
        true
    }

    /// Whether the text of a rule may be taken out with its line: that of a command may not, which a shell gives a meaning.
    fn stands_alone(&self, _rule: &str) -> bool {
        true
    }

    /// The engine, with its version, that was sent packets to learn what its rules mean; none where documents say it.
    fn measured_on(&self) -> Option<&'static str> {
        None
    }
}

/// What a dialect is read from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reads {
    /// Text.
    Text,
    /// BGP messages of a capture or dump.
    Messages,
    /// It is only written.
    Nothing,
}

/// The beginning of an input, for recognition.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    /// The file's name without folders; empty for standard input.
    pub name: &'a str,
    /// The first octets, at most 64 KiB.
    pub octets: &'a [u8],
    /// The same as text, where they are UTF-8 (cut at a character).
    pub text: Option<&'a str>,
}

impl<'a> Sample<'a> {
    /// Octets looked at to find a dialect.
    pub const OCTETS: usize = 64 << 10;

    /// The sample of a file's octets, or of as many as were read so far.
    pub fn new(name: &'a str, octets: &'a [u8]) -> Self {
        let octets = octets.get(..Self::OCTETS).unwrap_or(octets);
        let text = match std::str::from_utf8(octets) {
            Ok(text) => Some(text),
            // A character cut at the end is left out.
            Err(error) if error.error_len().is_none() => {
                octets.get(..error.valid_up_to()).and_then(|valid| std::str::from_utf8(valid).ok())
            }
            Err(_) => None,
        };
        Self { name, octets, text }
    }

    /// The same without what some editors put in front of UTF-8, which is no part of the text.
    #[must_use]
    pub fn unmarked(&self) -> Self {
        const MARK: &str = "\u{feff}";
        let octets = self.octets.strip_prefix(MARK.as_bytes()).unwrap_or(self.octets);
        let text = self.text.map(|text| text.strip_prefix(MARK).unwrap_or(text));
        Self { octets, text, ..*self }
    }
}

/// How sure a dialect is that an input is its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Recognition {
    /// It is not.
    No,
    /// The name says so, or the content could be.
    Possible,
    /// The content says so.
    Certain,
}

/// How to read.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a choice of its own, named on the command line")]
pub struct ReadOptions {
    /// What a flow rule without communities is taken to do; none when that is not said.
    pub assume_discard: bool,
    /// Junos: a `from` of only `except` prefixes matches everything else, as one widely used analyser reads it.
    pub junos_except_only_matches_rest: bool,
    /// Flow specifications: a length below 240 in two octets is malformed. RFC 8955 §4.1 does not forbid it, so
    /// without this it is read and noted.
    pub flowspec_strict_length: bool,
    /// The address family of rules whose text says none (iptables); none when that is not said either.
    pub family: Option<Family>,
    /// iptables: the rules are loaded by the nft back end, whatever the text says.
    pub iptables_nft: bool,
    /// iptables: what its matches do with packets too short for the header they read, and behind the IPv6 headers
    /// at which the kernel stops to look for a protocol, is part of the rules.
    pub iptables_exact: bool,
    /// pcap-filter: the link type expressions are compiled for, as a LINKTYPE number; Ethernet (1) when not said.
    pub pcap_link_type: Option<u16>,
    /// pcap-filter: the netmask of the interface, for `ip broadcast`; 0 when not said, as for tcpdump.
    pub pcap_netmask: Option<u32>,
}

/// How to print.
#[derive(Clone, Debug, Default)]
pub struct PrintOptions {
    /// A form of the dialect, as `set` for Junos; none for its usual one.
    pub form: Option<String>,
}

/// What reading a source gave.
#[derive(Debug, Default)]
pub struct Reading {
    /// The rule sets.
    pub document: Document,
    /// What is wrong, in the order found.
    pub diagnostics: Vec<Diagnostic>,
    /// Statements read that carry no rules and were passed over on purpose (interfaces, protocols).
    pub skipped: usize,
}

/// Something a printer could not express.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lost {
    /// The rule set.
    pub rule_set: String,
    /// The rule.
    pub rule: String,
    /// How grave that is.
    pub loss: Loss,
    /// What is lost, and what stands in the output instead.
    pub what: String,
}

impl Lost {
    /// Something lost in a rule, or with an empty `rule` in the whole rule set.
    pub fn new(loss: Loss, rule_set: &str, rule: &str, what: impl Into<String>) -> Self {
        Self { rule_set: rule_set.to_owned(), rule: rule.to_owned(), loss, what: what.into() }
    }

    /// Something that decides over no packet, as a name or a counter.
    pub fn detail(rule_set: &str, rule: &str, what: impl Into<String>) -> Self {
        Self::new(Loss::Detail, rule_set, rule, what)
    }

    /// The whole rule.
    pub fn left_out(rule_set: &str, rule: &str, what: impl Into<String>) -> Self {
        Self::new(Loss::LeftOut, rule_set, rule, what)
    }

    /// Something that decides over packets, as the order of rules or a default.
    pub fn meaning(rule_set: &str, rule: &str, what: impl Into<String>) -> Self {
        Self::new(Loss::Meaning, rule_set, rule, what)
    }

    /// Where rule sets are attached, for writers of dialects that say that elsewhere than in the rules.
    pub fn attached(document: &Document) -> impl Iterator<Item = Self> {
        document.rule_sets.iter().filter_map(|set| {
            let mut places = document.places(&set.name);
            let first = places.next()?;
            let what = match places.count() {
                0 => format!("where it is attached: `{first}`"),
                more => format!("where it is attached: `{first}` and {more} more"),
            };
            Some(Self::detail(&set.name, "", what))
        })
    }

    /// The places of a rule set that is written at a hook, or at none, as far as they are others. Where packets come
    /// from elsewhere, that decides over packets; another priority at the same hook says only which rules come first.
    fn moved<'d>(
        document: &'d Document,
        set: &'d RuleSet,
        to: Option<HookPlace<'d>>,
    ) -> impl Iterator<Item = Self> + 'd {
        document.places(&set.name).filter_map(move |place| {
            let from = HookPlace::read(place);
            if from.is_some() && from == to {
                return None;
            }
            let stays = from.zip(to).is_some_and(|(from, to)| from.is_beside(&to));
            let what = match to {
                Some(to) => format!("where it is attached: `{place}`; it is at `{to}` instead"),
                None => format!("where it is attached: `{place}`"),
            };
            Some(Self::new(if stays { Loss::Detail } else { Loss::Meaning }, &set.name, "", what))
        })
    }

    /// Whether a rule set means something where nothing calls it; what is lost where it does not goes to `lost`.
    /// For writers of dialects without calls.
    pub fn unless_alone(set: &RuleSet, lost: &mut Vec<Self>) -> bool {
        lost.push(match set.kind {
            Kind::Filter | Kind::FlowRoutes => return true,
            Kind::Hook if set.rules.len() < 2 => return false,
            Kind::Chain => Self::left_out(
                &set.name,
                "",
                "the chain, which is left out: packets come to it by calls only",
            ),
            Kind::Hook => {
                let what = "that packets pass one rule set after the other; each is written for itself";
                Self::meaning(&set.name, "", what)
            }
        });
        false
    }
}

/// How grave it is that something is lost. A conversion fails on all but details, unless it is told not to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Loss {
    /// Every packet still meets its verdict: a name, a counter, a form of writing.
    Detail,
    /// A whole rule is missing from the output: its packets meet other rules there.
    LeftOut,
    /// The output gives other verdicts than the input, or may: its order, its default, a verdict, a rate.
    Meaning,
}

impl Loss {
    /// How grave it is to lose an action: one that drops packets, sends them elsewhere or says where the rule
    /// applies decides over packets, the others do not.
    pub fn of_action(action: &Action) -> Self {
        match action {
            Action::RateLimit(_)
            | Action::Policer(_)
            | Action::RedirectTarget(_)
            | Action::RedirectInstance(_)
            | Action::RedirectIp { copy: false, .. }
            | Action::InterfaceSet { .. } => Self::Meaning,
            Action::Other(words) if sends_elsewhere(words) => Self::Meaning,
            Action::Count(_)
            | Action::Log
            | Action::Sample
            | Action::Mark(_)
            | Action::RedirectIp { copy: true, .. }
            | Action::Class(_)
            | Action::Other(_) => Self::Detail,
        }
    }
}

/// Whether an action that is kept by its words gives packets another address or hands them on, by its first word.
fn sends_elsewhere(words: &str) -> bool {
    const WORDS: [&str; 11] = [
        "dnat",
        "fwd",
        "masquerade",
        "netmap",
        "nfqueue",
        "queue",
        "redirect",
        "same",
        "snat",
        "synproxy",
        "tproxy",
    ];
    let first = words.split_whitespace().next().unwrap_or("");
    WORDS.iter().any(|word| word.eq_ignore_ascii_case(first))
}

/// How far a keyword is supported.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Support {
    /// Parsed, and its whole meaning is in the intermediate form.
    Full,
    /// Parsed; some of its values or meanings are opaque, as its remark says.
    Partial,
    /// Parsed; its condition is opaque and says so.
    Opaque,
    /// Parsed and without effect on which packets match or what becomes of them.
    Ignored,
    /// Not in the ledger: reported, and opaque.
    Unknown,
}

impl Support {
    /// The word users see.
    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Partial => "partial",
            Self::Opaque => "opaque",
            Self::Ignored => "ignored",
            Self::Unknown => "unknown",
        }
    }
}

/// One line of a support ledger.
#[derive(Clone, Copy, Debug)]
pub struct Keyword {
    /// Where it stands, as `from inet`, `then`, `match`.
    pub context: &'static str,
    /// The word.
    pub word: &'static str,
    /// How far it is supported.
    pub support: Support,
    /// What is not, or why; empty when there is nothing to say.
    pub remark: &'static str,
}

/// Names of the checks that readers raise themselves; the catalogue describes them beside the others.
pub mod raised {
    /// The text is not of the dialect.
    pub const SYNTAX_ERROR: &str = "syntax-error";
    /// A keyword that is unknown or not modelled.
    pub const UNSUPPORTED_KEYWORD: &str = "unsupported-keyword";
    /// A name that nothing defines.
    pub const UNDEFINED_REFERENCE: &str = "undefined-reference";
    /// A definition nothing uses.
    pub const UNUSED_DEFINITION: &str = "unused-definition";
    /// A value no packet can carry.
    pub const VALUE_OUT_OF_RANGE: &str = "value-out-of-range";
    /// A range, or operands joined by AND, that no value is in.
    pub const EMPTY_RANGE: &str = "empty-range";
    /// An NLRI that is not as RFC 8955 says.
    pub const MALFORMED_NLRI: &str = "malformed-nlri";
    /// Components or communities that contradict the order RFC 8955 asks for.
    pub const COMPONENT_ORDER: &str = "flowspec-component-order";
    /// An NLRI that says the same as a shorter or more usual one.
    pub const NONCANONICAL: &str = "flowspec-noncanonical";
    /// Text that seems to say one thing and means another to the program it is written for.
    pub const MISLEADING_TEXT: &str = "misleading-text";
    /// An NLRI longer than its length field or its message can carry.
    pub const TOO_LONG: &str = "flowspec-too-long";
    /// An address with bits set behind its prefix length.
    pub const HOST_BITS_SET: &str = "host-bits-set";
    /// IPv4 and IPv6 in one rule.
    pub const MIXED_FAMILY: &str = "mixed-family";
    /// Actions that contradict each other.
    pub const CONFLICTING_ACTIONS: &str = "conflicting-actions";
    /// A mask that reads as one of the other kind, netmask for wildcard.
    pub const SUSPICIOUS_MASK: &str = "suspicious-mask";
    /// Two entries of one number.
    pub const DUPLICATE_NUMBER: &str = "duplicate-number";
    /// A rate so small that it drops everything, or cannot be carried.
    pub const RATE_TOO_SMALL: &str = "rate-too-small";
}

/// Shorthand for readers: a diagnostic of `check` at its default level.
pub(crate) fn raise(
    check: &'static str,
    level: Level,
    message: impl Into<String>,
    source: SourceId,
    span: crate::source::Span,
) -> Diagnostic {
    Diagnostic::new(check, level, message, crate::diagnostic::Label::new(source, span))
}
