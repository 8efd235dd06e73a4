//! The text is not of its dialect.

use super::{Check, Confidence, Context, Findings, Meta, Needs};
use crate::diagnostic::Level;
use crate::dialect::raised;
use crate::guard::Exhausted;
use crate::regex::ParseError;

/// The text is not of its dialect. Readers raise it while they read; what is left are the regular expressions in it.
#[derive(Debug)]
pub(super) struct SyntaxError;

static META: Meta = Meta {
    name: raised::SYNTAX_ERROR,
    summary: "the text is not of its dialect",
    level: Level::Error,
    default_on: true,
    confidence: Confidence::Proven,
    since: "0.1.0",
    needs: Needs::Syntax,
    page: include_str!("../../docs/checks/syntax-error.md"),
};

impl Check for SyntaxError {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn run(&self, cx: &Context<'_>, out: &mut Findings) -> Result<(), Exhausted> {
        for answer in cx.patterns() {
            if let Err(ParseError::Wrong { span, message }) = &answer.tree {
                let mut finding = answer.finding(&META, format!("in a regular expression: {message}"));
                finding.primary.span = answer.pattern.place(*span);
                out.push(finding);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::by_name;

    #[test]
    fn everything_readers_raise_stands_in_the_catalogue() {
        let names = [
            raised::SYNTAX_ERROR,
            raised::UNSUPPORTED_KEYWORD,
            raised::UNDEFINED_REFERENCE,
            raised::UNUSED_DEFINITION,
            raised::VALUE_OUT_OF_RANGE,
            raised::EMPTY_RANGE,
            raised::MALFORMED_NLRI,
            raised::COMPONENT_ORDER,
            raised::NONCANONICAL,
            raised::TOO_LONG,
            raised::HOST_BITS_SET,
            raised::MIXED_FAMILY,
            raised::CONFLICTING_ACTIONS,
            raised::RATE_TOO_SMALL,
            raised::SUSPICIOUS_MASK,
            raised::DUPLICATE_NUMBER,
        ];
        for name in names {
            assert_eq!(by_name(name).map(|check| check.meta().needs), Some(Needs::Syntax), "{name}");
        }
    }
}
