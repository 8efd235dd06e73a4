//! Whether a text is FRR's.

use super::parse;
use crate::dialect::Recognition;

/// Whether a text configures and does not show.
pub(super) fn is_configuration(text: &str) -> bool {
    text.lines().take(20_000).any(|line| {
        let line = line.trim_start();
        line.starts_with("pbr-map ") || line.starts_with("pbr-policy ") || line.starts_with("router bgp ")
    }) && !text.contains("(flags 0x")
}

/// How sure a text is FRR's.
pub(super) fn looks_like(text: &str) -> Recognition {
    let start = text.trim_start();
    if start.starts_with('{') {
        let shown = ["\"vrfId\"", "\"routes\"", "\"bestpath\""].iter().all(|name| start.contains(name));
        let flow =
            ["\"to\":", "\"from\":", "\"proto\":", "\"dstp\":"].iter().any(|name| start.contains(name));
        return if shown && flow { Recognition::Certain } else { Recognition::No };
    }
    if start.starts_with("[\n") || start.starts_with("[{") || start.starts_with("[ {") {
        let shown = start.contains("\"ecomlist\":\"FS:");
        return if shown { Recognition::Certain } else { Recognition::No };
    }
    let mut seen = Recognition::No;
    for line in text.lines().take(20_000) {
        let entry = line.contains("BGP flowspec entry:") || line.contains("(flags 0x4");
        if entry || parse::short_form(line) {
            return Recognition::Certain;
        }
        let line = line.trim();
        let mut words = line.split_whitespace();
        match (words.next(), words.next(), words.next()) {
            (Some("pbr-map"), Some(_), Some("seq")) | (Some("pbr"), Some("table"), Some("range")) => {
                return Recognition::Certain;
            }
            (Some("pbr-policy" | "local-install"), Some(_), None)
            | (Some("address-family"), Some("ipv4" | "ipv6"), Some("flowspec"))
            | (Some("frr"), Some("version" | "defaults"), _) => seen = Recognition::Possible,
            _ => {}
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_and_configured_is_known() {
        let sure = looks_like;
        assert_eq!(sure("BGP flowspec entry: (flags 0x418)\n\tPort = 80\n"), Recognition::Certain);
        assert_eq!(sure("*>  to 10.0.2.0/24 tcp = 2,&= ! 16      0 65001 ?\n"), Recognition::Certain);
        assert_eq!(sure("pbr-map A seq 5\n match src-ip 10.0.0.0/8\n"), Recognition::Certain);
        assert_eq!(sure("*> [destination: 10.0.0.0/24]"), Recognition::No);
        assert_eq!(sure("*> 10.0.0.0/8 192.0.2.1 0 65001 i"), Recognition::No);
        assert_eq!(sure("router bgp 1\n address-family ipv4 flowspec\n"), Recognition::Possible);
    }
}
