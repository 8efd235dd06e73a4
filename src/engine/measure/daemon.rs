//! Daemons that hear flow routes over BGP on the loopback of a sandbox.

use super::super::EngineError;
use super::super::bgp::{Identity, Session};
use super::Engine;
use super::sandbox::{Inmate, Sandbox};
use crate::cost::measured::{Load, Outcome, Span};
use crate::dialect::flowspec::{Community, Table, communities, encode};
use crate::ir::Document;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const TABLES: &[Table] = &[Table::Ipv4, Table::Ipv6];
const US: Identity = Identity { asn: 65_002, id: Ipv4Addr::new(192, 0, 2, 2), tables: TABLES };
/// Where we speak from; the daemon has the first address of the loopback.
const HERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// Octets of NLRIs in one message: what is left of 4,096 by header and attributes is more.
const MESSAGE: usize = 3_800;
/// How long a daemon that has come to rest is watched before its memory is read.
const QUIET: Duration = Duration::from_millis(600);
/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Flow routes of one table that ask for the same.
#[derive(Clone, Debug)]
pub struct Batch {
    table: Table,
    communities: Vec<Community>,
    // NLRIs behind their lengths, a message of them each.
    messages: Vec<Vec<u8>>,
    routes: u64,
}

impl Batch {
    /// How many routes there are.
    pub fn routes(&self) -> u64 {
        self.routes
    }
}

/// The flow routes of a document, those that ask for the same together, in their order. Rules without octets and
/// tables of VPNs are left out; how many.
pub fn batches(document: &Document) -> (Vec<Batch>, u64) {
    let mut left_out = 0;
    let mut by_what: BTreeMap<(Table, Vec<Vec<u8>>), usize> = BTreeMap::new();
    let mut list: Vec<Batch> = Vec::new();
    for set in &document.rule_sets {
        let table = Table::of_rule_set(set).first().copied().unwrap_or(Table::Ipv4);
        for rule in &set.rules {
            let Some(nlri) = rule.nlri.filter(|_| TABLES.contains(&table)) else {
                left_out += 1;
                continue;
            };
            let (wanted, _) = communities(rule.outcome, rule.actions);
            let key: Vec<Vec<u8>> = wanted.iter().map(|c| c.octets().to_vec()).collect();
            let number = *by_what.entry((table, key)).or_insert_with(|| {
                list.push(Batch { table, communities: wanted, messages: Vec::new(), routes: 0 });
                list.len() - 1
            });
            let mut framed = Vec::with_capacity(nlri.len() + 2);
            if encode::framed(nlri, &mut framed).is_err() {
                left_out += 1;
                continue;
            }
            let Some(batch) = list.get_mut(number) else { continue };
            match batch.messages.last_mut() {
                Some(last) if last.len() + framed.len() <= MESSAGE => last.extend_from_slice(&framed),
                _ => batch.messages.push(framed),
            }
            batch.routes += 1;
        }
    }
    (list, left_out)
}

/// Starts a daemon, has it hear the routes, and looks at it before and after.
pub(super) fn load(
    engine: Engine,
    programs: &[PathBuf],
    batches: &[Batch],
    sandbox: &Sandbox,
) -> Result<Load, EngineError> {
    let limit = sandbox.limits().time;
    let listener = sandbox.inside(|| {
        TcpListener::bind(SocketAddr::from((HERE, 0))).map_err(|error| EngineError::io("listening", error))
    })?;
    let port = listener.local_addr().map_err(|error| EngineError::io("listening", error))?.port();
    let neighbor =
        Neighbor { at: SocketAddr::from((HERE, port)), asn: US.asn, hears: false, connects: false };
    let mut daemon = start(engine, programs, &[neighbor], sandbox)?;
    let Some(mut session) = established(&listener, &mut daemon, limit)? else {
        let said = daemon.said();
        return Err(EngineError::Refused { program: "the daemon".to_owned(), said });
    };
    rest(sandbox, &mut session, limit).map_err(Stop::into_error)?;
    let (before, cpu_before) = (sandbox.resident(), sandbox.cpu());
    let start = Instant::now();
    let sent = send(&mut session, batches, start + limit);
    let routes: u64 = batches.iter().map(Batch::routes).sum();
    let sent = sent.and_then(|()| rest(sandbox, &mut session, limit.saturating_sub(start.elapsed())));
    let counted = if sent.is_ok() { count(engine, programs, sandbox, routes) } else { None };
    let end = sent.as_ref().copied().unwrap_or_else(|_| Instant::now());
    let (after, cpu) = (sandbox.resident(), sandbox.cpu().saturating_sub(cpu_before));
    let (outcome, said) = match sent {
        _ if sandbox.was_full() && daemon.ended()?.is_some() => (Outcome::OverMemory, daemon.said()),
        Ok(_) => match counted {
            Some(number) if number < routes => {
                (Outcome::Refused, format!("{number} of {routes} rules are in its table"))
            }
            _ => (Outcome::Accepted, String::new()),
        },
        Err(stop) => {
            // A daemon that falls takes its session along.
            std::thread::sleep(LOOK);
            match stop {
                Stop::Late => (Outcome::OverTime, String::new()),
                Stop::Session(_) if daemon.ended()?.is_some() => (Outcome::Crashed, daemon.said()),
                Stop::Session(error) => (Outcome::Refused, error.to_string()),
            }
        }
    };
    let resident = (outcome == Outcome::Accepted || counted.is_some()).then_some(Span { before, after });
    let time = end.saturating_duration_since(start);
    Ok(Load { outcome, said, time, cpu, resident, kernel: None, peak: sandbox.peak(), counted })
}

