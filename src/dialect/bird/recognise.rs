//! Whether a text is BIRD's.

use super::display;
use crate::dialect::Recognition;

/// What a text is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    /// A configuration.
    Configuration,
    /// What `show route` prints.
    Display,
}

/// A text whose lines show routes and configure nothing is a display.
pub(super) fn form(text: &str) -> Form {
    let mut shown = false;
    for line in text.lines().take(10_000) {
        if configures(line.trim_start()) {
            return Form::Configuration;
        }
        shown |= display::shown(line).is_some();
    }
    if shown { Form::Display } else { Form::Configuration }
}

// Whether a line begins a statement of a configuration.
fn configures(line: &str) -> bool {
    let mut words = line.split_whitespace();
    match words.next() {
        Some("protocol" | "template") => words.next().is_some_and(is_protocol),
        Some("define" | "filter" | "function") => true,
        Some("route" | "flow4" | "flow6") => {
            matches!(words.next(), Some("table" | "flow4" | "flow6" | "flow4{" | "flow6{"))
        }
        _ => false,
    }
}

fn is_protocol(word: &str) -> bool {
    let word = word.trim_end_matches(['{', ';']);
    matches!(
        word,
        "babel"
            | "bfd"
            | "bgp"
            | "device"
            | "direct"
            | "kernel"
            | "ospf"
            | "perf"
            | "pipe"
            | "radv"
            | "rip"
            | "rpki"
            | "static"
    )
}

/// How sure a text is BIRD's, by its lines.
pub(super) fn looks_like(text: &str) -> Recognition {
    let mut seen = Recognition::No;
    for line in text.lines().take(20_000) {
        if display::shown(line).is_some() {
            return Recognition::Certain;
        }
        let line = line.trim_start();
        let mut words = line.split_whitespace();
        match (words.next(), words.next()) {
            (Some("route"), Some(second)) if matches!(second.trim_end_matches('{'), "flow4" | "flow6") => {
                return Recognition::Certain;
            }
            (Some("flow4" | "flow6"), Some("table")) => return Recognition::Certain,
            (Some("protocol" | "template"), Some(kind)) if is_protocol(kind) && line.contains('{') => {
                seen = Recognition::Possible;
                // The protocols with a word that no other language has in this place.
                if kind.trim_end_matches('{') != "ospf" && kind.trim_end_matches('{') != "bgp" {
                    return Recognition::Certain;
                }
            }
            _ => {}
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configurations_and_displays_are_told_apart() {
        assert_eq!(form("flow4 { dst 10.0.0.0/8; }  [s4 06:52:30.093] * (200)\n"), Form::Display);
        assert_eq!(form("BIRD 2.0.12 ready.\nTable f4:\n1007-flow4 { }\n"), Form::Display);
        assert_eq!(
            form("protocol static {\nflow4 { table f; };\n route flow4 { }; }\n"),
            Form::Configuration
        );
        assert_eq!(looks_like("protocol static {\n flow4;\n}\n"), Recognition::Certain);
        assert_eq!(looks_like("flow6 { dst ::/0; }\n"), Recognition::Certain);
        assert_eq!(looks_like("protocols {\n bgp {\n group x { type external; } } }\n"), Recognition::No);
        assert_eq!(looks_like("protocol bgp a {\n local as 1;\n}\n"), Recognition::Possible);
        assert_eq!(looks_like("match protocol tcp\n protocol static\n"), Recognition::No);
    }
}
