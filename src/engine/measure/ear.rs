//! What a program says, kept within bounds however much that is.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Octets of the beginning, and as many of the end, that are kept at hand.
const KEPT: usize = 64 << 10;
/// Octets of the log, before it begins anew.
const LOG: u64 = 16 << 20;
/// How long what a program has said may take to reach us: what it has started may hold the pipe for as long as it runs.
const PATIENCE: Duration = Duration::from_millis(200);

/// What one program says, to us and into a log.
#[derive(Clone, Debug)]
pub(super) struct Ear(Arc<Mutex<Heard>>);

#[derive(Debug, Default)]
struct Heard {
    head: Vec<u8>,
    tail: Vec<u8>,
    // Nobody can say any more.
    over: bool,
}

impl Ear {
    /// Listens until all who could speak have ended. A program never waits for the disk to have room.
    pub(super) fn listen(from: impl Read + Send + 'static, log: File) -> Self {
        let ear = Self(Arc::default());
        let own = ear.clone();
        std::thread::spawn(move || own.hear(from, log));
        ear
    }

    fn hear(&self, mut from: impl Read, mut log: File) {
        let mut buffer = vec![0; KEPT];
        let mut written = 0_u64;
        loop {
            let new = match from.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => buffer.get(..count).unwrap_or_default(),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(_) => break,
            };
            // A log that cannot be written is one that says less.
            if written + new.len() as u64 > LOG && log.set_len(0).is_ok() && log.rewind().is_ok() {
                written = 0;
            }
            if written + new.len() as u64 <= LOG && log.write_all(new).is_ok() {
                written += new.len() as u64;
            }
            self.heard().take(new);
        }
        self.heard().over = true;
    }

    /// The beginning of what was said.
    pub(super) fn first(&self) -> Vec<u8> {
        self.settled().head.clone()
    }

    /// The end of it.
    pub(super) fn last(&self) -> Vec<u8> {
        let heard = self.settled();
        let over = heard.tail.len().saturating_sub(KEPT);
        heard.tail.get(over..).unwrap_or_default().to_vec()
    }

    fn settled(&self) -> MutexGuard<'_, Heard> {
        let step = Duration::from_millis(2);
        let mut waited = Duration::ZERO;
        while waited < PATIENCE && !self.heard().over {
            std::thread::sleep(step);
            waited += step;
        }
        self.heard()
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Heard {
    fn take(&mut self, new: &[u8]) {
        let room = KEPT.saturating_sub(self.head.len());
        self.head.extend(new.iter().take(room));
        self.tail.extend(new);
        if self.tail.len() > 2 * KEPT {
            self.tail.drain(..self.tail.len() - KEPT);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_much_the_beginning_and_the_end_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let much = std::io::repeat(b'x').take(3 * LOG).chain(&b"the end\n"[..]);
        let ear = Ear::listen((&b"the beginning\n"[..]).chain(much), File::create(&log).unwrap());
        while !ear.heard().over {
            std::thread::sleep(Duration::from_millis(1));
        }
        assert!(ear.first().starts_with(b"the beginning\nxx") && ear.first().len() == KEPT);
        assert!(ear.last().ends_with(b"xxthe end\n") && ear.last().len() == KEPT);
        assert!(std::fs::metadata(&log).unwrap().len() <= LOG);
        assert!(std::fs::read(&log).unwrap().ends_with(b"the end\n"));
    }
}
