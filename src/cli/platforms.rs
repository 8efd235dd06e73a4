//! Devices named on the command line: a platform, a release of it, or a profile of the user's own.

use super::error::Error;
use super::pricing::{Attached, Platforms, Way};
use crate::config::{Config, parse_device};
use crate::cost::{self, Attachment, Device, Direction, Platform};
use crate::report::clean;
use crate::source::{Content, Place, Source};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Octets of a profile; a longer one is none.
const PROFILE_OCTETS: u64 = 1 << 20;

/// What `--platform` names.
#[derive(Clone, Debug)]
pub(super) enum Named {
    /// A platform that is built in, perhaps with a release.
    Known(Device),
    /// A profile in a file.
    File(PathBuf),
}

/// Reads what `--platform` names.
pub(super) fn parse(text: &str) -> Result<Named, String> {
    if Path::new(text).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml")) {
        return Ok(Named::File(text.into()));
    }
    let known =
        |message| format!("{message} (`flowgate platforms` lists them; a profile of yours ends in `.toml`)");
    parse_device(text).map(Named::Known).map_err(known)
}

/// Reads a profile.
pub(super) fn read(path: &Path) -> Result<Platform, Error> {
    let name = clean(&path.to_string_lossy()).into_owned();
    let failed = |source| Error::Read { path: name.clone(), source };
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(PROFILE_OCTETS).read_to_string(&mut text).map_err(failed)?;
    let source = Source::new(name.clone(), Content::Text(text));
    cost::parse_profile(source.text()).map_err(|error| {
        let (line, column) = match source.place(error.span.start) {
            Place::Text(at) => (at.line, at.column),
            Place::Binary(_) => (1, 1),
        };
        Error::Config { path: name, line, column, message: clean(&error.message).into_owned() }
    })
}

impl Named {
    /// The device, read where it is in a file.
    pub(super) fn device(&self) -> Result<Device, Error> {
        match self {
            Self::Known(device) => Ok(device.clone()),
            Self::File(path) => Ok(Device::of(Arc::new(read(path)?))),
        }
    }
}

/// The devices asked about: those named on the command line, with what flowgate.toml says of platforms of their name,
/// else those of flowgate.toml.
pub(super) fn devices(options: &Platforms, config: &Config) -> Result<Vec<Device>, Error> {
    let said = &config.settings.platforms;
    let mut devices = Vec::new();
    for named in &options.platform {
        let device = match named {
            Named::Known(device) => {
                let same = said.iter().find(|known| known.platform.name == device.platform.name);
                let release = device.release.clone();
                let mut device = same.unwrap_or(device).clone();
                device.release = release.or(device.release);
                device
            }
            Named::File(_) => named.device()?,
        };
        devices.push(device);
    }
    Ok(if devices.is_empty() { said.clone() } else { devices })
}

/// Attaches all lists as the command line says, where it does.
pub(super) fn attach(devices: &mut [Device], options: &Attached) {
    if options.direction.is_none() && options.interfaces.is_none() && options.chips.is_none() {
        return;
    }
    let direction = match options.direction {
        None | Some(Way::In) => Direction::Ingress,
        Some(Way::Out) => Direction::Egress,
    };
    let (interfaces, chips) = (options.interfaces.unwrap_or(1), options.chips.unwrap_or(1));
    for device in devices {
        device.attachments = vec![Attachment { rule_sets: None, direction, interfaces, chips }];
    }
}
