//! Places at the hooks of Linux: where base chains of nftables stand, and the chains of the system of iptables, which the
//! kernel keeps there too.

use std::fmt;

/// A place at a hook, written as the head of a base chain: `type filter hook input priority 0`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct HookPlace<'a> {
    /// `filter`, `nat` or `route`.
    pub(super) kind: &'a str,
    /// Its name in small letters.
    pub(super) hook: &'a str,
    /// The device, where the hook is one of each device.
    pub(super) device: Option<&'a str>,
    pub(super) priority: i64,
}

impl<'a> HookPlace<'a> {
    /// What a place of a rule set says; none where it is of another kind.
    pub(super) fn read(place: &'a str) -> Option<Self> {
        let rest = place.strip_prefix("type ")?;
        let (kind, rest) = rest.split_once(" hook ")?;
        let (head, priority) = rest.rsplit_once(" priority ")?;
        let (hook, device) = match head.split_once(" device ") {
            Some((hook, device)) => (hook, Some(device)),
            None => (head, None),
        };
        let priority = priority.parse().ok()?;
        Some(Self { kind, hook, device, priority })
    }

    /// Whether packets come to both at one hook, in the same way.
    pub(super) fn is_beside(&self, other: &HookPlace<'_>) -> bool {
        (self.kind, self.hook, self.device) == (other.kind, other.hook, other.device)
    }
}

impl fmt::Display for HookPlace<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, hook, device, priority } = self;
        write!(f, "type {kind} hook {hook}")?;
        if let Some(device) = device {
            write!(f, " device {device}")?;
        }
        write!(f, " priority {priority}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_as_they_are_written() {
        for text in [
            "type filter hook input priority 0",
            "type nat hook prerouting priority -100",
            "type filter hook ingress device eth0 priority -500",
        ] {
            assert_eq!(HookPlace::read(text).unwrap().to_string(), text);
        }
        assert_eq!(HookPlace::read("interface Gi0/0/0/0 ingress"), None);
        assert_eq!(HookPlace::read("type filter hook input priority x"), None);
    }
}
