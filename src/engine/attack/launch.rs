//! How a speaker of BGP comes to be there: a daemon that is started and connects to us, a program of the user's that is
//! started and that we connect to, or one that is there already.

use super::super::EngineError;
use super::super::bgp::{Identity, Session};
use super::super::measure::daemon::{HEARD, Neighbor, PORT, start};
use super::super::measure::{Engine, Inmate, Sandbox};
use crate::campaign::input::ASN;
use crate::dialect::flowspec::Table;
use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The AS of who watches.
const WATCHER: u32 = ASN + 1;

/// How a target comes to be there.
#[derive(Clone, Debug)]
pub enum Launch {
    /// A daemon; its programs as [`super::super::measure::About::programs`] name them.
    Daemon {
        /// Which.
        engine: Engine,
        /// Its programs.
        programs: Vec<PathBuf>,
    },
    /// A program that listens on a port of the loopback.
    Command {
        /// The program and its arguments.
        words: Vec<String>,
        /// The port.
        port: u16,
    },
    /// Nothing is started.
    There(SocketAddr),
}

/// Sessions with a target that is to be attacked over one and watched over another. A daemon is given several to be attacked
/// over, because it takes a second or more until it opens one again that it has ended.
#[derive(Debug)]
pub(super) struct Lines {
    launch: Launch,
    tables: &'static [Table],
    listeners: Vec<TcpListener>,
    watching: Option<TcpListener>,
}

/// Sessions to be attacked over, of a daemon.
const LANES: u8 = 6;

