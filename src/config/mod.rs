//! `flowgate.toml`: what the user says of the network, of the checks, and of findings that are accepted.
//!
//! Unknown keys, checks and values are errors with their place: a policy that is misread is no policy.

mod allow;
mod date;
mod platform;
mod suite;

pub use allow::{Allow, Suppression, suppress};
pub use date::{Date, ParseDateError};
pub use platform::parse_device;
pub use suite::{About, NewCase, NewReading, NewSuite, Suite, SuiteCase, SuiteReading};

use crate::check::{CHECKS, PatternEngine, PatternSettings, Protected, Settings};
use crate::cost::Platform;
use crate::diagnostic::Level;
use crate::net::{Prefix4, Prefix6};
use crate::query;
use crate::source::Span;
use globset::{GlobBuilder, GlobMatcher};
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

/// The name of the file.
pub const FILE_NAME: &str = "flowgate.toml";

/// Checks no suppression reaches, unless the file says otherwise.
const NEVER_ALLOW: [&str; 3] = ["protected-flow", "value-out-of-range", "cost-over-limit"];

/// What a `flowgate.toml` says.
#[derive(Clone, Debug)]
pub struct Config {
    /// The level from which findings fail the run; none when not said.
    pub fail_on: Option<Level>,
    /// Checks no suppression reaches.
    pub never_allow: Vec<String>,
    /// What checks look at.
    pub settings: Settings,
    /// Findings that are accepted for a time.
    pub allows: Vec<Allow>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            fail_on: None,
            never_allow: NEVER_ALLOW.map(str::to_owned).into(),
            settings: Settings::default(),
            allows: Vec::new(),
        }
    }
}

/// Why a `flowgate.toml` cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{message}")]
pub struct ConfigError {
    /// Where, in octets of the text.
    pub span: Span,
    /// What is wrong.
    pub message: String,
}

impl ConfigError {
    fn of(error: &toml::de::Error) -> Self {
        let span = error.span().unwrap_or_default();
        Self { span: Span::new(span.start, span.end), message: error.message().replace('\n', ", ") }
    }

    /// What is wrong inside of a text of the file, at an octet of it.
    pub fn inside(text: &Spanned<String>, offset: usize, message: impl Into<String>) -> Self {
        // The text stands behind its opening quote.
        let start = text.span().start.saturating_add(1).saturating_add(offset);
        let end = start.max(text.span().end.saturating_sub(1));
        Self { span: Span::new(start, end), message: message.into() }
    }

    /// What is wrong with a whole text of the file.
    pub fn at(text: &Spanned<String>, message: impl Into<String>) -> Self {
        wrong(text, message)
    }
}

