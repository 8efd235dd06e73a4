//! Releases of programs, and whether one has a fault that later ones mended.

use std::fmt;
use std::str::FromStr;

/// A release, as `2.17.5`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct Release(Vec<u32>);

/// A text that is no release.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a release is numbers with dots between, as 2.17.5")]
pub struct ParseReleaseError;

impl FromStr for Release {
    type Err = ParseReleaseError;

    fn from_str(text: &str) -> Result<Self, ParseReleaseError> {
        let parts: Result<Vec<u32>, _> = text.split('.').map(str::parse).collect();
        parts.ok().filter(|parts| parts.len() <= 6).map(Self).ok_or(ParseReleaseError)
    }
}

impl TryFrom<String> for Release {
    type Error = ParseReleaseError;

    fn try_from(text: String) -> Result<Self, ParseReleaseError> {
        text.parse()
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.0.iter().enumerate() {
            write!(f, "{}{part}", if index > 0 { "." } else { "" })?;
        }
        Ok(())
    }
}

/// Whether a release behaves as a profile says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Affected {
    /// It does.
    Yes,
    /// It was mended.
    No,
    /// The release is not said, or nothing is known of its branch.
    Unknown,
}

/// Whether a release has what was mended in the releases of `fixed`, one for each branch. What was never mended is
/// in all of them.
///
/// A branch is what stands before the last number. A release below all of `fixed`, or below the one of its branch, has
/// the fault; one at or above that of its branch, or above all, has not; of a branch between nothing is known.
pub(crate) fn affected(fixed: &[Release], release: Option<&Release>) -> Affected {
    let (Some(first), Some(last)) = (fixed.iter().min(), fixed.iter().max()) else { return Affected::Yes };
    let Some(release) = release else { return Affected::Unknown };
    if release < first {
        return Affected::Yes;
    }
    if release >= last {
        return Affected::No;
    }
    let branch = |fix: &&Release| {
        let stem = fix.0.split_last().map_or(&[][..], |(_, stem)| stem);
        !stem.is_empty() && release.0.starts_with(stem)
    };
    match fixed.iter().find(branch) {
        Some(fix) if release >= fix => Affected::No,
        Some(_) => Affected::Yes,
        None => Affected::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(fixed: &[&str], release: &str) -> Affected {
        let fixed: Vec<Release> = fixed.iter().map(|fix| fix.parse().unwrap()).collect();
        affected(&fixed, Some(&release.parse().unwrap()))
    }

    #[test]
    fn each_branch_is_mended_by_its_own_release() {
        let fixed = ["2.17.5", "2.18.2", "2.19.1", "3.1.7", "3.2.2", "3.3.1"];
        for release in ["2.0.12", "2.17.4", "2.18.1", "2.18", "3.1.6", "3.3.0"] {
            assert_eq!(of(&fixed, release), Affected::Yes, "{release}");
        }
        for release in ["2.17.5", "2.18.2", "2.19.2", "3.1.7", "3.3.1", "3.4", "4.0"] {
            assert_eq!(of(&fixed, release), Affected::No, "{release}");
        }
        assert_eq!(of(&fixed, "3.0.1"), Affected::Unknown);
        assert_eq!(of(&[], "1"), Affected::Yes);
        assert_eq!(affected(&["2.16".parse().unwrap()], None), Affected::Unknown);
        assert_eq!(of(&["2.16"], "2.0.12"), Affected::Yes);
    }

    #[test]
    fn what_is_no_release_is_refused() {
        for text in ["", "2.", "v2", "2.x", "1.2.3.4.5.6.7"] {
            assert!(text.parse::<Release>().is_err(), "{text}");
        }
        assert_eq!("2.17.5".parse::<Release>().unwrap().to_string(), "2.17.5");
    }
}
