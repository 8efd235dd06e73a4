//! Why a command could not run.

use crate::campaign::Trouble;
use crate::engine::EngineError;
use crate::feed::FeedError;
use crate::guard::Exhausted;
use crate::packet::CaptureError;
use std::io;
use std::net::SocketAddr;

/// Why a command could not run. Every one of these exits with code 2, and no report is written.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("cannot read `{path}`: {source}")]
    Read { path: String, source: io::Error },
    #[error("cannot write `{path}`: {source}")]
    Write { path: String, source: io::Error },
    #[error("`{path}` is larger than {limit} octets, the limit of a rule file (`rule-file-octets`)")]
    TooLarge { path: String, limit: u64 },
    #[error("`{path}` is of no dialect that is known here")]
    Unrecognised { path: String },
    #[error("`{path}` could be of `{dialect}` and of others: {what}")]
    Shared { path: String, dialect: &'static str, what: &'static str },
    #[error("`{path}` could be of several dialects: {}", candidates.join(", "))]
    Ambiguous { path: String, candidates: Vec<&'static str> },
    #[error("the dialect `{dialect}` is only written, not read")]
    WriteOnly { dialect: &'static str },
    #[error("{path}:{line}:{column}: {message}")]
    Config { path: String, line: u32, column: u32, message: String },
    #[error("`-` is given twice, and standard input can be read once")]
    StdinTwice,
    #[error("no rule was found: nothing read is not a pass")]
    NoRules,
    #[error("no rule was found: nothing read is not a pass; `{path}`: {message}")]
    NothingRead { path: String, message: String },
    #[error("`{path}` has not one rule set `{name}`, but these: {}", sets.join(", "))]
    NoSuchRuleSet { path: String, name: String, sets: Vec<String> },
    #[error("`{path}` has several rule sets, and one is needed: {}", sets.join(", "))]
    SeveralRuleSets { path: String, sets: Vec<String> },
    #[error("the rules cannot be printed as {dialect}")]
    Print { dialect: &'static str },
    #[error("{dialect} has no form `{form}`, but {}", if forms.is_empty() { "only one".to_owned() } else { forms.join(", ") })]
    NoSuchForm { dialect: &'static str, form: String, forms: &'static [&'static str] },
    #[error("one rule file is needed, not a folder of several")]
    SeveralFiles,
    #[error("`{path}`: {source}")]
    Capture { path: String, source: CaptureError },
    #[error("`{path}`: {source}")]
    Feed { path: String, source: Box<FeedError> },
    #[error("`{path}` has no packet {index}, but {packets}")]
    NoSuchPacket { path: String, index: u64, packets: u64 },
    #[error("`{text}` is no packet: {message}")]
    Packet { text: String, message: String },
    #[error("{path}:{line}:{column}: {message}")]
    Suite { path: String, line: u32, column: u32, message: String },
    #[error("`{text}` is no expression: column {column}: {message}")]
    Expression { text: String, column: usize, message: String },
    #[error("no rule is named `{name}`{hint}")]
    NoSuchRule { name: String, hint: String },
    #[error("no platform is named")]
    NoPlatform,
    #[error("`{platform}` has no resource `{name}`, but {}", if known.is_empty() { "none".to_owned() } else { known.join(", ") })]
    NoSuchResource { platform: String, name: String, known: Vec<String> },
    #[error("`{platform}` has nothing that grows with what one rule asks for")]
    NothingToSearch { platform: String },
    #[error("a search for the dearest rule has the forms terminal and json alone")]
    NoSearchForm,
    #[error("standard input cannot be edited: `--fix` takes files and folders")]
    FixStdin,
    #[error("cannot compare with `{named}`: {reason}")]
    Against { named: String, reason: String },
    #[error("`{name}` is not installed")]
    NoProgram { name: String },
    #[error("the engine `command` needs the command")]
    NoTemplate,
    #[error("`--command` is for the engine `command`, not for {engine}")]
    TemplateUnused { engine: &'static str },
    #[error("{0}")]
    Engine(#[source] EngineError),
    #[error("{0}")]
    Campaign(#[source] Trouble),
    #[error("a campaign is kept in `{path}`")]
    CampaignThere { path: String },
    #[error("the campaign that is kept is against `{kept}`, not against `{named}`")]
    OtherTarget { kept: String, named: String },
    #[error("`{at}` is not an address of this machine")]
    NotHere { at: SocketAddr },
    #[error("`{option}` is for `{of}`, and there is none")]
    OptionAlone { option: &'static str, of: &'static str },
    #[error("`{path}` is no {what} that was kept here")]
    NotKept { path: String, what: &'static str },
    #[error("there is no command `{name}`")]
    NoSuchCommand { name: String },
    #[error("{0}")]
    Exhausted(#[from] Exhausted),
}

impl Error {
    /// What the user can do about it.
    pub(super) fn help(&self) -> Option<&'static str> {
        match self {
            Self::Shared { .. } => Some("say `--dialect` with its name where it is"),
            Self::Unrecognised { .. } => Some("name it with `--dialect`; `flowgate dialects` lists them"),
            Self::Ambiguous { .. } => Some("say which with `--dialect`"),
            Self::NoRules | Self::NothingRead { .. } => Some("`--allow-empty` accepts that"),
            Self::NoSuchRuleSet { .. } | Self::SeveralRuleSets { .. } => Some(
                "name one as `FILE:RULE-SET`; the part behind the last `/` is enough where it is the only one",
            ),
            Self::Packet { .. } => Some("write it as `udp 198.51.100.7:53 > 192.0.2.9:40000 len 1200`"),
            Self::Expression { .. } => {
                Some("write it as `dst in 192.0.2.0/24 and tcp and dport 22 and verdict accept`")
            }
            Self::NoPlatform => {
                Some("name one with `--platform` or in flowgate.toml; `flowgate platforms` lists them")
            }
            Self::NoSuchCommand { .. } => Some("`flowgate help` lists them"),
            Self::TooLarge { .. } => Some("split the file"),
            Self::NoProgram { .. } => Some("install the engine, and unshare and nsenter of util-linux"),
            Self::NoTemplate => Some("give it as `--command 'prog {rules}'`"),
            Self::Engine(EngineError::NoSandbox { .. }) => {
                Some("run it as root, or allow user namespaces (`sysctl kernel.unprivileged_userns_clone=1`)")
            }
            Self::CampaignThere { .. } => {
                Some("go on with it by `--resume`, or name another folder with `--into`")
            }
            Self::NotHere { .. } => Some("attack what is yours: `--i-own-this` says that it is"),
            Self::NotKept { .. } => {
                Some("name the folder of a finding, or a folder of a campaign with `--into`")
            }
            Self::Campaign(_)
            | Self::OptionAlone { .. }
            | Self::OtherTarget { .. }
            | Self::Read { .. }
            | Self::TemplateUnused { .. }
            | Self::Engine(_)
            | Self::Write { .. }
            | Self::SeveralFiles
            | Self::StdinTwice
            | Self::NoSuchForm { .. }
            | Self::Capture { .. }
            | Self::Feed { .. }
            | Self::NoSuchPacket { .. }
            | Self::Print { .. }
            | Self::WriteOnly { .. }
            | Self::Config { .. }
            | Self::Against { .. }
            | Self::FixStdin
            | Self::NoSuchResource { .. }
            | Self::NothingToSearch { .. }
            | Self::NoSearchForm
            | Self::Suite { .. }
            | Self::NoSuchRule { .. }
            | Self::Exhausted(_) => None,
        }
    }
}
