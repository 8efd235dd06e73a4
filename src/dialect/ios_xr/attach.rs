//! Where lists are attached beyond the interfaces: lines, servers and other services of the router. And the one name of
//! an interface that may be written in several ways.

use super::acl::set_name;
use super::lower::Reader;
use super::syntax::Tree;
use crate::ir::Attached;
use crate::source::Span;
use std::borrow::Cow;

/// Kinds of interfaces, as the router writes them.
const KINDS: [&str; 20] = [
    "Bundle-Ether",
    "Bundle-POS",
    "BVI",
    "FastEthernet",
    "FiftyGigE",
    "FortyGigE",
    "FourHundredGigE",
    "GigabitEthernet",
    "HundredGigE",
    "Loopback",
    "MgmtEth",
    "Null",
    "POS",
    "PW-Ether",
    "Serial",
    "TenGigE",
    "TwentyFiveGigE",
    "TwoHundredGigE",
    "tunnel-ip",
    "tunnel-te",
];

/// Short words that are no beginning of what they stand for.
const SHORT: [(&str, &str); 5] = [
    ("be", "Bundle-Ether"),
    ("fh", "FourHundredGigE"),
    ("mg", "MgmtEth"),
    ("tf", "TwentyFiveGigE"),
    ("th", "TwoHundredGigE"),
];

/// The name that the router keeps for an interface; what is not known stays as it is.
pub(super) fn interface(name: &str) -> Cow<'_, str> {
    let at = name.find(|c: char| c.is_ascii_digit()).unwrap_or(name.len());
    let (word, number) = name.split_at_checked(at).unwrap_or((name, ""));
    let small = word.to_ascii_lowercase();
    let short = SHORT.iter().find(|(short, _)| *short == small).map(|(_, kind)| *kind);
    let mut fits = KINDS.iter().filter(|kind| kind.to_ascii_lowercase().starts_with(&small));
    let only = fits.next().filter(|kind| fits.next().is_none() || kind.eq_ignore_ascii_case(word)).copied();
    match short.or(only) {
        Some(kind) if !word.is_empty() && kind != word => Cow::Owned(format!("{kind}{number}")),
        _ => Cow::Borrowed(name),
    }
}

impl<'a> Reader<'a> {
    /// What lines and servers name: the statements above and the words before the name are the place.
    pub(super) fn services(&mut self, tree: &Tree) {
        // Statements that the one being looked at may stand in, each with how deep it stands.
        let mut above: Vec<(usize, &'a str)> = Vec::new();
        for span in &tree.other {
            if !self.affords(1, *span) {
                return;
            }
            let line = self.slice(*span);
            let depth = self.depth(*span);
            while above.last().is_some_and(|(other, _)| *other >= depth) {
                above.pop();
            }
            self.service(line, &above);
            above.push((depth, line));
        }
    }

    fn service(&mut self, line: &'a str, above: &[(usize, &str)]) {
        // Words that a name stands behind, and whether they have been seen last.
        let (mut six, mut named) = (None, false);
        let mut place: Vec<&str> = above.iter().flat_map(|(_, line)| line.split_whitespace()).collect();
        for word in line.split_whitespace() {
            match word {
                "access-list" | "access-class" | "access-group" => named = true,
                "ipv4" | "IPv4" | "ipv6" | "IPv6" => {
                    six = Some(word.ends_with('6'));
                    // A community of SNMP names its lists behind these.
                    named |= word.starts_with('I');
                }
                // Of peers or of a direction.
                "ingress" | "egress" | "peer" | "serve" | "serve-only" | "query-only" => {}
                name if named => {
                    named = false;
                    let families = six.map_or(vec![false, true], |six| vec![six]);
                    for six in families {
                        let place = place.join(" ").into();
                        self.attached.insert(Attached { rule_set: set_name(six, name).into(), place });
                    }
                    continue;
                }
                _ => {}
            }
            place.push(word);
        }
    }

    /// How many octets stand in front of a statement in its line.
    fn depth(&self, span: Span) -> usize {
        let before = self.text.get(..span.range().start).unwrap_or("");
        before.len() - before.rfind('\n').map_or(0, |at| at + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_has_one_name() {
        for (short, long) in [
            ("Gi0/0/0/0", "GigabitEthernet0/0/0/0"),
            ("gigabitethernet0/0/0/0.7", "GigabitEthernet0/0/0/0.7"),
            ("Te0/1/0/0", "TenGigE0/1/0/0"),
            ("BE7", "Bundle-Ether7"),
            ("POS0/1", "POS0/1"),
            ("T0/1", "T0/1"),
            ("Made-Up1", "Made-Up1"),
            ("7", "7"),
        ] {
            assert_eq!(interface(short), long);
        }
    }
}