/// The session, once it stands; none when the daemon has ended before.
fn established(
    listener: &TcpListener,
    daemon: &mut Inmate,
    limit: Duration,
) -> Result<Option<Session>, EngineError> {
    let end = Instant::now() + limit;
    loop {
        match Session::accept(listener, US, Duration::from_secs(1)) {
            Ok(session) => return Ok(Some(session)),
            Err(_) if daemon.ended()?.is_some() => return Ok(None),
            Err(error) if Instant::now() >= end => return Err(error),
            Err(_) => {}
        }
    }
}

/// Why a load did not come to its end.
enum Stop {
    Late,
    Session(EngineError),
}

impl Stop {
    fn into_error(self) -> EngineError {
        match self {
            Self::Late => EngineError::Timeout { what: "waiting for the daemon to come to rest".to_owned() },
            Self::Session(error) => error,
        }
    }
}

fn send(session: &mut Session, batches: &[Batch], end: Instant) -> Result<(), Stop> {
    for batch in batches {
        for message in &batch.messages {
            if Instant::now() >= end {
                return Err(Stop::Late);
            }
            let sent = session.announce_framed(batch.table, message, &batch.communities, US.asn);
            if let Err(error) = sent {
                // Why the other side has hung up may still be there to be read.
                return Err(Stop::Session(session.listen().err().unwrap_or(error)));
            }
        }
    }
    Ok(())
}

/// Waits until the processes spend no time; when that was.
fn rest(sandbox: &Sandbox, session: &mut Session, limit: Duration) -> Result<Instant, Stop> {
    let begin = Instant::now();
    let (mut last, mut since) = (sandbox.cpu(), Instant::now());
    while since.elapsed() < QUIET {
        session.listen().map_err(Stop::Session)?;
        let now = sandbox.cpu();
        if now > last {
            (last, since) = (now, Instant::now());
        }
        if begin.elapsed() > limit {
            return Err(Stop::Late);
        }
        std::thread::sleep(LOOK);
    }
    Ok(since)
}

/// Where daemons listen for neighbors that connect.
pub(in crate::engine) const PORT: u16 = 1790;

/// Someone a daemon speaks with.
#[derive(Clone, Copy, Debug)]
pub(in crate::engine) struct Neighbor {
    /// Where it listens.
    pub(in crate::engine) at: SocketAddr,
    /// Its AS.
    pub(in crate::engine) asn: u32,
    /// Whether it hears what others announce, or announces itself.
    pub(in crate::engine) hears: bool,
    /// Whether it connects, to [`PORT`], instead of waiting where it listens.
    pub(in crate::engine) connects: bool,
}

