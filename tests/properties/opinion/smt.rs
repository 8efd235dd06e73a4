//! Conditions in SMT-LIB: a third reader of their meaning, which asks the solver z3.
//!
//! Nothing of the stage under test is used: not its laws between fields, not its layout, not the needs of the field
//! table. A packet is written down here as the standards have it, octets and header lengths, and every field is what
//! a reader of these finds: IPv4 with options, IPv6 with a chain of extension headers that may break off, later
//! fragments, jumbograms, packets too short for the header they announce. Where our model is deliberately loose, this
//! is as loose: extension headers of an IPv6 packet take eight octets or more, not a multiple of eight. Fields outside
//! [`field`] are not spoken of: link layer, IP options, what stands further behind.

use crate::programs::program;
use flowgate::field::{Field, Headers, Reading};
use flowgate::ir::{Condition, ValueSetRef};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

/// Milliseconds for one question; most take less than one.
const QUESTION_MS: u32 = 60_000;

/// A packet: what it is made of, what follows from that, and what holds for every one.
const PACKET: &str = "
(declare-const six Bool)
(declare-const src4 (_ BitVec 32))
(declare-const dst4 (_ BitVec 32))
(declare-const src6 (_ BitVec 128))
(declare-const dst6 (_ BitVec 128))
(declare-const words (_ BitVec 4))
(declare-const tos (_ BitVec 8))
(declare-const ttl (_ BitVec 8))
(declare-const flow (_ BitVec 20))
(declare-const id (_ BitVec 16))
(declare-const df (_ BitVec 1))
(declare-const mf (_ BitVec 1))
(declare-const offset (_ BitVec 13))
(declare-const next (_ BitVec 8))
; Of IPv6: which extension headers, how many octets of them, what stands behind, whether they break off before that.
(declare-const chain (_ BitVec 9))
(declare-const chained (_ BitVec 32))
(declare-const upper (_ BitVec 8))
(declare-const broken Bool)
(declare-const jumbo Bool)
(declare-const total (_ BitVec 32))
(declare-const behind (_ BitVec 128))
; What the device knows.
(declare-const state (_ BitVec 3))
(declare-const mark (_ BitVec 32))
(declare-const input (_ BitVec 32))
(declare-const is_input Bool)
(declare-const output (_ BitVec 32))
(declare-const is_output Bool)

