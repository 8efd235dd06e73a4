//! How nftables' text and JSON are told from other files.

use crate::dialect::Recognition;

/// Whether text is nftables'.
#[expect(clippy::case_sensitive_file_extension_comparisons, reason = "the name is made lower case")]
pub(super) fn text(text: &str, name: &str) -> Recognition {
    let mut seen = 0;
    let mut first = true;
    for line in text.lines() {
        let line = line.trim();
        if first && line.starts_with("#!") {
            if line.contains("nft") {
                return Recognition::Certain;
            }
            return Recognition::No;
        }
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        first = false;
        let mut words = line.split([' ', '\t', '{', ';']).filter(|word| !word.is_empty());
        let (one, two) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
        let family = matches!(two, "ip" | "ip6" | "inet" | "arp" | "bridge" | "netdev");
        let object = matches!(two, "table" | "chain" | "rule" | "set" | "map" | "element" | "ruleset");
        match one {
            "table" if family && line.contains('{') => return Recognition::Certain,
            "table" if line.ends_with('{') && line.split_whitespace().count() == 3 => seen = seen.max(1),
            "add" | "create" | "insert" | "flush" | "delete" | "destroy" | "list" if object => {
                return Recognition::Certain;
            }
            "chain" | "set" | "map" if seen > 0 && line.ends_with('{') => return Recognition::Certain,
            "type" if seen > 0 && line.contains(" hook ") => return Recognition::Certain,
            "define" | "redefine" | "undefine" if line.contains('=') || one == "undefine" => {
                seen = seen.max(1);
            }
            _ => {}
        }
    }
    let name = name.to_ascii_lowercase();
    let named = name.ends_with(".nft") || name.starts_with("nftables.") || name.contains(".nft.");
    if seen > 0 || named { Recognition::Possible } else { Recognition::No }
}

/// Whether text is the JSON of libnftables.
pub(super) fn json(text: &str) -> Recognition {
    let text = text.trim_start();
    let Some(rest) = text.strip_prefix('{') else { return Recognition::No };
    if rest.trim_start().starts_with("\"nftables\"") { Recognition::Certain } else { Recognition::No }
}