/// Starts a daemon that speaks with neighbors.
pub(in crate::engine) fn start(
    engine: Engine,
    programs: &[PathBuf],
    neighbors: &[Neighbor],
    sandbox: &Sandbox,
) -> Result<Inmate, EngineError> {
    let Some(program) = programs.first() else {
        return Err(EngineError::Kernel("the program of the engine is not there".to_owned()));
    };
    let folder = sandbox.folder();
    let (file, text) = configuration(engine, neighbors, folder)?;
    let file = folder.join(file);
    fs::write(&file, text).map_err(|error| EngineError::io("writing a configuration", error))?;
    let within = |name: &str| folder.join(name).into_os_string();
    let word = OsString::from;
    let file = file.into_os_string();
    let arguments: Vec<OsString> = match engine {
        Engine::Bird => vec![word("-f"), word("-c"), file, word("-s"), within("ctl")],
        Engine::GoBgp => {
            let api = ["--api-hosts", API, "--pprof-disable", "--disable-stdlog"];
            [word("-f"), file].into_iter().chain(api.map(word)).collect()
        }
        Engine::Frr => {
            let port = if neighbors.iter().any(|neighbor| neighbor.connects) { PORT } else { 0 };
            let port = port.to_string();
            let own = ["-Z", "-n", "-S", "-p", &port, "-P", "0", "--log", "stdout", "-f"].map(word);
            let rest = [file, word("-i"), within("pid"), word("--vty_socket"), folder.into()];
            own.into_iter().chain(rest).collect()
        }
        _ => vec![file],
    };
    let no = OsStr::new("false");
    let root = OsStr::new("root");
    let variables: &[(&str, &OsStr)] = match engine {
        Engine::ExaBgp => &[
            ("exabgp.daemon.user", root),
            ("exabgp.api.cli", no),
            ("exabgp_daemon_user", root),
            ("exabgp_api_cli", no),
            ("exabgp_tcp_attempts", OsStr::new("0")),
            ("exabgp.cache.attributes", OsStr::new("true")),
        ],
        _ => &[],
    };
    sandbox.start(program, arguments, variables, "log")
}

/// Where GoBGP listens for its tool.
const API: &str = "127.0.0.1:50179";

/// The name and the text of a daemon's configuration.
fn configuration(
    engine: Engine,
    neighbors: &[Neighbor],
    folder: &Path,
) -> Result<(&'static str, String), EngineError> {
    let each = |one: &dyn Fn(usize, &Neighbor) -> String| {
        neighbors.iter().enumerate().map(|(number, neighbor)| one(number, neighbor)).collect::<String>()
    };
    Ok(match engine {
        Engine::Bird => {
            let speaker = |number: usize, neighbor: &Neighbor| {
                let (import, export) = if neighbor.hears { ("none", "all") } else { ("all", "none") };
                format!(
                    "protocol bgp speaker{number} {{ local 127.0.0.1 port {} as 65001; neighbor {} port {} as {}; multihop;\n\
                     connect delay time 1; connect retry time 1; error wait time 1, 2;\n\
                     flow4 {{ table flowtab4; import {import}; export {export}; }};\n\
                     flow6 {{ table flowtab6; import {import}; export {export}; }};\n}}\n",
                    1790 + number,
                    neighbor.at.ip(),
                    neighbor.at.port(),
                    neighbor.asn
                )
            };
            let head = "log stderr all;\nrouter id 192.0.2.1;\nprotocol device {}\nflow4 table flowtab4;\nflow6 table flowtab6;\n";
            ("bird.conf", head.to_owned() + &each(&speaker))
        }
        Engine::GoBgp => {
            let family = |name: &str| {
                format!("[[neighbors.afi-safis]]\n[neighbors.afi-safis.config]\nafi-safi-name = \"{name}\"\n")
            };
            let speaker = |_, neighbor: &Neighbor| {
                format!(
                    "[[neighbors]]\n[neighbors.config]\nneighbor-address = \"{}\"\npeer-as = {}\n\
                     [neighbors.transport.config]\nremote-port = {}\nlocal-address = \"127.0.0.1\"\npassive-mode = {}\n\
                     [neighbors.timers.config]\nconnect-retry = 1\nidle-hold-time-after-reset = 1\n[neighbors.ebgp-multihop.config]\nenabled = true\nmultihop-ttl = 4\n{}{}",
                    neighbor.at.ip(),
                    neighbor.asn,
                    neighbor.at.port(),
                    neighbor.connects,
                    family("ipv4-flowspec"),
                    family("ipv6-flowspec")
                )
            };
            let port = if neighbors.iter().any(|neighbor| neighbor.connects) { i32::from(PORT) } else { -1 };
            let head = format!(
                "[global.config]\nas = 65001\nrouter-id = \"192.0.2.1\"\nport = {port}\n\
                 local-address-list = [\"127.0.0.1\"]\n"
            );
            ("gobgpd.toml", head + &each(&speaker))
        }
        Engine::Frr => {
            let speaker = |_, neighbor: &Neighbor| {
                let at = neighbor.at.ip();
                format!(
                    " neighbor {at} remote-as {}\n neighbor {at} port {}\n neighbor {at} timers connect 1\n \
                     neighbor {at} ebgp-multihop\n{}",
                    neighbor.asn,
                    neighbor.at.port(),
                    if neighbor.connects { format!(" neighbor {at} passive\n") } else { String::new() }
                )
            };
            let activate = |_, neighbor: &Neighbor| format!("  neighbor {} activate\n", neighbor.at.ip());
            let family = |name: &str| {
                format!(" address-family {name} flowspec\n{} exit-address-family\n", each(&activate))
            };
            let head = "router bgp 65001\n bgp router-id 192.0.2.1\n no bgp ebgp-requires-policy\n \
                        no bgp default ipv4-unicast\n";
            ("bgpd.conf", head.to_owned() + &each(&speaker) + &family("ipv4") + &family("ipv6"))
        }
        _ => {
            // It announces nothing again: what it has read it writes to a program.
            let script = folder.join("hear");
            let heard = folder.join(HEARD);
            // The shell keeps its output open, without which it counts as ended.
            let text = format!("#!/bin/sh\ncat > {}\n", heard.display());
            fs::write(&script, text).map_err(|error| EngineError::io("writing a configuration", error))?;
            fs::set_permissions(&script, fs::Permissions::from_mode(0o755))
                .map_err(|error| EngineError::io("writing a configuration", error))?;
            let hears = neighbors.len() > 1;
            let api = if hears { " api { processes [ hear ]; receive { parsed; update; } }\n" } else { "" };
            let speaker = |_, neighbor: &Neighbor| {
                format!(
                    "neighbor {} {{\n router-id 192.0.2.1;\n local-address 127.0.0.1;\n local-as 65001;\n peer-as {};\n \
                     connect {};\n adj-rib-in true;\n family {{ ipv4 flow; ipv6 flow; }}\n{api}}}\n",
                    neighbor.at.ip(),
                    neighbor.asn,
                    neighbor.at.port()
                )
            };
            let process = format!("process hear {{\n run {};\n encoder text;\n}}\n", script.display());
            let head = if hears { process } else { String::new() };
            ("exabgp.conf", format!("{head}{}# {}\n", each(&speaker), folder.display()))
        }
    })
}

