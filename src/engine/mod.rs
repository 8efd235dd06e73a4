//! The real ones: programs that are started and stopped, a small BGP speaker that talks to them, and a Linux kernel
//! that packets are sent through.
//!
//! What the rest of the house claims about a daemon or a kernel is held against it here; nothing below knows how.

#[cfg(target_os = "linux")]
pub mod attack;
pub mod bgp;
#[cfg(target_os = "linux")]
pub mod kernel;
#[cfg(target_os = "linux")]
pub mod measure;
pub mod pcre2;
pub mod program;

use std::io;

/// Why an engine gave no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// A program could not be started, or a socket not be used.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: String,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// Nothing came in time.
    #[error("nothing came in time while {what}")]
    Timeout {
        /// What was being done.
        what: String,
    },
    /// The other side ended the session.
    #[error("the session was ended with notification {code}/{subcode}")]
    Notification {
        /// The error code (RFC 4271 §4.5).
        code: u8,
        /// The subcode.
        subcode: u8,
    },
    /// A program does not take what it was given.
    #[error("`{program}` refuses: {said}")]
    Refused {
        /// The program.
        program: String,
        /// What it says.
        said: String,
    },
    /// The kernel is not as it should be.
    #[error("{0}")]
    Kernel(String),
    /// Neither our rights nor user namespaces make a sandbox.
    #[error("no sandbox can be made: {said}")]
    NoSandbox {
        /// What the system says.
        said: String,
    },
    /// Octets that are no BGP.
    #[error("what came is no BGP: {0}")]
    NotBgp(&'static str),
}

impl EngineError {
    fn io(what: impl Into<String>, source: io::Error) -> Self {
        Self::Io { what: what.into(), source }
    }
}
