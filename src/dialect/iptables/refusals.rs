//! What iptables and the kernel refuse of a rule as a whole: options that do not go together, and places that do not
//! take a match or target.

use super::chains::Table;
use super::grammar::{self, Grammar, Written};
use super::lower::Reader;
use super::spec::{Aim, Spec};
use super::support::Target;
use super::values;
use crate::field::Family;
use crate::source::Span;

impl Reader<'_> {
    /// Whether the options of a match or target go together, and are of this family.
    pub(super) fn together(
        &mut self,
        spec: &mut Spec,
        (option, name, words): (&str, &str, &str),
        (grammar, written): (&Grammar, Written),
        span: Span,
    ) {
        if let Some(only) = grammar.family.filter(|only| self.family().is_some_and(|family| family != *only))
        {
            let version = if only == Family::Inet { 4 } else { 6 };
            self.refuse(
                spec,
                &format!("`{option} {name}` is of IPv{version}, and these rules are not"),
                span,
            );
        } else if let Some(wrong) = grammar.missing(written) {
            self.refuse(spec, &format!("`{option} {name}`: {wrong}"), span);
        } else if let Some(wrong) = contradiction(name, words) {
            self.refuse(spec, &format!("`{option} {name}`: {wrong}"), span);
        }
    }

    /// The same of the target.
    pub(super) fn target_together(&mut self, spec: &mut Spec, target: Target) {
        if matches!(target, Target::Accept | Target::Drop | Target::Return) {
            return;
        }
        if let Some(grammar) = grammar::of_target(&spec.target) {
            let (name, written) = (spec.target.clone(), spec.target_written);
            self.together(spec, ("-j", &name, ""), (grammar, written), spec.target_span);
        }
    }

    /// Whether the chain takes what the rule has: interfaces, matches and the target.
    pub(super) fn check_place(&mut self, spec: &mut Spec, chain: usize) {
        let Some((table, hook)) = self.place(chain) else { return };
        let wrong = match hook {
            Some("INPUT" | "PREROUTING") if spec.out_iface.is_some() => {
                "no packet has an outgoing interface here"
            }
            Some("OUTPUT" | "POSTROUTING") if spec.in_iface.is_some() => {
                "no packet has an incoming interface here"
            }
            _ => "",
        };
        if !wrong.is_empty() {
            self.refuse(spec, wrong, spec.span);
        }
        if table == Table::Nat && spec.aim == Aim::Known(Target::Drop) && hook.is_some() {
            self.refuse(
                spec,
                "the table `nat` takes no `DROP`: it sees the first packet of a connection alone",
                spec.target_span,
            );
        }
        let loaded = spec
            .loaded
            .iter()
            .filter_map(|one| Some(("-m", one.module?.name, one.module?.grammar, one.span)));
        let target = match spec.aim {
            Aim::Known(_) => grammar::of_target(&spec.target),
            Aim::None | Aim::Chain => None,
        };
        let target = target.map(|grammar| ("-j", spec.target.as_str(), grammar, spec.target_span));
        let wrong = loaded.chain(target).find_map(|(option, name, grammar, span)| {
            let wrong = misplaced(grammar, table, hook, spec.wanted_protocol())?;
            Some((format!("`{option} {name}` {wrong}"), span))
        });
        if let Some((wrong, span)) = wrong {
            self.refuse(spec, &wrong, span);
        }
    }

    /// The table of a chain, and its hook where it is one of the system.
    fn place(&self, chain: usize) -> Option<(Table, Option<&'static str>)> {
        let info = self.info(chain)?;
        let table = self.table_of_chain(chain)?;
        let hook = table.hooks().iter().find(|hook| info.builtin && **hook == info.name);
        Some((table, hook.copied()))
    }
}

