//! Every limit by name, with its origin.

/// A named limit on what one input may make us do.
#[derive(PartialEq, Eq, Debug)]
pub struct Limit {
    /// The name users see.
    pub name: &'static str,
    /// The allowance unless another is set.
    pub value: u64,
    /// What is counted.
    pub unit: &'static str,
    /// Why this much.
    pub origin: &'static str,
}

macro_rules! limits {
    ($($(#[$doc:meta])* $const:ident = $name:literal, $value:expr, $unit:literal, $origin:literal;)*) => {
        $($(#[$doc])* pub static $const: Limit =
            Limit { name: $name, value: $value, unit: $unit, origin: $origin };)*

        /// Every limit.
        pub static LIMITS: &[&Limit] = &[$(&$const),*];
    };
}

limits! {
    /// Octets of one rule file.
    RULE_FILE_OCTETS = "rule-file-octets", 256 << 20, "octets",
        "a million rules in the most verbose dialect take about 200 MB";
    /// Files that one rule file names, by itself or through others, each time they are named.
    INCLUDED_FILES = "included-files", 1_000, "files",
        "a folder of rules of a large network; a pattern may match whatever lies there";
    /// Resident memory of this process.
    RESIDENT_OCTETS = "resident-octets", 4 << 30, "octets",
        "a continuous-integration runner of ordinary size keeps half for itself";
    /// Blocks inside blocks in a rule file.
    NESTING = "nesting", 64, "levels",
        "router configurations nest about 12 levels; the parsers recurse";
    /// Rule sets that walk each other, one inside the other.
    CALL_DEPTH = "call-depth", 256, "levels",
        "nftables takes 16 levels of jumps; a circle of calls ends here";
    /// Diagnostics kept for one source.
    DIAGNOSTICS = "diagnostics", 10_000, "diagnostics",
        "nobody reads more; what is dropped is counted";
    /// Statements that groups, prefix lists and nested filters may add to a file.
    EXPANSION = "expansion", 20_000_000, "statements",
        "a full table of prefixes used by twenty terms";
    /// Octets of the rule files of one revision.
    REVISION_OCTETS = "revision-octets", 1 << 30, "octets",
        "a thousand files of a megabyte";
    /// Words of one rule file, those that stand in the same place counted once.
    SYNTAX_NODES = "syntax-nodes", 40_000_000, "words",
        "a million terms of forty words; a node takes 28 octets";
    /// Prefixes or operands in one condition.
    CONDITION_VALUES = "condition-values", 2_000_000, "values",
        "twice a full routing table in one prefix list";
    /// Decision-diagram nodes for one question about a rule.
    RULE_NODES = "rule-nodes", 2_000_000, "nodes",
        "the worst rule of real files takes under 20,000";
    /// Cells looked at while one rule is cut by the rules before it.
    COVER_STEPS = "cover-steps", 2_000_000, "cells",
        "a hundredth of a second; the worst rule of 10,000 that overlap broadly takes a tenth of it";
    /// Cells cut out of each other, one inside the other.
    COVER_DEPTH = "cover-depth", 2_000, "levels",
        "as many rules may cover one together before sets of packets are asked";
    /// Cells looked at while two lists of rules are compared.
    DELTA_STEPS = "delta-steps", 1_000_000_000, "cells",
        "some seconds; two lists of 100,000 rules that differ in ten take a thousandth of it";
    /// Cells looked at while what becomes of packets is asked.
    REGION_STEPS = "region-steps", 300_000_000, "cells",
        "a second or two; a question about one network and port of 100,000 rules takes a thousandth of it";
    /// Regions that packets asked about are cut into.
    REGIONS = "regions", 200_000, "regions",
        "nobody reads as many; each takes some hundred octets";
    /// Proofs tried of edits to one file.
    FIX_TRIES = "fix-tries", 200, "proofs",
        "each compares the whole file; edits that hold are proven together";
    /// Rounds of edits to files: each may let others be seen, as two merged rules that meet a third.
    FIX_ROUNDS = "fix-rounds", 32, "rounds",
        "a run of so many rules that become one is merged in two by two";
    /// Decision-diagram nodes for all questions of one check.
    CHECK_NODES = "check-nodes", 120_000_000, "nodes",
        "ten to twenty seconds; 100,000 rules that all need a proof take a third of it";
    /// Decision-diagram nodes for one question about a rule set.
    RULE_SET_NODES = "rule-set-nodes", 50_000_000, "nodes",
        "100,000 rules of an access list take about 8 million";
    /// Conditions inside conditions.
    CONDITION_DEPTH = "condition-depth", 512, "levels",
        "what readers build from nested text goes a few levels deeper than the text";
    /// Different conditions outside the model in one question.
    OPAQUE_CONDITIONS = "opaque-conditions", 512, "conditions",
        "each is one more variable; real files have a few dozen in one rule set";
    /// Parts of conditions that a rule set takes once no rule walks another.
    FLATTENED = "flattened", 4_000_000, "parts",
        "a thousand chains of a hundred rules under ten conditions each, four times over";
    /// Lines that one rule may become in a dialect without alternatives.
    PRINTED_ALTERNATIVES = "printed-alternatives", 4_096, "lines",
        "a rule of sixty-four prefixes on either side; more is a set of its own";
    /// Steps of a walk over one rule set for one packet.
    EVALUATION_STEPS = "evaluation-steps", 50_000_000, "tests",
        "a million rules of fifty tests";
    /// Entries looked at while rules are put into a form that is evaluated fast.
    COMPILE_STEPS = "compile-steps", 1_000_000_000, "entries",
        "a second or two; 100,000 rules of an access list take a tenth of it, and rules behind it are compared one by one";
    /// Stretches of time of one series.
    SERIES_STRETCHES = "series-stretches", 1_000_000, "stretches",
        "eleven days of seconds; each takes some hundred octets";
    /// Octets of one packet of a capture.
    PACKET_OCTETS = "packet-octets", 262_144, "octets",
        "the largest snapshot length capture programs write";
    /// Octets of a capture after decompression.
    CAPTURE_OCTETS = "capture-octets", 1 << 40, "octets",
        "captures are streamed; this stops a decompression bomb in the end";
    /// Octets of one block of a pcapng capture.
    CAPTURE_BLOCK_OCTETS = "capture-block-octets", 16 << 20, "octets",
        "what libpcap takes";
    /// Interfaces of one section of a pcapng capture.
    CAPTURE_INTERFACES = "capture-interfaces", 65_536, "interfaces",
        "packet blocks of the first format number them in 16 bits";
    /// Parts of one expression of libpcap.
    FILTER_EXPRESSION = "filter-expression", 4_096, "parts",
        "libpcap's optimiser takes time cubed: 300 rules in one expression take it seconds";
    /// Octets held while BGP sessions of a capture are put together.
    REASSEMBLY_OCTETS = "reassembly-octets", 256 << 20, "octets",
        "a full table transfer, out of order, over sixteen sessions";
    /// Sub-ranges counted while a rule is priced.
    COST_STEPS = "cost-steps", 10_000_000, "steps",
        "a rule of 65,536 port values in each of three fields, three times over";
    /// Steps of pricing one document.
    COST_TOTAL_STEPS = "cost-total-steps", 200_000_000, "steps",
        "a million rules of two hundred ranges; some seconds";
    /// Rows that the rules of one rule set are multiplied out into for a structure that is built.
    BUILT_ROWS = "built-rows", 2_000_000, "rows",
        "twenty rows for each of 100,000 rules; some hundred megabytes";
    /// Bounds of the intervals that the rules of one rule set make in their fields.
    BUILT_BOUNDS = "built-bounds", 16_000_000, "bounds",
        "a million rules of eight ranges; a quarter of a gigabyte";
    /// Nodes and pairs of branches looked at while the structure of one rule set is built.
    BUILT_STEPS = "built-steps", 300_000_000, "steps",
        "some twenty seconds; 100,000 rules of an access list take a third of it";
    /// Nodes of one trie held at once.
    BUILT_NODES = "built-nodes", 4_000_000, "nodes",
        "a gigabyte; 100,000 rules of an access list take a quarter of it";
    /// Rules that are priced while the dearest is looked for.
    WORST_TRIES = "worst-tries", 5_000_000, "rules",
        "some ten seconds; twenty edits of each of a quarter of a million rules";
    /// Alternatives inside alternatives of one rule while it is priced.
    COST_BRANCHES = "cost-branches", 256, "levels",
        "two alternatives on every level make a number of entries with 77 digits";
    /// Groups inside groups of one regular expression.
    REGEX_NESTING = "regex-nesting", 250, "levels",
        "what PCRE2 takes unless it is told otherwise; the parser recurses";
    /// Parts of one regular expression.
    REGEX_NODES = "regex-nodes", 1_000_000, "parts",
        "the longest pattern of a widely used rule set has some ten thousand";
    /// Steps of asking the automaton of one regular expression.
    REGEX_STEPS = "regex-steps", 20_000_000, "steps",
        "a tenth of a second; the worst pattern of real rule sets takes a tenth of it";
    /// Steps of one replay of a regular expression.
    REGEX_REPLAY_STEPS = "regex-replay-steps", 10_000_000, "steps",
        "a tenth of a second; what grows shows before";
    /// Ways left to try at once in one replay of a regular expression.
    REGEX_FRAMES = "regex-frames", 8_000_000, "ways",
        "some hundred megabytes; a subject of a megabyte under eight loops";
    /// Rules that packets found are put through to confirm what is said of them.
    CONFIRM_STEPS = "confirm-steps", 200_000_000, "rules",
        "some seconds; five hundred packets through a hundred thousand rules, four times each";
    /// Rules that packets of a suite to start with are put through.
    START_STEPS = "start-steps", 5_000_000_000, "rules",
        "a minute or two; every boundary of five thousand rules";
    /// Cases written to start a suite with.
    GENERATED_CASES = "generated-cases", 500_000, "cases",
        "a hundred megabytes of text; ten thousand rules with fifty bounds each";
    /// Packets made for one rule set.
    GENERATED_PACKETS = "generated-packets", 20_000_000, "packets",
        "a hundred thousand rules with two hundred bounds each; a capture of 2 GB";
    /// Routes that one message of a campaign is blown up to.
    MADE_ROUTES = "made-routes", 32_768, "routes",
        "a message of the extended size filled with the shortest routes there are";
    /// Octets of routes that one step of a campaign makes.
    MADE_OCTETS = "made-octets", 8 << 20, "octets",
        "a batch of messages of the extended size, each";
    /// Rules made for one question of a campaign about how time grows.
    MADE_RULES = "made-rules", 4_000_000, "rules",
        "the most that its option takes";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct_and_every_limit_says_why() {
        for (i, limit) in LIMITS.iter().enumerate() {
            assert!(LIMITS[..i].iter().all(|other| other.name != limit.name), "{}", limit.name);
            assert!(!limit.origin.is_empty() && limit.value > 0, "{}", limit.name);
        }
    }
}
