//! Boolean trees of libpcap's primitives.

use std::fmt;

/// An expression, constants folded away.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Tree {
    True,
    False,
    // A primitive or relation; needs no parentheses.
    Leaf(String),
    And(Vec<Tree>),
    Or(Vec<Tree>),
    Not(Box<Tree>),
    // Something libpcap cannot look at; never printed.
    Blind,
}

impl Tree {
    /// Whether any part is something libpcap cannot look at.
    pub(super) fn is_blind(&self) -> bool {
        match self {
            Self::Blind => true,
            Self::And(parts) | Self::Or(parts) => parts.iter().any(Self::is_blind),
            Self::Not(part) => part.is_blind(),
            Self::True | Self::False | Self::Leaf(_) => false,
        }
    }

    pub(super) fn leaf(text: impl Into<String>) -> Self {
        Self::Leaf(text.into())
    }

    pub(super) fn and(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut list = Vec::new();
        for part in parts {
            match part {
                Self::True => {}
                Self::False => return Self::False,
                Self::And(inner) => list.extend(inner),
                other => list.push(other),
            }
        }
        match list.len() {
            0 => Self::True,
            1 => list.swap_remove(0),
            _ => Self::And(list),
        }
    }

    pub(super) fn or(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut list = Vec::new();
        for part in parts {
            match part {
                Self::False => {}
                Self::True => return Self::True,
                Self::Or(inner) => list.extend(inner),
                other => list.push(other),
            }
        }
        match list.len() {
            0 => Self::False,
            1 => list.swap_remove(0),
            _ => Self::Or(list),
        }
    }

    pub(super) fn not(part: Self) -> Self {
        match part {
            Self::True => Self::False,
            Self::False => Self::True,
            Self::Not(inner) => *inner,
            other => Self::Not(Box::new(other)),
        }
    }
}

impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |f: &mut fmt::Formatter<'_>, parts: &[Self], word: &str| {
            for (index, part) in parts.iter().enumerate() {
                if index > 0 {
                    write!(f, " {word} ")?;
                }
                // The two words have the same precedence, and group to the left.
                if matches!(part, Self::And(_) | Self::Or(_)) {
                    write!(f, "({part})")?;
                } else {
                    fmt::Display::fmt(part, f)?;
                }
            }
            Ok(())
        };
        match self {
            // There is no word for true or false: comparisons of numbers are.
            Self::True => f.write_str("len >= 0"),
            Self::False | Self::Blind => f.write_str("len < 0"),
            Self::Leaf(text) => f.write_str(text),
            Self::And(parts) => joined(f, parts, "and"),
            Self::Or(parts) => joined(f, parts, "or"),
            Self::Not(part) => write!(f, "not ({part})"),
        }
    }
}
