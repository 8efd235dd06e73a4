//! A device rules are sent to: a platform, its release, what the user allows it, and where its lists are attached.

use super::platform::Platform;
use super::profile;
use super::release::Release;
use globset::GlobMatcher;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A device rules are sent to.
#[derive(Clone, Debug)]
pub struct Device {
    /// What it is.
    pub platform: Arc<Platform>,
    /// Which release runs on it, where that was said.
    pub release: Option<Release>,
    /// What the user allows of each resource, by name.
    pub budgets: BTreeMap<String, u64>,
    /// Where lists are attached; one that no entry names is attached once, on ingress.
    pub attachments: Vec<Attachment>,
}

/// Where lists are attached.
#[derive(Clone, Debug)]
pub struct Attachment {
    /// The names of the rule sets; none for all.
    pub rule_sets: Option<GlobMatcher>,
    /// The direction.
    pub direction: Direction,
    /// On how many interfaces.
    pub interfaces: u64,
    /// On how many forwarding chips these lie.
    pub chips: u64,
}

/// The direction a list looks at packets in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Packets that come in.
    Ingress,
    /// Packets that go out.
    Egress,
}

impl Default for Attachment {
    fn default() -> Self {
        Self { rule_sets: None, direction: Direction::Ingress, interfaces: 1, chips: 1 }
    }
}

impl Device {
    /// A platform of which nothing else is known.
    pub fn of(platform: Arc<Platform>) -> Self {
        Self { platform, release: None, budgets: BTreeMap::new(), attachments: Vec::new() }
    }

    /// Its name, with the release where one is said.
    pub fn name(&self) -> String {
        match &self.release {
            Some(release) => format!("{}@{release}", self.platform.name),
            None => self.platform.name.clone(),
        }
    }

    /// Where the source of a figure is to be found, in words.
    pub fn cites(&self, sources: &str) -> String {
        let built_in = profile::by_name(&self.platform.name)
            .is_some_and(|known| Arc::ptr_eq(&known.platform, &self.platform));
        if built_in {
            format!("source {sources} of the platforms page")
        } else {
            format!("source: {sources}")
        }
    }

    /// Where a rule set is attached.
    pub(crate) fn attached(&self, rule_set: &str) -> Vec<Attachment> {
        // A name is meant whole, or without what the dialect puts before it.
        let short = rule_set.rsplit('/').next().unwrap_or(rule_set);
        let named = |of: &&Attachment| {
            of.rule_sets.as_ref().is_none_or(|glob| glob.is_match(rule_set) || glob.is_match(short))
        };
        let found: Vec<Attachment> = self.attachments.iter().filter(named).cloned().collect();
        if found.is_empty() { vec![Attachment::default()] } else { found }
    }
}
