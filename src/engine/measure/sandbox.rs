//! A place of its own for an engine: a network and a process namespace without names, a control group, a folder.
//!
//! All of it hangs on one pipe. Behind it waits a janitor, in a process group of its own so that an interrupt of the
//! user does not reach it; when the pipe closes, because the sandbox is dropped or because we are gone however that
//! came about, the first process of the namespace ends, with it everything in it is killed, and the janitor removes the
//! group and the folder.

use super::super::EngineError;
use super::ear::Ear;
use super::group::{self, Group};
use super::times;
use crate::cost::measured::Accounting;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

/// Removes what is left when the pipe has closed: `FOLDER GROUP... -- PROGRAM...`.
const JANITOR: &str = r#"
trap '' INT TERM HUP QUIT
folder=$1; shift
groups=
while [ "$1" != -- ]; do groups="$groups $1"; shift; done
shift
"$@"
for group in $groups; do
  n=0
  while [ -d "$group" ] && [ $n -lt 100 ]; do
    rmdir "$group" 2>/dev/null && break
    while read -r pid; do kill -9 "$pid" 2>/dev/null; done < "$group/cgroup.procs"
    sleep 0.05; n=$((n+1))
  done
done
rm -rf "$folder"
"#;

/// The first process of the namespace: says who it is, and waits for the end of the pipe.
const INIT: &str = "trap '' INT TERM HUP QUIT; read pid rest < /proc/self/stat; ip link set lo up 2>/dev/null; \
                    echo $pid; exec cat > /dev/null";

/// Puts itself into the group and becomes the program: `GROUP KIBIBYTES PROGRAM...`, either of the two may be empty.
const ENTER: &str = r#"
exec 2>&1
if [ -n "$1" ]; then echo $$ > "$1/cgroup.procs" || exit 125; fi
if [ -n "$2" ]; then ulimit -v "$2"; fi
shift 2
exec "$@""#;

/// How often what runs is looked for to be ended; what goes on for longer goes with the sandbox.
const STOPS: u32 = 40;
/// Characters of a line of what a program says that are shown.
const LINE: usize = 500;

/// What may be used.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Octets of memory, processes and kernel together.
    pub memory: u64,
    /// Time for one load.
    pub time: Duration,
}

/// A place for one engine. Dropping it ends everything in it.
#[derive(Debug)]
pub struct Sandbox {
    // The order is that of dropping: the pipe first, by hand.
    pipe: Option<ChildStdin>,
    janitor: Child,
    init: u32,
    // Whether it is ours by a user namespace and not by our rights.
    user: bool,
    // Whether its network is its own.
    network: bool,
    group: Option<Group>,
    no_group: Option<String>,
    folder: PathBuf,
    limits: Limits,
}

