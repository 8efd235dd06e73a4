//! Whether a text is of iptables, and what it says of family and back end.

use super::values::{Address, address};
use crate::dialect::Recognition;
use crate::field::Family;

/// The family that a first line of iptables-save names.
pub(super) fn family_of_header(program: &str) -> Option<Family> {
    if program.contains("iptables-restore and ip6tables-restore") {
        return Some(Family::Any);
    }
    let word = program.split_whitespace().find(|word| word.contains("tables"))?;
    if word.starts_with("ip6tables") {
        Some(Family::Inet6)
    } else {
        word.starts_with("iptables").then_some(Family::Inet)
    }
}

/// The family that addresses or options name, the first of them.
pub(super) fn family_of_text(text: &str) -> Option<Family> {
    let mut option = "";
    for line in text.lines() {
        let line = line.trim_start();
        if !line.starts_with(['-', '[', '!']) {
            if line.starts_with(['#', '*', ':']) || line == "COMMIT" {
                continue;
            }
            // Commands of a shell file, and listings.
            if let Some(family) = line.split_whitespace().find_map(listed) {
                return Some(family);
            }
        }
        for word in line.split_ascii_whitespace() {
            let found = match option {
                "-s" | "-d" | "--source" | "--destination" | "--src" | "--dst" | "--src-range"
                | "--dst-range" | "--to-source" | "--to-destination" | "--to" => listed(word),
                "-p" | "--protocol" | "--proto" => match word {
                    "icmp" => Some(Family::Inet),
                    "icmpv6" | "ipv6-icmp" | "icmp6" => Some(Family::Inet6),
                    _ => None,
                },
                "--reject-with" if word.starts_with("icmp6") => Some(Family::Inet6),
                "--reject-with" if word.starts_with("icmp") => Some(Family::Inet),
                "-m" | "--match" => match word {
                    "ttl" | "icmp" | "realm" => Some(Family::Inet),
                    "hl" | "icmp6" | "icmpv6" | "frag" | "hbh" | "dst" | "rt" | "ipv6header" | "mh"
                    | "srh" | "eui64" => Some(Family::Inet6),
                    _ => None,
                },
                "-j" | "--jump" => match word {
                    "TTL" | "ECN" | "ULOG" => Some(Family::Inet),
                    "HL" | "SNPT" | "DNPT" => Some(Family::Inet6),
                    _ => None,
                },
                _ => None,
            };
            if found.is_some() {
                return found;
            }
            match word {
                "-f" | "--fragment" | "--icmp-type" => return Some(Family::Inet),
                "--icmpv6-type" => return Some(Family::Inet6),
                _ if word == "!" => {}
                _ => option = word,
            }
        }
        option = "";
    }
    None
}

/// The family of an address, or of the first of a list or range.
fn listed(word: &str) -> Option<Family> {
    let first = word.trim_start_matches(['!', '[']).split([',', '-']).next()?;
    if !first.contains(['.', ':', '/']) {
        return None;
    }
    match address(first).ok()? {
        // A number with a slash is not enough: `5/min`.
        Address::V4 { .. } if !first.contains('.') => None,
        found => Some(found.family()),
    }
}

/// Whether rules of the text make the kernel track connections.
pub(super) fn tracks_connections(text: &str) -> bool {
    const WORDS: [&str; 11] = [
        "-m state",
        "-m conntrack",
        "-m conn",
        "-m helper",
        "-j CT",
        "-j DNAT",
        "-j SNAT",
        "-j MASQUERADE",
        "-j REDIRECT",
        "-j CONN",
        "-j SYNPROXY",
    ];
    WORDS.iter().any(|word| text.contains(word)) || text.lines().any(|line| line.trim() == "*nat")
}

/// Whether a rule of the text has that target.
pub(super) fn has_target(text: &str, target: &str) -> bool {
    let word = |c: u8| c.is_ascii_alphanumeric() || c == b'_' || c == b'-';
    text.match_indices(target).any(|(at, found)| {
        let after = text.as_bytes().get(at + found.len());
        let before = text.get(..at).unwrap_or("");
        // `CONNMARK` restores what it saved: it counts as `MARK` does.
        let begins = ["-j", "--jump", "CONN", "H", " ", "="].iter().any(|head| before.ends_with(head));
        begins && after.is_none_or(|c| !word(*c))
    })
}

/// Whether the text is what `iptables -L` shows.
pub(super) fn is_listing(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let Some(first) = lines.next() else { return false };
    // One table of several may have its name in front.
    let first = if first.starts_with("Table: ") { lines.next().unwrap_or("") } else { first };
    let head = first.starts_with("Chain ") && first.ends_with(')');
    head && lines.next().is_some_and(|line| {
        let columns = ["target", "prot", "opt", "source", "destination"];
        let mut words = line.split_whitespace();
        columns.iter().all(|column| words.any(|word| word == *column))
    })
}