fn misplaced(grammar: &Grammar, table: Table, hook: Option<&str>, protocol: Option<u8>) -> Option<String> {
    if !grammar.tables.is_empty() && !grammar.tables.contains(&table.name()) {
        return Some(format!(
            "has no place in the table `{}`, only in {}",
            table.name(),
            grammar.tables.join(", ")
        ));
    }
    if let Some(hook) = hook.filter(|hook| !grammar.hooks.is_empty() && !grammar.hooks.contains(hook)) {
        return Some(format!("has no place in `{hook}`, only in {}", grammar.hooks.join(", ")));
    }
    if !grammar.protocols.is_empty() && protocol.is_none_or(|protocol| !grammar.protocols.contains(&protocol))
    {
        let names: Vec<String> =
            grammar.protocols.iter().map(|number| values::protocol_word(*number)).collect();
        return Some(format!("needs `-p {}`", names.join("` or `-p ")));
    }
    None
}

/// What the values of options say against each other, by the words of a match as they are kept.
fn contradiction(name: &str, words: &str) -> Option<&'static str> {
    let list: Vec<&str> = words.split(' ').collect();
    let has = |option: &str| list.contains(&option);
    let value = |option: &str| list.iter().skip_while(|word| **word != option).nth(1).copied();
    let number = |option: &str| value(option).and_then(|text| values::number(text, u64::MAX));
    match name {
        "statistic" => match value("--mode") {
            Some("random") if !has("--probability") => Some("the mode `random` needs `--probability`"),
            Some("nth") if !has("--every") => Some("the mode `nth` needs `--every` and `--packet`"),
            _ if number("--packet").zip(number("--every")).is_some_and(|(packet, every)| packet >= every) => {
                Some("`--packet` is less than `--every`")
            }
            _ => None,
        },
        "cluster" => number("--cluster-local-node")
            .zip(number("--cluster-total-nodes"))
            .filter(|(own, all)| own > all)
            .map(|_| "`--cluster-local-node` is no more than `--cluster-total-nodes`"),
        "hashlimit" => {
            let rate = ["--hashlimit-upto", "--hashlimit-above", "--hashlimit"].into_iter().find_map(value);
            let rate = octets(rate?.strip_suffix("/s")?)?;
            let burst = octets(value("--hashlimit-burst")?)?;
            (burst < rate).then_some("the burst is no less than the rate")
        }
        "policy" => policy(&list),
        "rt" => {
            let zero =
                number("--rt-type") == Some(0) && !list.windows(2).any(|pair| pair == ["!", "--rt-type"]);
            let header = has("--rt-0-res") || has("--rt-0-addrs");
            (header && !zero).then_some("what is in a header of type 0 needs `--rt-type 0`")
        }
        _ => None,
    }
}

/// `512kb`.
fn octets(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let factor = match text.strip_prefix(digits)? {
        "b" => 1,
        "kb" => 1 << 10,
        "mb" => 1 << 20,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

/// The elements of a policy, between `--next`.
fn policy(list: &[&str]) -> Option<&'static str> {
    const ELEMENT: [&str; 6] = ["--reqid", "--spi", "--tunnel-src", "--tunnel-dst", "--proto", "--mode"];
    let strict = list.contains(&"--strict");
    let any = list.iter().any(|word| ELEMENT.contains(word));
    if list.windows(2).any(|pair| pair == ["--pol", "none"]) {
        return (strict || any).then_some("`--pol none` has no elements");
    }
    list.split(|word| *word == "--next").find_map(|element| {
        if strict && !element.iter().any(|word| ELEMENT.contains(word)) {
            return Some("with `--strict` every element says at least one thing");
        }
        let not = element.windows(2).any(|pair| pair == ["!", "--mode"]);
        let tunnel = element.windows(2).any(|pair| pair == ["--mode", "tunnel"]);
        let ends = element.iter().any(|word| matches!(*word, "--tunnel-src" | "--tunnel-dst"));
        (ends && tunnel == not).then_some("the ends of a tunnel need `--mode tunnel`")
    })
}