/// The file that what ExaBGP has read goes to.
pub(in crate::engine) const HEARD: &str = "heard";

/// How many routes the daemon itself says it has; asked until it says as many as were sent, or a moment long.
fn count(engine: Engine, programs: &[PathBuf], sandbox: &Sandbox, wanted: u64) -> Option<u64> {
    let mut last = None;
    for _ in 0..20 {
        last = ask(engine, programs, sandbox).or(last);
        if last.is_none_or(|number| number >= wanted) {
            break;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    last
}

fn ask(engine: Engine, programs: &[PathBuf], sandbox: &Sandbox) -> Option<u64> {
    let tool = programs.get(1)?;
    match engine {
        Engine::Bird => {
            let control = sandbox.folder().join("ctl");
            let words: [&OsStr; 6] = [
                "-s".as_ref(),
                control.as_os_str(),
                "show".as_ref(),
                "route".as_ref(),
                "count".as_ref(),
                "".as_ref(),
            ];
            let said = sandbox.ask(tool, words.into_iter().filter(|word| !word.is_empty()))?;
            // `5 of 5 routes for 5 networks in table flowtab4`, a line for each table.
            let routes = said.lines().filter(|line| line.contains(" in table flow"));
            Some(routes.filter_map(|line| line.split(' ').next()?.parse::<u64>().ok()).sum())
        }
        Engine::GoBgp => {
            let port = API.rsplit_once(':')?.1;
            let mut sum = 0;
            for family in ["ipv4-flowspec", "ipv6-flowspec"] {
                let said = sandbox.ask(tool, ["-p", port, "global", "rib", "summary", "-a", family])?;
                // `Destination: 5, Path: 5`.
                let (_, number) = said.split_once("Destination:")?;
                sum += number.trim_start().split(',').next()?.trim().parse::<u64>().ok()?;
            }
            Some(sum)
        }
        _ => None,
    }
}