impl Sandbox {
    /// Makes one around `folder`, which goes with it. One that we are to speak with shares our network where we may
    /// not enter another.
    pub fn new(folder: &Path, limits: Limits, speaks: bool) -> Result<Self, EngineError> {
        let user = !rustix::process::geteuid().is_root();
        let network = !(user && speaks);
        let made = Group::new(limits.memory);
        let (group, no_group) = match made {
            Ok(group) => (Some(group), None),
            Err(why) => (None, Some(why)),
        };
        let mut command = Command::new("sh");
        command.args(["-c", JANITOR, "sh"]).arg(folder);
        command.args(group.iter().map(Group::path)).args(["--", "unshare"]);
        command.args(user.then_some(["--user", "--map-root-user"]).into_iter().flatten());
        command.args(network.then_some("--net"));
        command.args(["--pid", "--fork", "--kill-child", "sh", "-c", INIT]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let what = "making a sandbox";
        let mut janitor = command.spawn().map_err(|error| EngineError::io(what, error))?;
        let pipe = janitor.stdin.take();
        let mut line = String::new();
        if let Some(out) = janitor.stdout.take() {
            BufReader::new(out).read_line(&mut line).map_err(|error| EngineError::io(what, error))?;
        }
        let Ok(init) = line.trim().parse() else {
            drop(pipe);
            let said = janitor.stderr.take().map(BufReader::new).and_then(|e| e.lines().next()?.ok());
            _ = janitor.wait();
            return Err(EngineError::NoSandbox { said: said.unwrap_or_default() });
        };
        Ok(Self { pipe, janitor, init, user, network, group, no_group, folder: folder.to_owned(), limits })
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What may be used in it.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Whether it is ours by a user namespace and not by our rights: then the kernel takes shorter messages.
    pub fn is_by_user_namespace(&self) -> bool {
        self.user
    }

    /// How kernel memory is accounted for, and why not better, where it is the whole machine's.
    pub fn accounting(&self) -> (Accounting, Option<&str>) {
        match &self.group {
            Some(group) => (group.version(), None),
            None => (Accounting::Machine, self.no_group.as_deref()),
        }
    }

    /// Kernel memory in octets, once it no longer changes: some of it is given back a moment after its use.
    pub fn kernel(&self) -> Result<u64, EngineError> {
        let read = || match &self.group {
            Some(group) => {
                group.kernel().ok_or_else(|| EngineError::Kernel("the control group has gone".to_owned()))
            }
            None => group::of_machine(),
        };
        let (mut last, mut same) = (read()?, 0);
        for _ in 0..60 {
            std::thread::sleep(Duration::from_millis(50));
            let now = read()?;
            same = if now == last { same + 1 } else { 0 };
            last = now;
            if same >= 4 {
                break;
            }
        }
        Ok(last)
    }

    /// The most that was used so far, in octets.
    pub fn peak(&self) -> Option<u64> {
        self.group.as_ref().and_then(Group::peak)
    }

    /// Whether the memory allowed was in the way.
    pub fn was_full(&self) -> bool {
        self.group.as_ref().is_some_and(Group::was_full)
    }

    /// Does `work` in its network: the sockets that it opens are there. Without our own rights, in the one we are in.
    pub fn inside<T: Send>(
        &self,
        work: impl FnOnce() -> Result<T, EngineError> + Send,
    ) -> Result<T, EngineError> {
        if !self.network || self.user {
            return work();
        }
        let path = format!("/proc/{}/ns/net", self.init);
        let inside = || {
            let what = "entering the network of a sandbox";
            let file = File::open(&path).map_err(|error| EngineError::io(what, error))?;
            move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))
                .map_err(|error| EngineError::io(what, error.into()))?;
            work()
        };
        let panicked = || EngineError::Kernel("work in a sandbox did not come to its end".to_owned());
        std::thread::scope(|scope| scope.spawn(inside).join()).map_err(|_| panicked())?
    }

    /// Starts a program in it; what it says goes to the file `log` of the folder.
    pub fn start<A: AsRef<OsStr>>(
        &self,
        program: &Path,
        arguments: impl IntoIterator<Item = A>,
        variables: &[(&str, &OsStr)],
        log: &str,
    ) -> Result<Inmate, EngineError> {
        let group = self.group.as_ref().map(|group| group.path().as_os_str().to_owned());
        // Without a group the memory of each process is bounded; that the kernel takes is not.
        let kibibytes =
            if self.group.is_some() { String::new() } else { (self.limits.memory / 1024).to_string() };
        let mut command = Command::new("sh");
        command.args(["-c", ENTER, "sh"]).arg(group.unwrap_or_default()).arg(kibibytes);
        command.args(["nsenter", "--target", &self.init.to_string(), "--pid"]);
        if self.user {
            command.args(["--user", "--preserve-credentials"]);
        }
        command.args(self.network.then_some("--net"));
        command.arg("--").arg(program).args(arguments).envs(variables.iter().copied());
        let out = self.folder.join(log);
        let what = || format!("starting `{}`", program.display());
        let file = File::create(&out).map_err(|error| EngineError::io(what(), error))?;
        // Both of its outputs are one: the shell sees to that.
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
        let started = Instant::now();
        let spawned = command.current_dir(&self.folder).spawn();
        let mut child = spawned.map_err(|error| EngineError::io(what(), error))?;
        let ear = child.stdout.take().map(|said| Ear::listen(said, file));
        Ok(Inmate { child, ear, log: out, started, ended: None })
    }