impl Config {
    /// Reads the text of a `flowgate.toml` that names no profile of its own.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        Self::parse_with(text, &mut |_| Err("profiles in files are not read here".to_owned()))
    }

    /// Reads the text of a `flowgate.toml`; `profile` reads a profile by its path, or says why it cannot.
    pub fn parse_with(
        text: &str,
        profile: &mut dyn FnMut(&str) -> Result<Platform, String>,
    ) -> Result<Self, ConfigError> {
        let raw: Raw = toml::from_str(text).map_err(|error| ConfigError::of(&error))?;
        let mut config = Self::default();
        if let Some(level) = raw.gate.fail_on {
            config.fail_on = Some(level_of(&level)?);
        }
        if let Some(list) = raw.gate.never_allow {
            config.never_allow = list.iter().map(check_name).collect::<Result<_, _>>()?;
        }
        network(&raw.network, &mut config.settings)?;
        let limits = &mut config.settings.change;
        for (given, limit) in [
            (&raw.change.share, &mut limits.share),
            (&raw.change.rules, &mut limits.rules),
            (&raw.change.list, &mut limits.list),
        ] {
            let Some(given) = given else { continue };
            if !(0.0..=1.0).contains(given.get_ref()) {
                return Err(wrong(given, "a part of the whole is from 0 to 1"));
            }
            *limit = *given.get_ref();
        }
        patterns(&raw.regex, &mut config.settings.patterns)?;
        config.settings.protect = raw.protect.iter().map(protect).collect::<Result<_, _>>()?;
        for (name, level) in &raw.checks {
            let level = if level.get_ref() == "off" { None } else { Some(level_of(level)?) };
            config.settings.levels.insert(check_name(name)?, level);
        }
        config.allows = raw.allow.iter().map(allow).collect::<Result<_, _>>()?;
        config.settings.platforms =
            raw.platform.iter().map(|raw| platform::device(raw, profile)).collect::<Result<_, _>>()?;
        Ok(config)
    }
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Raw {
    gate: RawGate,
    network: RawNetwork,
    protect: Vec<RawProtect>,
    checks: BTreeMap<Spanned<String>, Spanned<String>>,
    allow: Vec<RawAllow>,
    platform: Vec<platform::Raw>,
    change: RawChange,
    regex: RawRegex,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct RawRegex {
    engine: Option<Spanned<String>>,
    max_subject: Option<Spanned<u64>>,
    step_budget: Option<Spanned<u64>>,
    max_states: Option<Spanned<u64>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct RawChange {
    #[serde(rename = "max-share")]
    share: Option<Spanned<f64>>,
    #[serde(rename = "max-rules")]
    rules: Option<Spanned<f64>>,
    #[serde(rename = "max-list")]
    list: Option<Spanned<f64>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct RawGate {
    fail_on: Option<Spanned<String>>,
    never_allow: Option<Vec<Spanned<String>>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct RawNetwork {
    mtu: Option<Spanned<u32>>,
    own_prefixes: Vec<Spanned<String>>,
    infrastructure: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawProtect {
    name: String,
    r#match: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAllow {
    check: Spanned<String>,
    path: Option<Spanned<String>>,
    rule: Option<Spanned<String>>,
    reason: Spanned<String>,
    expires: Spanned<String>,
}

fn wrong<T>(place: &Spanned<T>, message: impl Into<String>) -> ConfigError {
    let span = place.span();
    ConfigError { span: Span::new(span.start, span.end), message: message.into() }
}

fn level_of(text: &Spanned<String>) -> Result<Level, ConfigError> {
    let levels = [Level::Note, Level::Warning, Level::Error];
    let found = levels.into_iter().find(|level| level.name() == text.get_ref());
    found.ok_or_else(|| {
        wrong(text, format!("`{}` is no level: they are note, warning, error", text.get_ref()))
    })
}

fn check_name(name: &Spanned<String>) -> Result<String, ConfigError> {
    let text = name.get_ref();
    if crate::check::by_name(text).is_some() {
        return Ok(text.clone());
    }
    let known = CHECKS.iter().map(|check| check.meta().name);
    let hint = nearest(text, known).map(|near| format!("; is `{near}` meant?")).unwrap_or_default();
    Err(wrong(name, format!("there is no check `{text}`{hint}")))
}

/// The known name an unknown one is near to.
pub fn nearest<'a>(text: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let near = known.map(|name| (strsim::damerau_levenshtein(text, name), name)).min()?;
    (near.0 <= 2 + text.len() / 6).then_some(near.1)
}

fn network(raw: &RawNetwork, settings: &mut Settings) -> Result<(), ConfigError> {
    if let Some(mtu) = &raw.mtu {
        // Every IPv4 link carries 68 octets (RFC 791 §3.2); no IP packet is longer than 65,575 (RFC 8200 §3).
        if !(68..=65_575).contains(mtu.get_ref()) {
            return Err(wrong(mtu, format!("an mtu is 68 to 65575 octets, not {}", mtu.get_ref())));
        }
        settings.mtu = Some(*mtu.get_ref());
    }
    (settings.own4, settings.own6) = prefixes(&raw.own_prefixes)?;
    (settings.infrastructure4, settings.infrastructure6) = prefixes(&raw.infrastructure)?;
    Ok(())
}

fn patterns(raw: &RawRegex, settings: &mut PatternSettings) -> Result<(), ConfigError> {
    if let Some(text) = &raw.engine {
        let known = PatternEngine::NAMES.iter().find(|(name, _)| name == text.get_ref());
        let Some((_, engine)) = known else {
            let names = PatternEngine::NAMES.map(|(name, _)| name).join(", ");
            return Err(wrong(text, format!("`{}` is no engine: they are {names}", text.get_ref())));
        };
        settings.engine = *engine;
    }
    let above_zero = |given: &Option<Spanned<u64>>| match given {
        Some(number) if *number.get_ref() == 0 => Err(wrong(number, "a limit is above zero")),
        given => Ok(given.as_ref().map(|number| *number.get_ref())),
    };
    settings.max_subject = above_zero(&raw.max_subject)?;
    settings.step_budget = above_zero(&raw.step_budget)?.unwrap_or(settings.step_budget);
    settings.max_states = above_zero(&raw.max_states)?.unwrap_or(settings.max_states);
    Ok(())
}

fn prefixes(list: &[Spanned<String>]) -> Result<(Vec<Prefix4>, Vec<Prefix6>), ConfigError> {
    let (mut of4, mut of6) = (Vec::new(), Vec::new());
    for text in list {
        match (text.get_ref().parse::<Prefix4>(), text.get_ref().parse::<Prefix6>()) {
            (Ok(prefix), _) => of4.push(prefix),
            (_, Ok(prefix)) => of6.push(prefix),
            _ => return Err(wrong(text, format!("`{}` is no prefix, as 192.0.2.0/24", text.get_ref()))),
        }
    }
    Ok((of4, of6))
}

fn protect(raw: &RawProtect) -> Result<Protected, ConfigError> {
    let place = &raw.r#match;
    let expression = query::parse(place.get_ref(), &[])
        .map_err(|error| ConfigError::inside(place, error.offset, error.message))?;
    match expression.condition() {
        Some(condition) => Ok(Protected { name: raw.name.clone(), condition }),
        None => Err(wrong(place, "a protected flow is said by packets alone, without `verdict` and `rule`")),
    }
}

fn allow(raw: &RawAllow) -> Result<Allow, ConfigError> {
    let span = raw.check.span();
    if raw.reason.get_ref().trim().is_empty() {
        return Err(wrong(&raw.reason, "an allow needs a reason"));
    }
    let expires =
        raw.expires.get_ref().parse().map_err(|e: ParseDateError| wrong(&raw.expires, e.to_string()))?;
    let glob = |text: &Option<Spanned<String>>, paths| text.as_ref().map(|t| pattern(t, paths)).transpose();
    Ok(Allow {
        check: check_name(&raw.check)?,
        path: glob(&raw.path, true)?,
        rule: glob(&raw.rule, false)?,
        expires,
        span: Span::new(span.start, span.end),
    })
}

fn pattern(text: &Spanned<String>, of_path: bool) -> Result<GlobMatcher, ConfigError> {
    let built = GlobBuilder::new(text.get_ref()).literal_separator(of_path).build();
    let glob = built.map_err(|e| wrong(text, format!("`{}` is no pattern: {}", text.get_ref(), e.kind())))?;
    Ok(glob.compile_matcher())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::Field;

    #[test]
    fn everything_a_file_can_say_is_read() {
        let config = Config::parse(
            r#"
            [gate]
            fail-on = "warning"
            never-allow = []
            [network]
            mtu = 9192
            own-prefixes = ["192.0.2.0/24", "2001:db8::/32"]
            infrastructure = ["192.0.2.240/28"]
            [[protect]]
            name = "emergency SIP"
            match = "udp and dport 5060 and dst in 192.0.2.0/28"
            [[platform]]
            use = "ncs55a2-mod-se-s"
            release = "7.6.1"
            budget = { tcam-entries = 3000 }
            attach = [{ rule-set = "EDGE-*", direction = "egress", interfaces = 4, chips = 2 }]
            [regex]
            engine = "automaton"
            max-subject = 8192
            step-budget = 1000000
            max-states = 500
            "#,
        )
        .unwrap();
        assert_eq!((config.fail_on, config.settings.mtu), (Some(Level::Warning), Some(9192)));
        assert!(config.never_allow.is_empty());
        assert_eq!((config.settings.own4.len(), config.settings.own6.len()), (1, 1));
        let tests = config.settings.protect[0].condition.tests().len();
        assert_eq!((tests, config.settings.protect[0].condition.tests()[1].field()), (3, Field::Dport));
        assert_eq!(config.settings.platforms[0].budgets["tcam-entries"], 3000);
        let device = &config.settings.platforms[0];
        assert_eq!((device.name().as_str(), device.attachments[0].interfaces), ("ncs55a2-mod-se-s@7.6.1", 4));
        let PatternSettings { engine, max_subject, step_budget, max_states } = config.settings.patterns;
        assert_eq!(engine, PatternEngine::Automaton);
        assert_eq!((max_subject, step_budget, max_states), (Some(8192), 1_000_000, 500));
    }

    #[test]
    fn what_is_wrong_is_said_at_its_place() {
        let cases = [
            ("[gate]\nfail-on = \"eror\"", "\"eror\"", "is no level"),
            ("[gates]", "gates", "unknown field"),
            ("[network]\nmtu = 20", "20", "68 to 65575"),
            ("[network]\nown-prefixes = [\"10/8\"]", "\"10/8\"", "no prefix"),
            ("[checks]\nno-such-thing = \"off\"", "no-such-thing", "there is no check"),
            ("[[protect]]\nname = \"x\"\nmatch = \"udp and dport 70000\"", "70000", "above 65535"),
            (
                "[[protect]]\nname = \"x\"\nmatch = \"verdict accept\"",
                "\"verdict accept\"",
                "by packets alone",
            ),
            ("[[platform]]\nuse = \"frrr\"", "\"frrr\"", "is `frr` meant"),
            (
                "[[platform]]\nuse = \"ncs55a2-mod-se-s\"\nbudget = { tcam = 1 }",
                "tcam",
                "has no resource `tcam`",
            ),
            ("[[platform]]\nuse = \"bird\"\nrelease = \"two\"", "\"two\"", "as 2.17.5"),
            ("[[platform]]\nuse = \"bird\"\nattach = [{ interfaces = 0 }]", "0", "at least 1"),
            ("[[platform]]\npath = \"box.toml\"", "\"box.toml\"", "not read here"),
            ("[[platform]]\nrelease = \"1\"", "", "say `use` or `path`"),
            ("[regex]\nengine = \"pcre\"", "\"pcre\"", "they are backtracking"),
            ("[regex]\nstep-budget = 0", "0", "above zero"),
            ("[gate", "", ""),
        ];
        for (text, place, message) in cases {
            let error = Config::parse(text).unwrap_err();
            assert!(error.message.contains(message), "{text}: {error}");
            if !place.is_empty() {
                assert_eq!(text.get(error.span.range()), Some(place), "{text}: {error}");
            }
        }
    }
}
