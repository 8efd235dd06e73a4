//! Suites of cases for `flowgate test`, as TOML: which rules, and what is expected of which packets.
//!
//! Unknown keys and values are errors with their place: a case that is misread tests nothing.

use super::{ConfigError, nearest, wrong};
use crate::campaign::cases::{Expectation, Expected};
use crate::source::Span;
use serde::{Deserialize, Serialize};
use toml::Spanned;

/// A suite that was read; what its cases are about is read once its rules are known.
#[derive(Clone, Debug)]
pub struct Suite {
    /// The rules, by a path from the folder of the suite; none where the command line must say.
    pub rules: Option<Spanned<String>>,
    /// How the rules are read.
    pub reading: SuiteReading,
    /// Whether every packet is taken for the first of its connection.
    pub first_packet: bool,
    /// The cases in the order written.
    pub cases: Vec<SuiteCase>,
}

/// How the rules of a suite are read, in the words of the command line.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct SuiteReading {
    /// Their dialect.
    pub dialect: Option<Spanned<String>>,
    /// What a flow rule without an action is taken to do.
    pub assume_action: Option<Spanned<String>>,
    /// The address family of rules whose text says none.
    pub family: Option<Spanned<String>>,
    /// The link type that filter expressions are compiled for.
    pub link_type: Option<Spanned<String>>,
    /// Ways of reading that implementations differ in.
    pub variant: Vec<Spanned<String>>,
}

/// What a case is about, in words.
#[derive(Clone, Debug)]
pub enum About {
    /// One packet.
    Packet(Spanned<String>),
    /// Every packet that an expression holds for.
    Region(Spanned<String>),
}

/// One case as written.
#[derive(Clone, Debug)]
pub struct SuiteCase {
    /// Its name.
    pub name: Spanned<String>,
    /// What it is about.
    pub about: About,
    /// What it expects.
    pub expected: Expectation,
    /// Where the rule it expects is named.
    pub rule: Option<Spanned<String>>,
    /// The rule set that packets enter by, where the case says one.
    pub rule_set: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Raw {
    rules: Option<Spanned<String>>,
    #[serde(default)]
    first_packet: bool,
    #[serde(default)]
    reading: SuiteReading,
    #[serde(default)]
    case: Vec<Spanned<RawCase>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawCase {
    name: Spanned<String>,
    packet: Option<Spanned<String>>,
    region: Option<Spanned<String>>,
    expect: Spanned<String>,
    rule: Option<Spanned<String>>,
    rule_set: Option<Spanned<String>>,
}

impl Suite {
    /// Reads the text of a suite.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let raw: Raw = toml::from_str(text).map_err(|error| ConfigError::of(&error))?;
        if raw.case.is_empty() {
            return Err(ConfigError { span: Span::default(), message: "there is no `[[case]]`".to_owned() });
        }
        let cases = raw.case.into_iter().map(case).collect::<Result<_, _>>()?;
        Ok(Self { rules: raw.rules, reading: raw.reading, first_packet: raw.first_packet, cases })
    }
}

fn case(raw: Spanned<RawCase>) -> Result<SuiteCase, ConfigError> {
    let start = raw.span().start;
    let head = Span::new(start, start.saturating_add("[[case]]".len()).min(raw.span().end));
    let missing = |message: &str| ConfigError { span: head, message: message.to_owned() };
    let RawCase { name, packet, region, expect, rule, rule_set } = raw.into_inner();
    let about = match (packet, region) {
        (Some(packet), None) => About::Packet(packet),
        (None, Some(region)) => About::Region(region),
        (None, None) => return Err(missing("a case needs a `packet` or a `region`")),
        (Some(_), Some(region)) => {
            return Err(wrong(&region, "a case is about a `packet` or a `region`, not both"));
        }
    };
    let Some(verdict) = Expected::by_name(expect.get_ref()) else {
        let names = Expected::NAMES;
        let hint = nearest(expect.get_ref(), names.into_iter());
        let hint = hint.map(|near| format!("; is `{near}` meant?")).unwrap_or_default();
        let message = format!("`{}` is no verdict: they are {}{hint}", expect.get_ref(), names.join(", "));
        return Err(wrong(&expect, message));
    };
    let expected = Expectation { verdict, rule: rule.as_ref().map(|rule| rule.get_ref().clone()) };
    Ok(SuiteCase { name, about, expected, rule, rule_set })
}

/// A suite to be written.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct NewSuite {
    /// The rules, by a path from the folder of the suite; none where the command line must say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rules: Option<String>,
    /// Whether every packet is taken for the first of its connection.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub first_packet: bool,
    /// How the rules are read, where not by themselves.
    #[serde(skip_serializing_if = "NewReading::is_empty")]
    pub reading: NewReading,
    /// The cases.
    pub case: Vec<NewCase>,
}