    /// Runs a program in it to its end and gives what it wrote; none when it fails or takes too long.
    pub fn ask<A: AsRef<OsStr>>(
        &self,
        program: &Path,
        arguments: impl IntoIterator<Item = A>,
    ) -> Option<String> {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.init.to_string()]);
        if self.user {
            command.args(["--user", "--preserve-credentials"]);
        }
        command.args(self.network.then_some("--net"));
        command.arg("--").arg(program).args(arguments);
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
        let output = child.wait_with_output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Ends everything in it but itself, and what that starts in the meantime.
    pub fn stop(&self) {
        for _ in 0..STOPS {
            if self.processes().is_empty() {
                return;
            }
            self.clear();
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Ends everything that is in it now but itself.
    pub fn clear(&self) {
        let list: Vec<String> = self.processes().iter().map(u32::to_string).collect();
        if !list.is_empty() {
            // Some may have ended by themselves.
            _ = Command::new("kill").arg("-9").args(list).stderr(Stdio::null()).status();
        }
    }

    /// The processes in it.
    pub fn processes(&self) -> Vec<u32> {
        let space = |pid: &OsStr| fs::read_link(Path::new("/proc").join(pid).join("ns/pid")).ok();
        let Some(own) = space(OsStr::new(&self.init.to_string())) else { return Vec::new() };
        let mut list = Vec::new();
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let name = entry.file_name();
            let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
            if pid != self.init && space(&name).as_ref() == Some(&own) {
                list.push(pid);
            }
        }
        list
    }

    /// Anonymous memory of all processes in it, in octets: the proportional share of what is shared.
    pub fn resident(&self) -> u64 {
        self.processes().iter().filter_map(|pid| times::anonymous(*pid)).sum()
    }

    /// Processor time of all processes in it, with that of those they have seen end.
    pub fn cpu(&self) -> Duration {
        self.processes().iter().filter_map(|pid| times::cpu(*pid)).sum()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        drop(self.pipe.take());
        let end = Instant::now() + Duration::from_secs(20);
        while Instant::now() < end && matches!(self.janitor.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// A program in a sandbox.
#[derive(Debug)]
pub struct Inmate {
    child: Child,
    ear: Option<Ear>,
    log: PathBuf,
    started: Instant,
    ended: Option<Ended>,
}

/// How a program ended.
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    /// Its exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// From its start to its end.
    pub time: Duration,
    /// Its processor time.
    pub cpu: Duration,
}

impl Inmate {
    /// How it ended; none while it runs.
    pub fn ended(&mut self) -> Result<Option<Ended>, EngineError> {
        if self.ended.is_none() && times::is_over(self.child.id()) {
            let time = self.started.elapsed();
            // Asked before it is forgotten.
            let cpu = times::cpu(self.child.id()).unwrap_or_default();
            let status =
                self.child.wait().map_err(|error| EngineError::io("waiting for a program", error))?;
            self.ended = Some(Ended { code: status.code(), time, cpu });
        }
        Ok(self.ended)
    }

    /// Waits for its end; none when that takes longer than `limit`.
    pub fn wait(&mut self, limit: Duration) -> Result<Option<Ended>, EngineError> {
        loop {
            if let Some(ended) = self.ended()? {
                return Ok(Some(ended));
            }
            if self.started.elapsed() > limit {
                return Ok(None);
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// The file that what it says goes to, which begins anew where that is much.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// The first of what it said, up to 64 KiB.
    pub fn first(&self) -> Vec<u8> {
        self.ear.as_ref().map(Ear::first).unwrap_or_default()
    }

    /// The last of what it said, in a few lines that are not too long.
    pub fn said(&self) -> String {
        let octets = self.ear.as_ref().map(Ear::last).unwrap_or_default();
        let text = String::from_utf8_lossy(&octets);
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        let last = lines.len().saturating_sub(4);
        let short = |line: &&str| line.chars().take(LINE).collect::<String>();
        lines.get(last..).unwrap_or(&[]).iter().map(short).collect::<Vec<_>>().join("; ")
    }
}

impl Drop for Inmate {
    fn drop(&mut self) {
        // It may have ended by itself; what it started goes with the sandbox.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}
