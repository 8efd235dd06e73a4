//! Whether a text is GoBGP's, and in which form.

use super::display;
use super::support;
use crate::dialect::Recognition;

/// What a text is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    /// Commands, one a line.
    Commands,
    /// The RIB as a table.
    Display,
    /// The RIB as JSON.
    Json,
}

/// The form of a text.
pub(super) fn form(text: &str) -> Form {
    if text.trim_start().starts_with('{') || begins_as_list(text) {
        return Form::Json;
    }
    let shows = |line| display::shown(line).is_some();
    if text.lines().take(10_000).any(shows) { Form::Display } else { Form::Commands }
}

// A JSON list, not the first bracket of an NLRI.
fn begins_as_list(text: &str) -> bool {
    let inside = text.trim_start().strip_prefix('[');
    inside.is_some_and(|rest| rest.trim_start().starts_with(['{', '[', ']']))
}

/// How sure a text is GoBGP's.
pub(super) fn looks_like(text: &str) -> Recognition {
    let start = text.trim_start();
    if start.starts_with('{') || begins_as_list(text) {
        let route = start.contains("\"nlri\"") && start.contains("\"attrs\"");
        let flow = start.contains("\"op\":") || start.contains("\"prefix\":");
        let tool =
            start.contains("\"[destination: ") || start.contains("\"[source: ") || start.contains("\"best\"");
        return if route && flow && tool { Recognition::Certain } else { Recognition::No };
    }
    let mut seen = Recognition::No;
    for line in text.lines().take(2_000) {
        if display::shown(line).is_some() {
            return Recognition::Certain;
        }
        let line = line.trim_start();
        let words = || line.split_whitespace();
        let named = words().take(6).any(|word| word == "gobgp" || word.ends_with("/gobgp"));
        if named && words().any(|word| word == "rib") && line.contains("flow") {
            return Recognition::Certain;
        }
        if begins_as_command(line) {
            seen = Recognition::Possible;
        }
    }
    seen
}

// `[add] match KEY ... then ...`, or the keys alone.
fn begins_as_command(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let mut word = words.next().unwrap_or("");
    let mut matched = false;
    for skip in ["add", "match"] {
        if word == skip {
            matched |= skip == "match";
            word = words.next().unwrap_or("");
        }
    }
    let behind = words.any(|word| word == "then");
    behind && matched && support::component(word).is_some() && !line.contains(['{', ';'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_told_apart() {
        assert_eq!(form("*> [destination: 10.0.0.0/24][protocol: ==tcp]  fictitious"), Form::Display);
        assert_eq!(form("{\"[destination: 10.0.0.0/24]\": []}"), Form::Json);
        assert_eq!(form("gobgp global rib -a ipv4-flowspec add match port 80 then accept"), Form::Commands);
        let sure = looks_like;
        assert_eq!(
            sure("gobgp global rib add -a ipv4-flowspec match port 80 then accept"),
            Recognition::Certain
        );
        assert_eq!(sure("*> [protocol: ==tcp] fictitious 00:00:00 [{Origin: ?}]"), Recognition::Certain);
        assert_eq!(sure("match protocol tcp then accept"), Recognition::Possible);
        assert_eq!(sure("gobgp global rib -a ipv4 add 10.0.0.0/8"), Recognition::No);
        assert_eq!(sure("{\"nftables\": [{\"table\": {}}]}"), Recognition::No);
        assert_eq!(sure("[section]\nport = 5\n"), Recognition::No);
    }
}