(define-fun bit ((at (_ BitVec 9))) Bool (distinct (bvand chain at) #b000000000))
(define-fun one ((at (_ BitVec 9))) (_ BitVec 32) (ite (bit at) #x00000001 #x00000000))
(declare-const walked Bool)
(assert (= walked (and six (bit #b111011111))))
(declare-const count (_ BitVec 32))
(assert (= count (bvadd (one #b000000001) (one #b000000010) (one #b000000100) (one #b000001000)
  (one #b000010000) (one #b001000000) (one #b010000000) (one #b100000000))))
(declare-const fragments Bool)
(assert (= fragments (or (not six) (bit #b000000100))))
(declare-const place (_ BitVec 13))
(assert (= place (ite fragments offset #b0000000000000)))
(declare-const later Bool)
(assert (= later (distinct place #b0000000000000)))
(declare-const lost Bool)
(assert (= lost (and six broken)))
(declare-const proto (_ BitVec 8))
(assert (= proto (ite six upper next)))
(define-fun is_extension ((of (_ BitVec 8))) Bool
  (or (= of #x00) (= of #x2b) (= of #x2c) (= of #x33) (= of #x3c) (= of #x87) (= of #x8b) (= of #x8c)))
(declare-const headers (_ BitVec 32))
(assert (= headers
  (ite six (bvadd #x00000028 chained) (concat #b00000000000000000000000000 words #b00))))
(declare-const rest (_ BitVec 32))
(assert (= rest (bvsub total headers)))
(declare-const room (_ BitVec 5))
(assert (= room
  (ite (and lost (not later)) #b00000 (ite (bvuge rest #x0000001f) #b11111 ((_ extract 4 0) rest)))))
(declare-const located (_ BitVec 3))
(assert (= located
  (ite later #b001 (ite lost #b100 (ite (= proto #x32) #b010 (ite (= proto #x3b) #b011 #b000))))))
(declare-const found Bool)
(assert (= found (= located #b000)))
(declare-const has_ports Bool)
(assert (= has_ports (and found
  (or (= proto #x06) (= proto #x11) (= proto #x21) (= proto #x84) (= proto #x88)))))

(assert (bvule state #b100))
(assert (or six (and (bvuge words #x5) (bvuge total headers) (bvule total #x0000ffff))))
(assert (=> six (and (or jumbo (bvule total #x00010027)) (bvule chained #x00010000)
  (ite (and lost (not later)) (bvuge total #x00000028) (bvuge total headers)))))
(assert (=> (and six jumbo) (bit #b000000001)))
(assert (=> (and six (not walked)) (and (= chained #x00000000) (not broken) (= upper next))))
(assert (=> (and walked (not (and lost (not later)))) (bvuge chained (bvshl count #x00000003))))
(assert (=> walked (or
  (and (= next #x00) (bit #b000000001)) (and (= next #x2b) (bit #b000000010))
  (and (= next #x2c) (bit #b000000100)) (and (= next #x3c) (bit #b000001000))
  (and (= next #x33) (bit #b000010000)) (and (= next #x87) (bit #b001000000))
  (and (= next #x8b) (bit #b010000000)) (and (= next #x8c) (bit #b100000000)))))
(assert (=> (and six (not broken)) (not (is_extension upper))))
(assert (=> (and six (bit #b000100000)) (and (not broken) (= upper #x32))))
";

/// A field: its width in bits, its value and when it is there. None of those that are not spoken of.
fn field(field: Field) -> Option<(u32, &'static str, &'static str)> {
    use Field as F;
    Some(match field {
        F::IpVersion => (4, "(ite six #x6 #x4)", "true"),
        F::Src4 => (32, "src4", "(not six)"),
        F::Dst4 => (32, "dst4", "(not six)"),
        F::Src6 => (128, "src6", "six"),
        F::Dst6 => (128, "dst6", "six"),
        F::Len => (17, "((_ extract 16 0) total)", "(not (and six jumbo))"),
        F::HdrLen => (4, "words", "(not six)"),
        F::Dscp => (6, "((_ extract 7 2) tos)", "true"),
        F::Ecn => (2, "((_ extract 1 0) tos)", "true"),
        F::Ttl => (8, "ttl", "true"),
        F::FlowLabel => (20, "flow", "six"),
        F::IpId => (16, "id", "(not six)"),
        F::Df => (1, "df", "(not six)"),
        F::Mf => (1, "mf", "fragments"),
        F::IsFragHeader => (1, "(ite fragments #b1 #b0)", "true"),
        F::FragOff => (13, "place", "true"),
        F::ProtoField => (8, "next", "true"),
        F::Proto => (8, "proto", "(not lost)"),
        F::ExtHdrs => (9, "chain", "six"),
        F::L4Status => (3, "located", "true"),
        F::L4Room => (5, "room", "true"),
        F::Sport => (16, "((_ extract 127 112) behind)", "(and has_ports (bvuge room #b00010))"),
        F::Dport => (16, "((_ extract 111 96) behind)", "(and has_ports (bvuge room #b00100))"),
        F::TcpFlags => (12, "((_ extract 27 16) behind)", "(and found (= proto #x06) (bvuge room #b01110))"),
        F::IcmpType => (8, "((_ extract 127 120) behind)", "(and found (= proto #x01) (bvuge room #b00001))"),
        F::IcmpCode => (8, "((_ extract 119 112) behind)", "(and found (= proto #x01) (bvuge room #b00010))"),
        F::Icmp6Type => {
            (8, "((_ extract 127 120) behind)", "(and found (= proto #x3a) (bvuge room #b00001))")
        }
        F::Icmp6Code => {
            (8, "((_ extract 119 112) behind)", "(and found (= proto #x3a) (bvuge room #b00010))")
        }
        F::RawPort0 => (16, "((_ extract 127 112) behind)", "(bvuge room #b00010)"),
        F::RawPort1 => (16, "((_ extract 111 96) behind)", "(bvuge room #b00100)"),
        F::RawOctet0 => (8, "((_ extract 127 120) behind)", "(bvuge room #b00001)"),
        F::RawOctet1 => (8, "((_ extract 119 112) behind)", "(bvuge room #b00010)"),
        F::RawOctet13 => (8, "((_ extract 23 16) behind)", "(bvuge room #b01110)"),
        F::RawWord0 => (32, "((_ extract 127 96) behind)", "(bvuge room #b00100)"),
        F::RawWord1 => (32, "((_ extract 95 64) behind)", "(bvuge room #b01000)"),
        F::CtState => (3, "state", "true"),
        F::Mark => (32, "mark", "true"),
        F::InIface => (32, "input", "is_input"),
        F::OutIface => (32, "output", "is_output"),
        _ => return None,
    })
}

/// Whether every part of a condition is spoken of.
pub(crate) fn speaks(condition: &Condition) -> bool {
    let mut all = true;
    condition.visit(&mut |part| {
        all &= match part {
            Condition::Test(test) => field(test.field()).is_some(),
            Condition::Opaque(opaque) => speaks(&opaque.over) && speaks(&opaque.under),
            _ => true,
        };
    });
    all
}

fn number(value: u128, width: u32) -> String {
    format!("(_ bv{value} {width})")
}

fn largest(width: u32) -> u128 {
    1_u128.checked_shl(width).map_or(u128::MAX, |end| end - 1)
}

/// The values from `lo` to `hi`: of an aligned block the bits in front of it.
fn within(value: &str, width: u32, lo: u128, hi: u128) -> String {
    let hi = hi.min(largest(width));
    if lo > hi {
        return "false".to_owned();
    }
    let free = (lo ^ hi).checked_ilog2().map_or(0, |bit| bit + 1);
    let block = largest(free);
    if lo & block == 0 && hi & block == block {
        if free >= width {
            return "true".to_owned();
        }
        if free == 0 {
            return format!("(= {value} {})", number(lo, width));
        }
        return format!(
            "(= ((_ extract {} {free}) {value}) {})",
            width - 1,
            number(lo >> free, width - free)
        );
    }
    format!("(and (bvule {} {value}) (bvule {value} {}))", number(lo, width), number(hi, width))
}

fn any(parts: impl IntoIterator<Item = String>) -> String {
    format!("(or false {})", parts.into_iter().collect::<Vec<_>>().join(" "))
}

fn values(value: &str, width: u32, set: ValueSetRef<'_>) -> String {
    match set {
        ValueSetRef::Ranges(set) => {
            any(set.ranges().map(|(lo, hi)| within(value, width, lo.into(), hi.into())))
        }
        ValueSetRef::Wide(set) => any(set.ranges().map(|(lo, hi)| within(value, width, lo, hi))),
        ValueSetRef::Bits(set) => any(set.patterns().iter().map(|pattern| {
            if pattern.value > largest(width) {
                return "false".to_owned();
            }
            let mask = number(pattern.mask & largest(width), width);
            format!("(= (bvand {value} {mask}) {})", number(pattern.value, width))
        })),
    }
}

/// One conversation with the solver, written down before it is held.
pub(crate) struct Script {
    text: String,
    // What each question is about, and whether it has an answer, as expected.
    expected: Vec<(String, bool)>,
    opaque: BTreeSet<Box<str>>,
}

impl Script {
    pub(crate) fn new() -> Self {
        Self { text: PACKET.to_owned(), expected: Vec::new(), opaque: BTreeSet::new() }
    }

    pub(crate) fn push(&mut self) {
        self.text.push_str("(push)\n");
    }

    pub(crate) fn pop(&mut self) {
        self.text.push_str("(pop)\n");
    }

    pub(crate) fn assert(&mut self, formula: &str) {
        writeln!(self.text, "(assert {formula})").unwrap();
    }

    /// Gives a name to a formula, until the next pop. A definition would be put in the place of the name each time.
    pub(crate) fn define(&mut self, name: &str, sort: &str, formula: &str) {
        writeln!(self.text, "(declare-const {name} {sort})\n(assert (= {name} {formula}))").unwrap();
    }

    /// Asks whether a packet meets all that is asserted, and these names or their opposites: the solver keeps what it
    /// learns from one such question for the next. It is a mistake if there is one and `some` says no, or the other
    /// way round.
    pub(crate) fn ask(&mut self, names: &[String], some: bool, about: String) {
        writeln!(self.text, "(check-sat-assuming ({}))", names.join(" ")).unwrap();
        self.expected.push((about, some));
    }

    /// How many questions there are.
    pub(crate) fn questions(&self) -> usize {
        self.expected.len()
    }

    /// A condition as a formula. Every part must be spoken of.
    pub(crate) fn formula(&mut self, condition: &Condition) -> String {
        match condition {
            Condition::True => "true".to_owned(),
            Condition::False => "false".to_owned(),
            Condition::Test(test) => {
                let (width, value, present) = field(test.field()).unwrap();
                format!("(and {present} {})", values(value, width, test.values()))
            }
            Condition::And(parts) => {
                let parts: Vec<String> = parts.iter().map(|part| self.formula(part)).collect();
                format!("(and true {})", parts.join(" "))
            }
            Condition::Or(parts) => {
                let parts: Vec<String> = parts.iter().map(|part| self.formula(part)).collect();
                any(parts)
            }
            Condition::Not(part) => format!("(not {})", self.formula(part)),
            Condition::Opaque(opaque) => {
                let (over, under) = (self.formula(&opaque.over), self.formula(&opaque.under));
                let name = format!("|opaque {}|", opaque.id);
                self.opaque.insert(opaque.id.clone());
                format!("(or {under} (and {over} {name}))")
            }
        }
    }

    /// That a packet has these headers, as far as they are known and spoken of.
    pub(crate) fn packet(headers: &Headers) -> String {
        let mut parts = Vec::new();
        for info in flowgate::field::FIELDS {
            let Some((width, value, present)) = field(info.field) else { continue };
            match headers.get(info.field) {
                Reading::Value(is) => parts.push(format!("(and {present} {})", within(value, width, is, is))),
                Reading::Absent => parts.push(format!("(not {present})")),
                Reading::Cut => {}
            }
        }
        format!("(and true {})", parts.join(" "))
    }

    /// All of it, as the solver reads it.
    pub(crate) fn text(&self) -> String {
        let opaque: String = self
            .opaque
            .iter()
            .map(|id| format!("(declare-const |opaque {id}| Bool)\n"))
            .collect::<Vec<_>>()
            .concat();
        format!("(set-option :timeout {QUESTION_MS})\n(set-logic QF_BV)\n{opaque}{}", self.text)
    }

    /// The questions that have another answer than expected, and how many took the solver too long; none without it.
    pub(crate) fn wrong(&self) -> Option<(Vec<String>, usize)> {
        let solver = program("z3")?;
        let text = self.text();
        let mut child = Command::new(solver)
            .args(["-in", "-smt2"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        let writer = std::thread::spawn(move || input.write_all(text.as_bytes()));
        let output = child.wait_with_output().unwrap();
        // A solver that gives up reads no further: what it said tells why.
        let written = writer.join().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let answers: Vec<&str> = said.lines().collect();
        assert!(written.is_ok() && !said.contains("error"), "{}", answers.join("\n"));
        assert_eq!(answers.len(), self.expected.len(), "{}", answers.join("\n"));
        let mut wrong = Vec::new();
        for ((about, some), answer) in self.expected.iter().zip(&answers) {
            if !["unknown", if *some { "sat" } else { "unsat" }].contains(answer) {
                wrong.push(format!("{about}: z3 says {answer}, not {some}"));
            }
        }
        Some((wrong, answers.iter().filter(|answer| **answer == "unknown").count()))
    }
}
