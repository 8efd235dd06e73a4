//! What came of suites of cases, and which rules they touched, for people and programs.

use super::json::v1::{Position, TOOL, Tool, VERSION};
use super::rule::{Rule1, Rules};
use super::{clean, count, json, share};
use crate::campaign::cases::{Answer, Expectation, Fated};
use crate::eval::Hit;
use crate::packet::words;
use crate::source::{LineColumn, Place};
use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};
use serde::Serialize;
use std::collections::BTreeSet;
use std::io::{self, Write};

/// What a case is about, in the words of its suite.
#[derive(Clone, Copy, Debug)]
pub enum Subject<'a> {
    /// One packet.
    Packet(&'a str),
    /// Every packet that an expression holds for.
    Region(&'a str),
}

/// A case and what came of it.
#[derive(Debug)]
pub struct Tested<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it is about.
    pub about: Subject<'a>,
    /// What it expects.
    pub expected: &'a Expectation,
    /// Where it stands in its suite.
    pub at: LineColumn,
    /// What came of it.
    pub answer: Answer,
}

/// A suite and what came of its cases.
#[derive(Debug)]
pub struct SuiteRun<'a> {
    /// Its path.
    pub path: String,
    /// Its rules.
    pub rules: Rules<'a>,
    /// Its cases in order.
    pub cases: Vec<Tested<'a>>,
}

/// Which rules of a file the cases of all its suites touched.
#[derive(Debug)]
pub struct Coverage<'a> {
    /// The file.
    pub path: String,
    /// The rules.
    pub rules: Rules<'a>,
    /// Those that can be touched, in order.
    pub all: Vec<Hit>,
    /// Those that were.
    pub covered: &'a BTreeSet<Hit>,
}

impl Coverage<'_> {
    fn uncovered(&self) -> impl Iterator<Item = Hit> + '_ {
        self.all.iter().copied().filter(|hit| !self.covered.contains(hit))
    }

    fn numbers(&self) -> [u64; 2] {
        let touched = self.all.iter().filter(|hit| self.covered.contains(hit)).count();
        [touched, self.all.len()].map(|number| u64::try_from(number).unwrap_or(u64::MAX))
    }
}

/// What came of a run.
#[derive(Debug)]
pub struct Tests<'a> {
    /// The suites in the order given.
    pub suites: Vec<SuiteRun<'a>>,
    /// Which rules were touched, file by file.
    pub coverage: Vec<Coverage<'a>>,
}

/// How many cases came to what.
#[derive(Clone, Copy, Default, Serialize)]
struct Summary {
    cases: u64,
    passed: u64,
    failed: u64,
    inconclusive: u64,
}

impl Tests<'_> {
    fn summary(&self) -> Summary {
        let mut summary = Summary::default();
        for tested in self.suites.iter().flat_map(|suite| &suite.cases) {
            summary.cases += 1;
            match tested.answer {
                Answer::Passed => summary.passed += 1,
                Answer::Failed(_) => summary.failed += 1,
                Answer::Open(_) | Answer::Empty => summary.inconclusive += 1,
            }
        }
        summary
    }

    /// Whether some case failed.
    pub fn fails(&self) -> bool {
        self.summary().failed > 0
    }

    /// Whether some case has no answer.
    pub fn is_open(&self) -> bool {
        self.summary().inconclusive > 0
    }

    /// Whether less than this many percent of the rules of some file were touched.
    pub fn covers_less(&self, percent: u8) -> bool {
        self.coverage.iter().any(|coverage| {
            let [touched, all] = coverage.numbers();
            touched.saturating_mul(100) < all.saturating_mul(u64::from(percent))
        })
    }

    /// Writes it for people; `uncovered` with the rules no case touched.
    pub fn write_terminal(&self, uncovered: bool, quiet: bool, out: &mut dyn Write) -> io::Result<()> {
        for suite in &self.suites {
            for tested in &suite.cases {
                let word = match tested.answer {
                    Answer::Passed => continue,
                    Answer::Failed(_) => "failed",
                    Answer::Open(_) | Answer::Empty => "no answer",
                };
                let place = format!("{}:{}:{}", clean(&suite.path), tested.at.line, tested.at.column);
                writeln!(out, "{word}: {} ({place})", clean(tested.name))?;
                for (name, text) in suite.details(tested) {
                    writeln!(out, "  {name:<9} {}", clean(&text))?;
                }
                writeln!(out)?;
            }
        }
        for coverage in self.coverage.iter().filter(|_| uncovered) {
            let rules: Vec<Hit> = coverage.uncovered().collect();
            if !rules.is_empty() {
                writeln!(out, "{}: no case touches", clean(&coverage.path))?;
                for hit in rules {
                    writeln!(out, "  {}", coverage.rules.named(hit))?;
                }
                writeln!(out)?;
            }
        }
        if quiet {
            return Ok(());
        }
        let Summary { cases, passed, failed, inconclusive } = self.summary();
        write!(out, "{}: {passed} passed, {failed} failed", count(cases, "case"))?;
        if inconclusive > 0 {
            write!(out, ", {inconclusive} without an answer")?;
        }
        writeln!(out)?;
        for coverage in &self.coverage {
            let [touched, all] = coverage.numbers();
            let rules = count(all, "rule");
            writeln!(
                out,
                "{}: {} of {rules} touched by cases ({})",
                clean(&coverage.path),
                count(touched, ""),
                share(touched, all)
            )?;
        }
        Ok(())
    }

    /// Writes it for programs.
    pub fn write_json(&self, out: &mut dyn Write) -> io::Result<()> {
        let document = Document1 {
            version: VERSION,
            tool: TOOL,
            summary: self.summary(),
            suites: self.suites.iter().map(SuiteRun::json).collect(),
            coverage: self.coverage.iter().map(Coverage::json).collect(),
        };
        json::document(&document, out)
    }

    /// Writes it as `JUnit` writes it, for build servers.
    pub fn write_junit(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut report = quick_junit::Report::new("flowgate test");
        for run in &self.suites {
            let mut suite = TestSuite::new(clean(&run.path).into_owned());
            for tested in &run.cases {
                let name = clean(tested.name).into_owned();
                let mut case = TestCase::new(name, run.status(tested));
                case.set_classname(clean(&run.path).into_owned());
                suite.add_test_case(case);
            }
            report.add_test_suite(suite);
        }
        report.serialize(out).map_err(io::Error::other)
    }
}

