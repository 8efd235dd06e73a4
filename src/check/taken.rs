//! What the platforms of the user do not take of each rule, for the checks that say so.

use super::{Context, Meta};
use crate::cost::{self, Device, Effect, Refusal, Unsupported};
use crate::diagnostic::{Diagnostic, Label};
use crate::dialect::flowspec::ComponentType;
use crate::field::Field;
use crate::guard::{Exhausted, Meter, limits};
use crate::ir::Rule;
use crate::source::Span;

/// What one platform does not take of one rule: the gravest in front, the others behind it.
pub(super) struct Taken<'a> {
    pub(super) device: &'a Device,
    pub(super) rule_set: &'a str,
    pub(super) rule: &'a Rule<'a>,
    pub(super) refusal: &'a Refusal,
    first: Unsupported,
    others: Vec<(&'a Refusal, Unsupported)>,
}

/// Calls `tell` for every platform and rule with something the platform does not take, of the effects asked for.
pub(super) fn each_rule(
    cx: &Context<'_>,
    of: impl Fn(Effect) -> bool,
    mut tell: impl FnMut(&Taken<'_>),
) -> Result<(), Exhausted> {
    for device in &cx.settings.platforms {
        for input in cx.inputs {
            let mut meter = Meter::new(&limits::DIAGNOSTICS);
            let document = &input.reading.document;
            let mut all = cost::unsupported(document, device).peekable();
            while let Some((at, first)) = all.next() {
                let mut list = vec![first];
                while let Some((_, next)) = all.next_if(|(next, _)| *next == at) {
                    list.push(next);
                }
                let refusal = |found: Unsupported| Some((found.refusal(&device.platform)?, found));
                let mut list: Vec<_> = list.into_iter().filter_map(refusal).collect();
                list.retain(|(refusal, _)| of(refusal.effect));
                list.sort_by_key(|(_, found)| !found.denies);
                let mut list = list.into_iter();
                let set = document.rule_sets.get(at.rule_set as usize);
                let rule = set.and_then(|set| set.rules.get(at.rule as usize));
                let (Some((refusal, first)), Some(set), Some(rule)) = (list.next(), set, rule) else {
                    continue;
                };
                meter.charge(1)?;
                let others = list.collect();
                tell(&Taken { device, rule_set: &set.name, rule: &rule, refusal, first, others });
            }
        }
    }
    Ok(())
}

impl Taken<'_> {
    /// The finding: at the level of the check where the rule must not be sent there, else one below.
    pub(super) fn finding(&self, meta: &'static Meta, help: impl Into<String>) -> Diagnostic {
        let level = if self.first.denies { meta.level } else { meta.level.lowered() };
        let label = Label::new(self.rule.origin.source, place(self.rule, self.first.component));
        let message = format!("`{}` {}", self.device.name(), says(self.refusal, self.first));
        let mut finding = Diagnostic::new(meta.name, level, message, label).with_help(help);
        for (refusal, found) in &self.others {
            finding = finding.with_note(format!("it also {}", says(refusal, *found)));
        }
        let all = || std::iter::once(self.refusal).chain(self.others.iter().map(|(refusal, _)| *refusal));
        let mut sources: Vec<&str> = all().flat_map(|refusal| refusal.source.split(", ")).collect();
        sources.sort_unstable();
        sources.dedup();
        let verified = if all().all(|refusal| refusal.verified) { "" } else { ", not all verified" };
        let note = format!("{}{verified}", self.device.cites(&sources.join(", ")));
        finding.with_note(note).in_rule(self.rule_set.to_owned(), self.rule.name)
    }
}

fn says(refusal: &Refusal, found: Unsupported) -> String {
    let amount = if refusal.above > 0 || refusal.below.is_some() {
        format!("; this rule has {}", found.amount)
    } else {
        String::new()
    };
    let component = found.component.map(|component| format!(" ({component})")).unwrap_or_default();
    let mended = refusal.fixed_in.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let releases = if mended.is_empty() { String::new() } else { format!("; mended in {mended}") };
    format!("{}{amount}{component}{releases}", refusal.says)
}

/// Where a component of the rule was written, as far as its tests say; else the whole rule.
fn place(rule: &Rule, component: Option<ComponentType>) -> Span {
    use ComponentType as C;
    let fields: &[Field] = match component {
        None | Some(C::Fragment) => &[],
        Some(C::DestinationPrefix) => &[Field::Dst4, Field::Dst6],
        Some(C::SourcePrefix) => &[Field::Src4, Field::Src6],
        Some(C::Protocol) => &[Field::Proto],
        Some(C::Port | C::SourcePort) => &[Field::Sport],
        Some(C::DestinationPort) => &[Field::Dport],
        Some(C::IcmpType) => &[Field::IcmpType, Field::Icmp6Type],
        Some(C::IcmpCode) => &[Field::IcmpCode, Field::Icmp6Code],
        Some(C::TcpFlags) => &[Field::TcpFlags],
        Some(C::PacketLength) => &[Field::Len],
        Some(C::Dscp) => &[Field::Dscp],
        Some(C::FlowLabel) => &[Field::FlowLabel],
    };
    let tests = rule.condition.tests();
    let test = tests.iter().find(|test| fields.contains(&test.field()) && test.span() != Span::default());
    test.map_or(rule.origin.span, |test| test.span())
}
