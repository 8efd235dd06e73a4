//! Tests of ports, ICMP types or TCP flags that a device makes on whatever octets stand there, because the rule
//! does not say which protocol is meant.

use super::prove::{self, Meets, Prover};
use super::{Check, Confidence, Context, Findings, Meta, Needs, RuleAt};
use crate::diagnostic::{Label, Level};
use crate::field::Field;
use crate::guard::Exhausted;
use crate::ir::{Condition, Test};
use crate::net::IntervalSet;
use crate::source::Span;

/// The check.
#[derive(Debug)]
pub(super) struct PortWithoutProtocol;

static META: Meta = Meta {
    name: "port-without-protocol",
    summary: "ports, ICMP types or TCP flags are tested in packets of any protocol",
    level: Level::Warning,
    default_on: true,
    confidence: Confidence::Proven,
    since: "0.1.0",
    needs: Needs::Spaces,
    page: include_str!("../../docs/checks/port-without-protocol.md"),
};

impl Check for PortWithoutProtocol {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn run(&self, cx: &Context<'_>, out: &mut Findings) -> Result<(), Exhausted> {
        Prover::each(&META, cx.rules(), out, judge)
    }
}

fn judge(prover: &mut Prover, at: &RuleAt<'_>, out: &mut Findings) -> Result<(), Exhausted> {
    let condition = &at.rule.condition;
    let tests = condition.tests();
    let Some((test, reads)) = tests.iter().find_map(|test| Some((*test, reads(test)?))) else {
        return Ok(());
    };
    // Does a packet of a protocol that has no such field match?
    let own = IntervalSet::from_ranges(reads.protocols.iter().map(|protocol| (*protocol, *protocol)));
    let other = Condition::test(Field::Proto, own.complement(0xff));
    match prover.meets(at.set.family, &[condition, &other])? {
        Meets::Never => {}
        // A rule for other protocols only does not forget one: `unmatchable-condition` speaks of it.
        _ if prover.meets(at.set.family, &[condition, &Condition::test(Field::Proto, own)])?
            == Meets::Never => {}
        Meets::Unknown(reason) => out.no_answer(&META, at, reason),
        Meets::Packet(headers) => {
            let message = format!(
                "rule `{}` tests the {} outside {} too, where other octets stand",
                at.rule.name, reads.title, reads.carriers
            );
            let mut finding = at.finding(&META, message).with_help(reads.help);
            if test.span() != Span::default() {
                finding.primary = Label::new(at.rule.origin.source, test.span());
            }
            prove::show(out, at, Some(finding), &[condition, &other], &headers);
        }
    }
    Ok(())
}

struct Reads {
    title: &'static str,
    // The usual protocols that have it, in words.
    carriers: &'static str,
    protocols: &'static [u32],
    help: &'static str,
}

/// What octets behind the IP header are taken for.
fn reads(test: &Test) -> Option<&'static Reads> {
    const PORTS: &[u32] = &[6, 17, 33, 132, 136];
    const PORT_HELP: &str = "add the protocol: `protocol [ tcp udp ]`";
    match test.field() {
        Field::RawPort0 => {
            Some(&Reads { title: "source port", carriers: "TCP and UDP", protocols: PORTS, help: PORT_HELP })
        }
        Field::RawPort1 => Some(&Reads {
            title: "destination port",
            carriers: "TCP and UDP",
            protocols: PORTS,
            help: PORT_HELP,
        }),
        Field::RawOctet0 => Some(&Reads {
            title: "ICMP type",
            carriers: "ICMP",
            protocols: &[1, 2, 58],
            help: "add the protocol: `protocol icmp`, for IPv6 `icmp6`",
        }),
        Field::RawOctet1 => Some(&Reads {
            title: "ICMP code",
            carriers: "ICMP",
            protocols: &[1, 58],
            help: "add the protocol: `protocol icmp`, for IPv6 `icmp6`",
        }),
        Field::RawOctet13 => Some(&Reads {
            title: "TCP flags",
            carriers: "TCP",
            protocols: &[6],
            help: "add the protocol: `protocol tcp`",
        }),
        _ => None,
    }
}
