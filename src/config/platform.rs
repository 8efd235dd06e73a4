//! `[[platform]]`: the devices on the way of the rules, by name or by a profile of the user's own.

use super::{ConfigError, nearest, pattern, wrong};
use crate::cost::{self, Attachment, Device, Direction, Platform, Release};
use crate::source::Span;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    r#use: Option<Spanned<String>>,
    path: Option<Spanned<String>>,
    release: Option<Spanned<String>>,
    #[serde(default)]
    budget: BTreeMap<Spanned<String>, u64>,
    #[serde(default)]
    attach: Vec<RawAttachment>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawAttachment {
    rule_set: Option<Spanned<String>>,
    direction: Option<Direction>,
    interfaces: Option<Spanned<u64>>,
    chips: Option<Spanned<u64>>,
}

/// The device a `[[platform]]` says.
pub(super) fn device(
    raw: &Raw,
    profile: &mut dyn FnMut(&str) -> Result<Platform, String>,
) -> Result<Device, ConfigError> {
    let mut device = match (&raw.r#use, &raw.path) {
        (Some(name), None) => known(name.get_ref()).map_err(|message| wrong(name, message))?,
        (None, Some(path)) => {
            let platform = profile(path.get_ref()).map_err(|message| wrong(path, message))?;
            Device::of(Arc::new(platform))
        }
        (Some(_), Some(path)) => return Err(wrong(path, "say `use` or `path`, not both")),
        (None, None) => {
            let message = "a platform needs a name or a profile: say `use` or `path`".to_owned();
            return Err(ConfigError { span: Span::default(), message });
        }
    };
    if let Some(release) = &raw.release {
        let parsed: Result<Release, _> = release.get_ref().parse();
        device.release = Some(parsed.map_err(|error| wrong(release, error.to_string()))?);
    }
    for (resource, budget) in &raw.budget {
        let text = resource.get_ref();
        if device.platform.resource(text).is_none() {
            let known = device.platform.resource.iter().map(|resource| resource.name.as_str());
            let hint = nearest(text, known).map(|near| format!("; is `{near}` meant?")).unwrap_or_default();
            let name = &device.platform.name;
            return Err(wrong(resource, format!("`{name}` has no resource `{text}`{hint}")));
        }
        device.budgets.insert(text.clone(), *budget);
    }
    device.attachments = raw.attach.iter().map(attachment).collect::<Result<_, _>>()?;
    Ok(device)
}

fn attachment(raw: &RawAttachment) -> Result<Attachment, ConfigError> {
    let number = |given: &Option<Spanned<u64>>| match given {
        Some(number) if *number.get_ref() == 0 => Err(wrong(number, "a list is attached at least 1 time")),
        Some(number) => Ok(*number.get_ref()),
        None => Ok(1),
    };
    Ok(Attachment {
        rule_sets: raw.rule_set.as_ref().map(|glob| pattern(glob, false)).transpose()?,
        direction: raw.direction.unwrap_or(Direction::Ingress),
        interfaces: number(&raw.interfaces)?,
        chips: number(&raw.chips)?,
    })
}

/// The platform of that name, or why there is none.
fn known(name: &str) -> Result<Device, String> {
    cost::by_name(name).cloned().ok_or_else(|| {
        let known = cost::platforms().iter().map(|device| device.platform.name.as_str());
        let hint = nearest(name, known).map(|near| format!("; is `{near}` meant?")).unwrap_or_default();
        format!("there is no platform `{name}`{hint}")
    })
}

/// A device in a word, as `bird` or `bird@2.17.5`; what is no name of a platform is why.
pub fn parse_device(text: &str) -> Result<Device, String> {
    let (name, release) = match text.split_once('@') {
        Some((name, release)) => (name, Some(release)),
        None => (text, None),
    };
    let mut device = known(name)?;
    let release = release.map(|text| text.parse::<Release>().map_err(|error| error.to_string()));
    device.release = release.transpose()?;
    Ok(device)
}