impl Lines {
    /// Listens where a daemon is to connect.
    pub(super) fn new(
        launch: Launch,
        tables: &'static [Table],
        sandbox: Option<&Sandbox>,
    ) -> Result<Self, EngineError> {
        let mut lines = Self { launch, tables, listeners: Vec::new(), watching: None };
        if let (Launch::Daemon { engine, .. }, Some(sandbox)) = (&lines.launch, sandbox) {
            let listen = |last: u8| {
                sandbox.inside(|| {
                    let at = SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), 0));
                    TcpListener::bind(at).map_err(|error| EngineError::io("listening", error))
                })
            };
            for lane in 0..LANES {
                lines.listeners.push(listen(2 + lane)?);
            }
            if *engine != Engine::ExaBgp {
                lines.watching = Some(listen(2 + LANES)?);
            }
        }
        Ok(lines)
    }

    /// How many sessions there may be to be attacked over.
    pub(super) fn lanes(&self) -> usize {
        self.listeners.len().max(1)
    }

    /// Whether what the target has taken is seen over a session.
    pub(super) fn watched(&self) -> bool {
        match &self.launch {
            Launch::Daemon { .. } => self.watching.is_some(),
            Launch::Command { .. } => true,
            Launch::There(_) => false,
        }
    }

    /// The file that what the target has taken is seen in, where it is one.
    pub(super) fn heard(&self) -> Option<&'static str> {
        matches!(&self.launch, Launch::Daemon { engine: Engine::ExaBgp, .. }).then_some(HEARD)
    }

    /// Starts the target; none where it is there.
    pub(super) fn start(&self, sandbox: Option<&Sandbox>) -> Result<Option<Inmate>, EngineError> {
        let Some(sandbox) = sandbox else { return Ok(None) };
        match &self.launch {
            Launch::There(_) => Ok(None),
            Launch::Command { words, .. } => {
                let Some((program, arguments)) = words.split_first() else { return Ok(None) };
                sandbox.start(program.as_ref(), arguments, &[], "log").map(Some)
            }
            Launch::Daemon { engine, programs } => {
                let mut neighbors = Vec::new();
                for (listener, asn, hears) in self
                    .listeners
                    .iter()
                    .map(|listener| (listener, ASN, false))
                    .chain(self.watching.iter().map(|listener| (listener, WATCHER, true)))
                {
                    let at = listener.local_addr().map_err(|error| EngineError::io("listening", error))?;
                    neighbors.push(Neighbor { at, asn, hears, connects: self.connects() });
                }
                // What an earlier one has heard is not this one's.
                _ = std::fs::remove_file(sandbox.folder().join(HEARD));
                start(*engine, programs, &neighbors, sandbox).map(Some)
            }
        }
    }

    /// Opens the session to be attacked over of that number.
    pub(super) fn lane(
        &self,
        number: usize,
        sandbox: Option<&Sandbox>,
        limit: Duration,
    ) -> Result<Session, EngineError> {
        let last = u8::try_from(number % 200).unwrap_or(0);
        let who = Identity { asn: ASN, id: Ipv4Addr::new(192, 0, 2, 2 + last), tables: self.tables };
        self.open(self.listeners.get(number), who, sandbox, limit)
    }

    /// Opens the session to watch over.
    pub(super) fn watcher(&self, sandbox: Option<&Sandbox>, limit: Duration) -> Result<Session, EngineError> {
        let who = Identity { asn: WATCHER, id: Ipv4Addr::new(192, 0, 2, 250), tables: self.tables };
        self.open(self.watching.as_ref(), who, sandbox, limit)
    }

    fn open(
        &self,
        listener: Option<&TcpListener>,
        who: Identity,
        sandbox: Option<&Sandbox>,
        limit: Duration,
    ) -> Result<Session, EngineError> {
        let to = match (&self.launch, listener) {
            (Launch::Daemon { .. }, Some(listener)) if self.connects() => {
                let from = listener.local_addr().map_err(|error| EngineError::io("listening", error))?;
                let Some(sandbox) = sandbox else { return Session::accept(listener, who, limit) };
                return sandbox.inside(|| connect_from(from, who, limit));
            }
            (Launch::Daemon { .. }, Some(listener)) => return Session::accept(listener, who, limit),
            (Launch::Daemon { .. }, None) => {
                return Err(EngineError::Timeout {
                    what: "waiting for a session that nobody opens".to_owned(),
                });
            }
            (Launch::Command { port, .. }, _) => SocketAddr::from((Ipv4Addr::LOCALHOST, *port)),
            (Launch::There(to), _) => *to,
        };
        match sandbox {
            Some(sandbox) => sandbox.inside(|| Session::connect(to, who, limit)),
            None => Session::connect(to, who, limit),
        }
    }

    /// Whether a daemon is connected to. Those that can be take no time of their own then until they connect.
    fn connects(&self) -> bool {
        matches!(&self.launch, Launch::Daemon { engine: Engine::GoBgp | Engine::Frr, .. })
    }

    /// What a daemon says of its version, on either output.
    pub(super) fn version(&self) -> String {
        let Launch::Daemon { engine, programs } = &self.launch else { return String::new() };
        let word = if *engine == Engine::Frr { "-v" } else { "--version" };
        let Some(program) = programs.first() else { return String::new() };
        let output = Command::new(program).arg(word).stdin(Stdio::null()).output();
        let Ok(output) = output else { return String::new() };
        let all = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&all);
        text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default().to_owned()
    }
}

/// Connects from an address to a daemon that listens, again and again while it does not, and opens the session.
fn connect_from(from: SocketAddr, who: Identity, limit: Duration) -> Result<Session, EngineError> {
    let end = Instant::now() + limit;
    let to = SocketAddr::from((Ipv4Addr::LOCALHOST, PORT));
    let one = || {
        let socket = socket(AddressFamily::INET, SocketType::STREAM, None)?;
        bind(&socket, &SocketAddr::new(from.ip(), 0))?;
        connect(&socket, &to)?;
        Ok::<_, rustix::io::Errno>(TcpStream::from(socket))
    };
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let last = match one() {
            Ok(stream) => match Session::over(stream, who, left) {
                Ok(session) => return Ok(session),
                Err(error) => error,
            },
            Err(error) => EngineError::io(format!("connecting to {to}"), error.into()),
        };
        if Instant::now() >= end {
            return Err(last);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
