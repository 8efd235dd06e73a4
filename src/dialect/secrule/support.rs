//! The support ledger.

use crate::dialect::{Keyword, Support};

const fn row(context: &'static str, word: &'static str, support: Support, remark: &'static str) -> Keyword {
    Keyword { context, word, support, remark }
}

use Support::{Full, Ignored, Partial};

/// What is said of everything that holds no pattern.
const NO_PATTERN: &str = "no pattern in it; nothing is said of what it does";

/// A state for every keyword, sorted.
#[rustfmt::skip]
pub(super) static LEDGER: &[Keyword] = &[
    row("action", "chain, id", Full, "they name the rule"),
    row("action", "others", Ignored, NO_PATTERN),
    row("directive", "SecAction", Ignored, NO_PATTERN),
    row("directive", "SecArgumentSeparator", Ignored, NO_PATTERN),
    row("directive", "SecAuditEngine", Ignored, NO_PATTERN),
    row("directive", "SecAuditLog", Ignored, NO_PATTERN),
    row("directive", "SecAuditLogParts", Ignored, NO_PATTERN),
    row("directive", "SecAuditLogRelevantStatus", Ignored, "its pattern sees a status only"),
    row("directive", "SecAuditLogStorageDir", Ignored, NO_PATTERN),
    row("directive", "SecAuditLogType", Ignored, NO_PATTERN),
    row("directive", "SecCollectionTimeout", Ignored, NO_PATTERN),
    row("directive", "SecComponentSignature", Ignored, NO_PATTERN),
    row("directive", "SecCookieFormat", Ignored, NO_PATTERN),
    row("directive", "SecDataDir", Ignored, NO_PATTERN),
    row("directive", "SecDebugLog", Ignored, NO_PATTERN),
    row("directive", "SecDebugLogLevel", Ignored, NO_PATTERN),
    row("directive", "SecDefaultAction", Ignored, NO_PATTERN),
    row("directive", "SecMarker", Ignored, NO_PATTERN),
    row("directive", "SecPcreMatchLimit", Ignored, "steps are counted without a limit; where it is reached the rule does not match"),
    row("directive", "SecPcreMatchLimitRecursion", Ignored, "the same"),
    row("directive", "SecRequestBodyAccess", Ignored, NO_PATTERN),
    row("directive", "SecRequestBodyLimit", Ignored, "the longest subject is said in flowgate.toml"),
    row("directive", "SecRequestBodyLimitAction", Ignored, NO_PATTERN),
    row("directive", "SecRequestBodyNoFilesLimit", Ignored, "the longest subject is said in flowgate.toml"),
    row("directive", "SecResponseBodyAccess", Ignored, NO_PATTERN),
    row("directive", "SecResponseBodyLimit", Ignored, "the longest subject is said in flowgate.toml"),
    row("directive", "SecResponseBodyLimitAction", Ignored, NO_PATTERN),
    row("directive", "SecResponseBodyMimeType", Ignored, NO_PATTERN),
    row("directive", "SecRule", Partial, "its patterns; nothing is said of what the rule does"),
    row("directive", "SecRuleEngine", Ignored, NO_PATTERN),
    row("directive", "SecRuleRemoveById", Ignored, "the patterns of the rule are judged all the same"),
    row("directive", "SecRuleRemoveByMsg", Ignored, "the same"),
    row("directive", "SecRuleRemoveByTag", Ignored, "the same"),
    row("directive", "SecRuleUpdateActionById", Ignored, NO_PATTERN),
    row("directive", "SecRuleUpdateTargetById", Partial, "patterns that choose variables"),
    row("directive", "SecRuleUpdateTargetByMsg", Partial, "the same"),
    row("directive", "SecRuleUpdateTargetByTag", Partial, "the same"),
    row("directive", "SecTmpDir", Ignored, NO_PATTERN),
    row("directive", "SecUnicodeMapFile", Ignored, NO_PATTERN),
    row("directive", "SecUploadDir", Ignored, NO_PATTERN),
    row("directive", "SecUploadKeepFiles", Ignored, NO_PATTERN),
    row("operator", "beginsWith", Ignored, NO_PATTERN),
    row("operator", "contains", Ignored, NO_PATTERN),
    row("operator", "containsWord", Ignored, NO_PATTERN),
    row("operator", "detectSQLi", Ignored, NO_PATTERN),
    row("operator", "detectXSS", Ignored, NO_PATTERN),
    row("operator", "endsWith", Ignored, NO_PATTERN),
    row("operator", "eq", Ignored, NO_PATTERN),
    row("operator", "ge", Ignored, NO_PATTERN),
    row("operator", "geoLookup", Ignored, NO_PATTERN),
    row("operator", "gt", Ignored, NO_PATTERN),
    row("operator", "inspectFile", Ignored, NO_PATTERN),
    row("operator", "ipMatch", Ignored, NO_PATTERN),
    row("operator", "ipMatchFromFile", Ignored, NO_PATTERN),
    row("operator", "le", Ignored, NO_PATTERN),
    row("operator", "lt", Ignored, NO_PATTERN),
    row("operator", "noMatch", Ignored, NO_PATTERN),
    row("operator", "pm", Ignored, "words sought side by side; a search takes as long as its subject"),
    row("operator", "pmFromFile", Ignored, "the same"),
    row("operator", "rbl", Ignored, NO_PATTERN),
    row("operator", "rx", Partial, "as PCRE2 reads it; what is not modelled has no answer"),
    row("operator", "rxGlobal", Partial, "the same, sought once"),
    row("operator", "streq", Ignored, NO_PATTERN),
    row("operator", "unconditionalMatch", Ignored, NO_PATTERN),
    row("operator", "validateByteRange", Ignored, NO_PATTERN),
    row("operator", "validateUrlEncoding", Ignored, NO_PATTERN),
    row("operator", "validateUtf8Encoding", Ignored, NO_PATTERN),
    row("operator", "verifyCC", Partial, "as rx"),
    row("operator", "verifyCPF", Partial, "as rx"),
    row("operator", "verifySSN", Partial, "as rx"),
    row("operator", "verifySVNR", Partial, "as rx"),
    row("operator", "within", Ignored, NO_PATTERN),
    row("variable", "NAME:/pattern/", Partial, "as rx; a subject is a name"),
];

fn holds(context: &str, word: &str) -> bool {
    LEDGER.iter().any(|keyword| keyword.context == context && keyword.word == word)
}

/// Whether the ledger has a directive.
pub(super) fn is_known(directive: &str) -> bool {
    holds("directive", directive)
}

/// Whether the ledger has an operator.
pub(super) fn is_operator(operator: &str) -> bool {
    holds("operator", operator)
}
