//! The tree of a rule in nftables' own words, made from text and from JSON alike. What a word means is said in
//! `lower`; here it only has its place.

use super::fields::Load;
use crate::source::Span;

/// A name, number or address as written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Word<'a> {
    /// The word, quotes excluded.
    pub(super) text: &'a str,
    /// Its place.
    pub(super) span: Span,
}

/// An operator between two numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Binary {
    And,
    Or,
    Xor,
    ShiftLeft,
    ShiftRight,
}

/// How two sides are compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Relation {
    /// No operator: equality, or "any of the bits" for flags.
    Implicit,
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    /// `!`: none of the bits.
    NoneOf,
}

/// An expression.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Expr<'a> {
    /// A value.
    Word(Word<'a>),
    /// A number of JSON.
    Number(u64),
    /// `@name`
    SetRef(Word<'a>),
    /// `*`
    Any,
    /// What a packet or its surroundings say.
    Load(Load, Span),
    /// Two numbers combined.
    Binary(Box<(Binary, Expr<'a>, Expr<'a>)>),
    /// `a / b`: a prefix, or flags and the mask they are looked at through.
    Slash(Box<(Expr<'a>, Expr<'a>)>),
    /// `a-b`
    Range(Box<(Expr<'a>, Expr<'a>)>),
    /// `a,b`: flags together.
    List(Vec<Expr<'a>>),
    /// `a . b`
    Concat(Vec<Expr<'a>>),
    /// `{ a, b }`
    Set(Vec<Element<'a>>),
    /// `key map data`
    Map(Box<(Expr<'a>, Expr<'a>)>),
    /// Something read and not modelled.
    Unmodelled,
}

/// A member of a set or map.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Element<'a> {
    /// The member, or the key.
    pub(super) key: Expr<'a>,
    /// What a map gives for it.
    pub(super) data: Option<Data<'a>>,
    /// It is gone after a time.
    pub(super) temporary: bool,
    /// Its place.
    pub(super) span: Span,
}

/// What a map gives.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Data<'a> {
    /// A value.
    Value(Expr<'a>),
    /// A verdict.
    Verdict(Verdict<'a>),
}

/// What becomes of a packet.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Verdict<'a> {
    Accept,
    Drop,
    Continue,
    Return,
    Jump(Word<'a>),
    Goto(Word<'a>),
    /// `jump { ... }`; the text between the braces, and whether it is a goto.
    Block(Word<'a>, bool),
    /// Somebody else decides; what of the packet says who.
    Queue(Option<Box<Expr<'a>>>),
}

/// What a rejected sender is told.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Reject<'a> {
    /// `reject` alone, or with what JSON has no type for.
    Plain,
    /// `icmp`, `icmpv6`, `icmpx` and the code.
    Icmp(&'a str, Expr<'a>),
    /// `tcp reset`
    TcpReset,
}

/// What kind of thing is not modelled; the ledger's remark names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Class {
    /// Kept by the kernel between packets, or known to the host only.
    Stateful,
    /// Octets outside the packet model.
    Payload,
}

impl Class {
    /// Its word in the ledger and in reasons.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Stateful => "stateful",
            Self::Payload => "payload",
        }
    }
}

/// What the kernel keeps between packets, and a statement asks.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Kept<'a> {
    pub(super) word: &'static str,
    /// The set or object it names.
    pub(super) name: Option<Word<'a>>,
    /// What of the packet it looks at.
    pub(super) looks: Vec<Expr<'a>>,
    /// Its words, where they are not those of the text.
    pub(super) said: Option<Box<str>>,
}

/// What gives a packet another address or port, or a socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Rewriter {
    Snat,
    Dnat,
    Masquerade,
    Redirect,
    Tproxy,
}

impl Rewriter {
    /// Its word.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Snat => "snat",
            Self::Dnat => "dnat",
            Self::Masquerade => "masquerade",
            Self::Redirect => "redirect",
            Self::Tproxy => "tproxy",
        }
    }
}

/// Where a packet goes instead, each part with its place.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Rewrite<'a> {
    pub(super) what: Rewriter,
    /// The version of IP it is said to be for.
    pub(super) version: Option<u32>,
    pub(super) address: Option<(Expr<'a>, Span)>,
    pub(super) port: Option<(Expr<'a>, Span)>,
}

/// A statement of a rule.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Kind<'a> {
    /// A comparison.
    Match(Expr<'a>, Relation, Expr<'a>),
    /// A verdict by key.
    VerdictMap(Expr<'a>, Expr<'a>),
    /// A verdict.
    Verdict(Verdict<'a>),
    /// `reject`
    Reject(Reject<'a>),
    /// Counts, logs, marks: goes on whatever the packet is.
    Effect(Effect<'a>),
    /// Lets some packets pass by what the kernel keeps: limit, quota, set update.
    Condition(Box<Kept<'a>>),
    /// Hands the packet on, perhaps; its word, and to where.
    HandOn(&'static str, Vec<Expr<'a>>),
    /// Gives the packet another address or port.
    Rewrite(Box<Rewrite<'a>>),
    /// The rule's comment.
    Comment(Word<'a>),
    /// A statement that could not be read.
    Broken,
}

/// What a statement does beside matching.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Effect<'a> {
    /// A counter, with a name or none; and whether it is an object of the table.
    Count(Option<Word<'a>>, bool),
    /// An object that a map picks, for packets it has one for.
    Picks(Expr<'a>),
    /// `log`
    Log,
    /// Writes a field of the packet.
    Write(Load, Expr<'a>),
    /// Sends a copy elsewhere.
    Copies(Vec<Expr<'a>>),
    /// An object of the table, by its kind and name.
    Uses(&'static str, Word<'a>),
    /// Says when a packet came last.
    Last,
    /// Anything else, by its words; the packet is looked at as if it were not there.
    Other(&'static str),
}

/// A statement with its place.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Statement<'a> {
    pub(super) kind: Kind<'a>,
    pub(super) span: Span,
}
