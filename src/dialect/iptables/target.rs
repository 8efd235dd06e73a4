//! What targets do.

use super::lower::Reader;
use super::options::shown;
use super::spec::{Doing, Spec};
use super::support::{Target, target};
use super::values;
use crate::diagnostic::Level;
use crate::dialect::{Support, raised};
use crate::field::Family;
use crate::ir::{Action, Mark, Outcome, RejectKind, Verdict};

/// Kinds of `--reject-with` in IPv4, the default first.
pub(super) const REJECT: &[(&str, RejectKind)] = &[
    ("icmp-port-unreachable", RejectKind::Unreachable(3)),
    ("icmp-net-unreachable", RejectKind::Unreachable(0)),
    ("icmp-host-unreachable", RejectKind::Unreachable(1)),
    ("icmp-proto-unreachable", RejectKind::Unreachable(2)),
    ("icmp-net-prohibited", RejectKind::Unreachable(9)),
    ("icmp-host-prohibited", RejectKind::Unreachable(10)),
    ("icmp-admin-prohibited", RejectKind::Unreachable(13)),
    ("tcp-reset", RejectKind::TcpReset),
];

/// The same in IPv6.
pub(super) const REJECT6: &[(&str, RejectKind)] = &[
    ("icmp6-port-unreachable", RejectKind::Unreachable(4)),
    ("icmp6-no-route", RejectKind::Unreachable(0)),
    ("icmp6-adm-prohibited", RejectKind::Unreachable(1)),
    ("icmp6-addr-unreachable", RejectKind::Unreachable(3)),
    ("icmp6-policy-fail", RejectKind::Unreachable(5)),
    ("icmp6-reject-route", RejectKind::Unreachable(6)),
    ("tcp-reset", RejectKind::TcpReset),
];

/// Other names of the same.
const REJECT_ALIASES: &[(&str, &str)] = &[
    ("net-unreach", "icmp-net-unreachable"),
    ("host-unreach", "icmp-host-unreachable"),
    ("proto-unreach", "icmp-proto-unreachable"),
    ("port-unreach", "icmp-port-unreachable"),
    ("net-prohib", "icmp-net-prohibited"),
    ("host-prohib", "icmp-host-prohibited"),
    ("admin-prohib", "icmp-admin-prohibited"),
    ("tcp-rst", "tcp-reset"),
    ("no-route", "icmp6-no-route"),
    ("adm-prohibited", "icmp6-adm-prohibited"),
    ("addr-unreach", "icmp6-addr-unreachable"),
    ("policy-fail", "icmp6-policy-fail"),
    ("reject-route", "icmp6-reject-route"),
];

const NEXT: Outcome = Outcome::Next { held: None };

impl Reader<'_> {
    /// What a target of iptables does.
    pub(super) fn target(&mut self, spec: &mut Spec, what: Target) -> Doing {
        let verdict = |verdict| (Outcome::Verdict(verdict), Vec::new());
        let (outcome, actions) = match what {
            Target::Accept | Target::Drop | Target::Return if !spec.target_options.is_empty() => {
                let message = format!("`{}` is no option of `{}`", shown(&spec.target_options), spec.target);
                self.findings.syntax(spec.target_span, &message);
                spec.unread = true;
                verdict(if what == Target::Accept { Verdict::Accept } else { Verdict::Discard })
            }
            Target::Accept => verdict(Verdict::Accept),
            Target::Drop => verdict(Verdict::Discard),
            Target::Return => (Outcome::Return, Vec::new()),
            Target::Reject => (Outcome::Verdict(Verdict::Reject(self.reject(spec))), Vec::new()),
            Target::Log => {
                let mut actions = vec![Action::Log];
                if spec.target != "LOG" || !spec.target_options.is_empty() {
                    actions.push(words(spec));
                }
                (NEXT, actions)
            }
            Target::Dscp | Target::Tos => (NEXT, vec![marks(spec, what)]),
            Target::Next => (NEXT, vec![words(spec)]),
            Target::Nat => (Outcome::Verdict(Verdict::Accept), vec![words(spec)]),
            Target::Queue => return self.queue(spec),
        };
        Doing { outcome, actions, perhaps: None }
    }

    fn reject(&mut self, spec: &mut Spec) -> RejectKind {
        let six = self.family() == Some(Family::Inet6);
        let table = if six { REJECT6 } else { REJECT };
        let default = table.first().map_or(RejectKind::Unreachable(3), |row| row.1);
        if spec.target_options.is_empty() {
            return default;
        }
        let options = spec.target_options.clone();
        let value = options.strip_prefix("--reject-with ").unwrap_or("");
        let value = REJECT_ALIASES.iter().find(|(alias, _)| *alias == value).map_or(value, |(_, name)| name);
        let Some((_, kind)) = table.iter().find(|(name, _)| *name == value) else {
            let message = format!("`{}` is no kind of rejection in this family", shown(&options));
            self.findings.syntax(spec.target_span, &message);
            return default;
        };
        if *kind == RejectKind::TcpReset && spec.wanted_protocol() != Some(6) {
            self.findings
                .syntax(spec.target_span, "a reset is an answer to TCP only: the rule needs `-p tcp`");
        }
        *kind
    }

    /// A target of which something outside decides what becomes of the packet.
    fn queue(&mut self, spec: &mut Spec) -> Doing {
        let line = target(&spec.target);
        let reason = line.map_or("", |(keyword, _)| keyword.remark);
        let (level, name) = (Level::Note, spec.target.clone());
        debug_assert!(line.is_none_or(|(keyword, _)| keyword.support == Support::Opaque));
        let message = format!("what `{name}` does is not modelled: {reason}");
        self.findings.add(raised::UNSUPPORTED_KEYWORD, level, spec.target_span, &message);
        let action = words(spec);
        let mut doing = self.unknown_doing(&text(spec));
        if name == "SYNPROXY" {
            // What it does not take goes on.
            doing.perhaps = doing.perhaps.map(|(id, _)| (id, Outcome::Verdict(Verdict::Discard)));
            doing.outcome = NEXT;
        }
        doing.actions = vec![action];
        doing
    }
}

fn text(spec: &Spec) -> String {
    let gap = if spec.target_options.is_empty() { "" } else { " " };
    format!("{}{gap}{}", spec.target, spec.target_options)
}

/// The target in its own words.
fn words(spec: &Spec) -> Action {
    Action::Other(text(spec).into())
}

/// A value written to the TOS octet, where it is the whole value and not some of its bits.
fn marks(spec: &Spec, what: Target) -> Action {
    let (option, value) = spec.target_options.split_once(' ').unwrap_or((&spec.target_options, ""));
    let small = |value: u32| u8::try_from(value).unwrap_or(u8::MAX);
    match (what, option) {
        (Target::Dscp, "--set-dscp") => values::small(value, 63).map(|v| Action::Mark(Mark::Dscp(small(v)))),
        (Target::Dscp, "--set-dscp-class") => {
            values::dscp_class(value).map(|v| Action::Mark(Mark::Dscp(small(v))))
        }
        (Target::Tos, "--set-tos") => match values::tos(value) {
            Some((value, 0xff)) => Some(Action::Mark(Mark::TrafficClass(small(value)))),
            _ => None,
        },
        _ => None,
    }
    .unwrap_or_else(|| words(spec))
}