impl SuiteRun<'_> {
    /// What a case that did not pass is about, and what was found.
    fn details(&self, tested: &Tested<'_>) -> Vec<(&'static str, String)> {
        let symbols = &self.rules.document.symbols;
        let mut list = Vec::new();
        match tested.about {
            Subject::Packet(text) => list.push(("packet", text.to_owned())),
            Subject::Region(text) => list.push(("region", text.to_owned())),
        }
        let expected = tested.expected.verdict.name();
        let by = tested.expected.rule.as_ref().map(|rule| format!(", by rule `{rule}`"));
        list.push(("expected", format!("{expected}{}", by.unwrap_or_default())));
        match &tested.answer {
            Answer::Failed(fated) => {
                list.push(("found", self.rules.given(fated.verdict, fated.rule)));
                if matches!(tested.about, Subject::Region(_)) {
                    list.push(("of", words::print(&fated.packet, symbols)));
                }
            }
            Answer::Open(why) => list.push(("because", why.clone())),
            Answer::Passed | Answer::Empty => {}
        }
        list
    }

    fn status(&self, tested: &Tested<'_>) -> TestCaseStatus {
        let (kind, of) = match &tested.answer {
            Answer::Passed => return TestCaseStatus::success(),
            Answer::Failed(_) => (NonSuccessKind::Failure, "failed"),
            Answer::Open(_) | Answer::Empty => (NonSuccessKind::Error, "inconclusive"),
        };
        let mut status = TestCaseStatus::non_success(kind);
        let details = self.details(tested);
        let message = details.iter().find(|(name, _)| matches!(*name, "found" | "because"));
        status.set_type(of);
        status.set_message(message.map_or(String::new(), |(_, text)| clean(text).into_owned()));
        let lines = details.iter().map(|(name, text)| format!("{name}: {}", clean(text)));
        let place = format!("{}:{}:{}", clean(&self.path), tested.at.line, tested.at.column);
        status.set_description(std::iter::once(place).chain(lines).collect::<Vec<_>>().join("\n"));
        status
    }

    fn json(&self) -> Suite1 {
        Suite1 { path: self.path.clone(), cases: self.cases.iter().map(|tested| self.case(tested)).collect() }
    }

    fn case(&self, tested: &Tested<'_>) -> Case1 {
        let (packet, region) = match tested.about {
            Subject::Packet(text) => (Some(text.to_owned()), None),
            Subject::Region(text) => (None, Some(text.to_owned())),
        };
        let (status, found, because) = match &tested.answer {
            Answer::Passed => ("passed", None, None),
            Answer::Failed(fated) => ("failed", Some(self.found(fated)), None),
            Answer::Open(why) => ("inconclusive", None, Some(why.clone())),
            Answer::Empty => ("inconclusive", None, None),
        };
        Case1 {
            name: tested.name.to_owned(),
            start: Position::of(Place::Text(tested.at)),
            packet,
            region,
            expect: tested.expected.verdict.name(),
            rule: tested.expected.rule.clone(),
            status,
            found,
            because,
        }
    }

    fn found(&self, fated: &Fated) -> Found1 {
        Found1 {
            packet: words::print(&fated.packet, &self.rules.document.symbols),
            verdict: fated.verdict.name(),
            rule: fated.rule.and_then(|hit| self.rules.json(hit)),
        }
    }
}

impl Coverage<'_> {
    fn json(&self) -> Coverage1 {
        let [touched, rules] = self.numbers();
        let uncovered = self.uncovered().filter_map(|hit| self.rules.json(hit)).collect();
        Coverage1 { path: self.path.clone(), rules, touched, uncovered }
    }
}

#[derive(Serialize)]
struct Document1 {
    version: u32,
    tool: Tool,
    summary: Summary,
    suites: Vec<Suite1>,
    coverage: Vec<Coverage1>,
}

#[derive(Serialize)]
struct Suite1 {
    path: String,
    cases: Vec<Case1>,
}

#[derive(Serialize)]
struct Case1 {
    name: String,
    start: Position,
    #[serde(skip_serializing_if = "Option::is_none")]
    packet: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<String>,
    expect: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<Found1>,
    #[serde(skip_serializing_if = "Option::is_none")]
    because: Option<String>,
}

#[derive(Serialize)]
struct Found1 {
    packet: String,
    verdict: &'static str,
    rule: Option<Rule1>,
}

#[derive(Serialize)]
struct Coverage1 {
    path: String,
    rules: u64,
    touched: u64,
    uncovered: Vec<Rule1>,
}