/// As [`SuiteReading`].
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct NewReading {
    /// As [`SuiteReading::dialect`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dialect: Option<String>,
    /// As [`SuiteReading::assume_action`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assume_action: Option<String>,
    /// As [`SuiteReading::family`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
    /// As [`SuiteReading::link_type`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link_type: Option<String>,
    /// As [`SuiteReading::variant`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub variant: Vec<String>,
}

impl NewReading {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A case to be written.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct NewCase {
    /// Its name.
    pub name: String,
    /// The packet in words.
    pub packet: String,
    /// The verdict.
    pub expect: &'static str,
    /// The rule that decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The rule set that packets enter by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule_set: Option<String>,
}

impl NewSuite {
    /// The text of the suite.
    pub fn print(&self) -> Result<String, toml::ser::Error> {
        toml::to_string(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_said_at_its_place() {
        let case = "[[case]]\nname = \"x\"\n";
        let cases = [
            ("rules = \"a\"".to_owned(), "", "no `[[case]]`"),
            (format!("rule = \"a\"\n{case}packet = \"a\"\nexpect = \"drop\""), "rule", "unknown field"),
            (format!("{case}expect = \"accept\""), "[[case]]", "needs a `packet`"),
            (format!("{case}packet = \"a\"\nexpect = \"acept\""), "\"acept\"", "is `accept` meant"),
            (format!("{case}packet = \"a\""), "", "missing field `expect`"),
            (format!("{case}packet = \"a\"\nregion = \"b\"\nexpect = \"drop\""), "\"b\"", "not both"),
            (format!("{case}region = 5\nexpect = \"drop\""), "5", "invalid type"),
        ];
        for (text, place, message) in cases {
            let error = Suite::parse(&text).unwrap_err();
            assert!(error.message.contains(message), "{text}: {error}");
            if !place.is_empty() {
                assert_eq!(text.get(error.span.range()), Some(place), "{text}: {error}");
            }
        }
    }

    #[test]
    fn whatever_names_hold_is_read_as_written() {
        let hard = "a \"quote\" 'and' \\ [[case]]\n# no comment\u{7f}\u{0}\ttab = \u{202e}é";
        let new = NewSuite {
            rules: Some(hard.to_owned()),
            first_packet: true,
            reading: NewReading { variant: vec![hard.to_owned()], ..NewReading::default() },
            case: vec![NewCase {
                name: hard.to_owned(),
                packet: hard.to_owned(),
                expect: "drop",
                rule: Some(hard.to_owned()),
                rule_set: Some(hard.to_owned()),
            }],
        };
        let suite = Suite::parse(&new.print().unwrap()).unwrap();
        assert_eq!(suite.rules.unwrap().get_ref(), hard);
        assert!(suite.first_packet && suite.reading.variant[0].get_ref() == hard);
        let case = &suite.cases[0];
        assert_eq!((case.name.get_ref().as_str(), case.expected.verdict), (hard, Expected::Drop));
        assert_eq!(case.expected.rule.as_deref(), Some(hard));
        assert!(matches!(&case.about, About::Packet(text) if text.get_ref() == hard));
    }
}
