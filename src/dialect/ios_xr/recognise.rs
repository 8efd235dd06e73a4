//! Whether a text is IOS XR's.
//!
//! IOS, EOS and NX-OS say `ip access-list`; IOS XR says `ipv4 access-list`. For IPv6 all of them say
//! `ipv6 access-list`, and a list of nothing but usual entries is the same text in each: such a file is IOS XR's
//! only where something else says so.

use super::words::Words;
use crate::dialect::Recognition;

/// How sure a text is IOS XR's, by lines that only it has.
pub(super) fn looks_like(text: &str, name: &str) -> Recognition {
    let (mut six, mut groups) = (false, false);
    for line in text.lines() {
        let line = line.trim_start_matches([' ', '\t', '\u{feff}']);
        // Another system's list in the same file: the IPv6 lists and the groups are its own too.
        if line.starts_with("ip access-list ") || line.starts_with("access-list ") {
            return Recognition::No;
        }
        if is_own(line) {
            return Recognition::Certain;
        }
        six |= line.starts_with("ipv6 access-list ");
        groups |= is_group(line) || six && names_group(line);
    }
    let named = name.to_ascii_lowercase().contains("xr")
        || name.to_ascii_lowercase().split('.').next_back() == Some("xacl");
    match (groups, six && named) {
        (true, _) => Recognition::Certain,
        (false, true) => Recognition::Possible,
        (false, false) => Recognition::No,
    }
}

/// Whether a text has IPv6 lists, and nothing that says whose they are.
pub(super) fn is_everybodys(text: &str) -> bool {
    let has = |head: &str| text.lines().any(|line| line.trim_start().starts_with(head));
    has("ipv6 access-list ") && !has("ip access-list ") && !has("access-list ")
}

fn is_own(line: &str) -> bool {
    // Most lines are told by their first letter.
    match line.as_bytes().first() {
        Some(b'i') => is_list_or_use(line),
        Some(b'n') => line.starts_with("no ipv4 access-list "),
        Some(b'c') => line.starts_with("class-map type traffic "),
        Some(b'p') => line.starts_with("policy-map type pbr ") || line.starts_with("policy-map transient "),
        Some(b's') => line.starts_with("service-policy type pbr "),
        Some(b'!') => line.contains("cisco-xr") || line.starts_with("!! IOS XR"),
        Some(b'R') => line.starts_with("RP/0/") && line.contains("CPU0:"),
        Some(b'F') => {
            let mut words = Words::new(line);
            let heads = [":Dest:", ":Source:", ":Proto:", ":NH:"];
            words.next() == "Flow" && heads.iter().any(|head| words.peek().starts_with(head))
        }
        _ => false,
    }
}

// `object-group network ipv4 NAME`: others leave the family out, or say `ip address`.
fn is_group(line: &str) -> bool {
    let mut words = Words::new(line);
    words.take("object-group")
        && words.take("network")
        && matches!(words.next(), "ipv4" | "ipv6")
        && !words.is_empty()
}

// An entry that names a group.
fn names_group(line: &str) -> bool {
    let mut words = Words::new(line);
    let mut entry = false;
    while !words.is_empty() {
        match words.next() {
            "permit" | "deny" => entry = true,
            "remark" => return false,
            "net-group" | "port-group" if entry => return true,
            _ => {}
        }
    }
    false
}

fn is_list_or_use(line: &str) -> bool {
    let mut words = Words::new(line);
    match (words.next(), words.next()) {
        ("ipv4", "access-list") => !words.is_empty(),
        ("ipv4" | "ipv6", "access-group") => {
            let mut direction = false;
            while !words.is_empty() {
                direction |= matches!(words.next(), "ingress" | "egress");
            }
            direction
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_ipv6_alone_is_everybodys() {
        assert_eq!(looks_like("ipv4 access-list A\n 10 permit any\n", ""), Recognition::Certain);
        assert_eq!(looks_like("ip access-list extended A\n permit ip any any\n", ""), Recognition::No);
        let six = "ipv6 access-list A\n 10 permit ipv6 any any\n";
        assert_eq!(looks_like(six, "edge.cfg"), Recognition::No);
        assert!(is_everybodys(six) && !is_everybodys(&format!("{six}ip access-list extended A\n")));
        assert_eq!(looks_like(six, "edge-xr.cfg"), Recognition::Possible);
        assert_eq!(
            looks_like("ipv6 access-list A\n 10 permit tcp any net-group B\n", ""),
            Recognition::Certain
        );
    }
}