/// How sure a text is of iptables.
pub(super) fn looks_like(text: &str) -> Recognition {
    if is_listing(text) {
        return Recognition::Certain;
    }
    let mut possible = Recognition::No;
    let mut table = false;
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()).take(2_000) {
        // Counters stand before the rule.
        let counted = line.strip_prefix('[').and_then(|line| line.split_once("] -A "));
        let counted =
            counted.filter(|(counters, _)| counters.bytes().all(|b| b.is_ascii_digit() || b == b':'));
        let line = counted.map_or(line, |(counters, _)| line.get(counters.len() + 3..).unwrap_or(line));
        let mut words = line.split_whitespace();
        let (first, second) = (words.next().unwrap_or(""), words.next());
        let rule_like = |word: Option<&str>| word.is_some_and(|w| !w.starts_with('-'));
        match first {
            _ if line.starts_with('#') => {
                if line.contains("Generated by ip") && line.contains("tables-save") {
                    return Recognition::Certain;
                }
            }
            "*filter" | "*nat" | "*mangle" | "*raw" | "*security" if second.is_none() => table = true,
            _ if table && first.starts_with(':') && second.is_some() => return Recognition::Certain,
            "-A" | "-I" | "-P" | "-N" | "--append" | "--policy" if rule_like(second) => {
                return if table || is_rule(line) { Recognition::Certain } else { Recognition::Possible };
            }
            "create" if second.is_some() && words.next().is_some_and(is_set_type) => {
                return Recognition::Certain;
            }
            "sudo" if second.is_some_and(is_program) => return Recognition::Certain,
            _ if is_program(first) && second.is_some_and(|w| w.starts_with('-')) => {
                return Recognition::Certain;
            }
            _ if table && line == "COMMIT" => return Recognition::Certain,
            _ if table => return Recognition::Possible,
            // The head of a shell file: assignments, comments, commands.
            _ if first.contains("tables-translate") => return Recognition::No,
            _ if first.contains("iptables") || first.contains("ip6tables") => {
                possible = Recognition::Possible;
            }
            _ if text.starts_with("#!") || first.contains('=') => {}
            _ => return possible,
        }
    }
    if table { Recognition::Possible } else { possible }
}

fn is_program(word: &str) -> bool {
    let name = word.rsplit('/').next().unwrap_or(word);
    matches!(
        name,
        "iptables" | "ip6tables" | "iptables-legacy" | "ip6tables-legacy" | "iptables-nft" | "ip6tables-nft"
    )
}

/// A line with a chain and a target or a known option.
fn is_rule(line: &str) -> bool {
    let mut words = line.split_whitespace().skip(2);
    line.starts_with("-P ") && words.clone().next().is_some_and(|word| matches!(word, "ACCEPT" | "DROP"))
        || line.starts_with("-N ") && words.clone().next().is_none()
        || words.any(|word| matches!(word, "-j" | "-p" | "-s" | "-d" | "-i" | "-o" | "-m" | "-g" | "--jump"))
}

fn is_set_type(word: &str) -> bool {
    word.starts_with("hash:") || word.starts_with("bitmap:") || word == "list:set"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_says_its_family() {
        assert_eq!(family_of_header("ip6tables-save v1.8.9 on x"), Some(Family::Inet6));
        assert_eq!(family_of_text("*filter\n-A INPUT -s ::1 -j DROP"), Some(Family::Inet6));
        assert_eq!(family_of_text("-A INPUT ! -s 10.0.0.0/8"), Some(Family::Inet));
        assert_eq!(family_of_text("-A INPUT -m limit --limit 5/min --mac-source 00:11:22:33:44:55"), None);
        assert_eq!(family_of_text("-A INPUT -p icmpv6"), Some(Family::Inet6));
    }

    #[test]
    fn texts_are_told_apart() {
        assert_eq!(looks_like("*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n"), Recognition::Certain);
        assert_eq!(looks_like("-P INPUT ACCEPT\n-A INPUT -j DROP\n"), Recognition::Certain);
        assert_eq!(looks_like("#!/bin/sh\nIPT=/sbin/iptables\niptables -F\n"), Recognition::Certain);
        assert_eq!(looks_like("table ip filter {\n"), Recognition::No);
        assert_eq!(looks_like("firewall {\n"), Recognition::No);
        assert!(
            has_target("-A X -j MARK --set", "MARK") && !has_target("--ctmark 1 -m mark --mark 1", "MARK")
        );
    }
}
