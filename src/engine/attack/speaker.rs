//! A target that speaks BGP: routes go in over one session, and come out over another.
//!
//! Behind every input goes a route of ours that is legal and plain. Once it comes out, what stood before it has been dealt
//! with, and what of it did not come out was not taken.

use super::super::EngineError;
use super::super::bgp::Session;
use super::super::measure::{Inmate, Limits, Sandbox};
use super::answers::{closed, is_late, take, why};
use super::gauge::Gauge;
use super::launch::{Launch, Lines};
use super::trouble;
use crate::campaign::expect::{Judgement, judge};
use crate::campaign::target::{About, Observation, Outcome, Takes, Target, Trouble};
use crate::campaign::{Input, Update};
use crate::dialect::flowspec::{Table, encode};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long a session may take to stand.
const OPENING: Duration = Duration::from_secs(20);
/// How long one that has been ended is waited for before the next is tried.
const TURN: Duration = Duration::from_millis(400);
/// How long nothing must come until a session with a daemon is taken to be quiet, which has threads of its own for each.
const QUIET: Duration = Duration::from_millis(30);
/// The same of a program that we connect to.
const QUIET_SHORT: Duration = Duration::from_millis(3);
/// How long each octet of input may take besides.
const EACH: Duration = Duration::from_micros(30);
/// How long nothing must come until what has not come out is taken to be refused.
const LINGERS: Duration = Duration::from_millis(150);
/// How long a target that does not answer is watched to tell whether it spends its time.
const LOOK: Duration = Duration::from_millis(200);
/// How often it is looked at meanwhile.
const LOOKS: u32 = 10;

/// A target that speaks BGP.
#[derive(Debug)]
pub struct Speaker {
    about: About,
    patience: Duration,
    // The order is that of dropping: sessions, the program, the sandbox.
    lanes: Vec<Option<Session>>,
    watcher: Option<Session>,
    inmate: Option<Inmate>,
    lines: Lines,
    sandbox: Option<Sandbox>,
    gauge: Gauge,
    // When feeding gives up.
    end: Option<Instant>,
    next: usize,
    number: u32,
    // How far the file of what was heard was read.
    heard: usize,
    // The tables of which the target announces anything again; none before that was asked.
    shown: Option<Vec<Table>>,
}

/// How feeding came to its end.
enum End {
    /// What came after it came out.
    Done,
    /// The other side ended the session.
    Closed((u8, u8)),
    /// Nothing came in time.
    Late,
    /// Time was over before anything came.
    Unseen,
}

impl Speaker {
    /// One that is started in a sandbox around `folder`, or spoken with where it is. `patience` is how long it may take to
    /// answer.
    pub fn new(
        name: &str,
        launch: Launch,
        tables: &'static [Table],
        folder: &Path,
        limits: Limits,
        patience: Duration,
    ) -> Result<Self, EngineError> {
        let started = !matches!(launch, Launch::There(_));
        let sandbox = started.then(|| Sandbox::new(folder, limits, true)).transpose()?;
        let lines = Lines::new(launch, tables, sandbox.as_ref())?;
        let about = About {
            name: name.to_owned(),
            version: lines.version(),
            takes: Takes::Updates(tables),
            shows: lines.watched(),
            lives: started,
        };
        let lanes = (0..lines.lanes()).map(|_| None).collect();
        Ok(Self {
            about,
            patience,
            lanes,
            watcher: None,
            inmate: None,
            lines,
            sandbox,
            gauge: Gauge::default(),
            end: None,
            next: 0,
            number: 0,
            heard: 0,
            shown: None,
        })
    }

    /// What is left of a time until feeding gives up.
    fn at_most(&self, time: Duration) -> Duration {
        self.end.map_or(time, |end| end.saturating_duration_since(Instant::now()).min(time))
    }

    fn is_over(&self) -> bool {
        self.at_most(Duration::MAX).is_zero()
    }

    /// Has the target run and a session to feed it over; which one. None when time is over before there is any.
    fn ready(&mut self) -> Result<Option<usize>, Trouble> {
        let mut last = None;
        // A target that falls while sessions open is begun anew once.
        for _ in 0..2 {
            if self.sandbox.is_some() && self.inmate.as_mut().is_none_or(|inmate| !runs(inmate)) {
                self.drop_all();
                let inmate = self.lines.start(self.sandbox.as_ref());
                self.inmate = inmate.map_err(trouble("starting the target"))?;
            }
            match self.sessions() {
                Ok(lane) => return Ok(Some(lane)),
                Err(_) if self.is_over() => return Ok(None),
                Err(error) => last = Some(error),
            }
            let said = self.inmate.as_ref().map(Inmate::said).unwrap_or_default();
            self.drop_all();
            if let Some(error) = last.take() {
                let what = format!("no session with the target: {error}; it says: {said}");
                last = Some(EngineError::Timeout { what });
            }
        }
        let error = last.unwrap_or(EngineError::NotBgp("nothing"));
        Err(Trouble::new(error.to_string(), error))
    }

    fn sessions(&mut self) -> Result<usize, EngineError> {
        let opening = self.at_most(OPENING);
        let sandbox = self.sandbox.as_ref();
        if self.lines.watched() && self.watcher.is_none() {
            self.watcher = Some(self.lines.watcher(sandbox, opening)?);
        }
        let end = Instant::now() + opening;
        let mut last = EngineError::Timeout { what: "waiting for a session".to_owned() };
        while Instant::now() < end {
            let count = self.lanes.len();
            for turn in 0..count {
                let lane = (self.next + turn) % count;
                if self.lanes.get(lane).is_some_and(Option::is_some) {
                    self.next = lane;
                    self.look_once();
                    return Ok(lane);
                }
            }
            let lane = self.next % count;
            let turn = if count > 1 { TURN } else { OPENING };
            let opened = self.lines.lane(lane, self.sandbox.as_ref(), self.at_most(turn));
            match opened.and_then(|session| session.bears(self.patience).map(|()| session)) {
                Ok(session) => {
                    if let Some(place) = self.lanes.get_mut(lane) {
                        *place = Some(session);
                    }
                }
                Err(error) => last = error,
            }
            self.next =
                if self.lanes.get(lane).is_some_and(Option::is_some) { lane } else { (lane + 1) % count };
            if self.inmate.as_mut().is_some_and(|inmate| !runs(inmate)) {
                return Err(last);
            }
        }
        Err(last)
    }

    fn look_once(&mut self) {
        if let Some(sandbox) = self.sandbox.as_ref()
            && self.gauge.is_unknown()
        {
            self.gauge.look(sandbox);
        }
    }

    fn drop_all(&mut self) {
        self.lanes.iter_mut().for_each(|lane| *lane = None);
        self.watcher = None;
        self.inmate = None;
        if let Some(sandbox) = self.sandbox.as_ref() {
            // What a program has started stays until it is ended.
            sandbox.clear();
        }
        self.gauge.clear();
        self.heard = 0;
    }

    /// A route that is legal and plain, another one each time: of the addresses kept for measuring (RFC 2544).
    fn mark(&mut self) -> (Table, Vec<u8>) {
        self.number = self.number.wrapping_add(1);
        let [_, high, middle, low] = self.number.to_be_bytes();
        (Table::Ipv4, vec![1, 32, 198, 18 + (high & 1), middle, low])
    }

    /// Sends messages and a mark behind them, and takes what comes out until the mark does.
    fn pass(
        &mut self,
        lane: usize,
        bodies: &[Vec<u8>],
        mark: &(Table, Vec<u8>),
        withdraws: bool,
        shown: &mut Vec<(Table, Vec<u8>)>,
    ) -> End {
        let mut framed = Vec::new();
        _ = encode::framed(&mark.1, &mut framed);
        let update = Update::new(mark.0, vec![framed]);
        let update = if withdraws { update.withdrawal() } else { update };
        let wide = self.lanes.get(lane).and_then(Option::as_ref).is_some_and(Session::is_wide);
        let last = update.body(wide);
        let mut passed = false;
        for body in bodies.iter().chain([&last]) {
            let Some(session) = self.lanes.get_mut(lane).and_then(Option::as_mut) else { return End::Late };
            // Once the other side has hung up, what is sent takes away what it has said last.
            let sent = session.next_update(Duration::ZERO).map(drop).and_then(|()| session.update(body));
            if let Err(error) = sent {
                // One that reads no more is no one that has hung up.
                return if is_late(&error) { End::Late } else { End::Closed(closed(session, &error)) };
            }
            if self.is_over() {
                return End::Unseen;
            }
            self.drain(mark, withdraws, shown, &mut passed);
        }
        let many = u32::try_from(bodies.iter().map(Vec::len).sum::<usize>()).unwrap_or(u32::MAX);
        let patience = self.patience + EACH * many;
        let allowed = self.at_most(patience);
        let end = Instant::now() + allowed;
        let mut answered = Instant::now();
        while Instant::now() < end {
            if passed {
                return End::Done;
            }
            if let Some(watcher) = self.watcher.as_mut() {
                match watcher.next_update(Duration::from_millis(2)) {
                    Ok(Some(body)) => passed |= take(&body, mark, withdraws, shown),
                    Ok(None) => {}
                    Err(_) => return End::Late,
                }
            } else if let Some(file) = self.lines.heard() {
                passed |= self.hears(file, mark, withdraws);
                std::thread::sleep(Duration::from_millis(2));
            } else if answered.elapsed() > QUIET * 4 {
                // Nobody shows what it has taken: it has had its time to say no.
                passed = true;
            }
            let Some(session) = self.lanes.get_mut(lane).and_then(Option::as_mut) else { return End::Late };
            match session.next_update(Duration::ZERO) {
                Ok(Some(_)) => answered = Instant::now(),
                Ok(None) => {}
                Err(error) => return End::Closed(why(&error)),
            }
        }
        if allowed < patience { End::Unseen } else { End::Late }
    }

    /// Takes what has come out so far.
    fn drain(
        &mut self,
        mark: &(Table, Vec<u8>),
        withdraws: bool,
        shown: &mut Vec<(Table, Vec<u8>)>,
        passed: &mut bool,
    ) {
        while !self.is_over()
            && let Some(Ok(Some(body))) =
                self.watcher.as_mut().map(|watcher| watcher.next_update(Duration::ZERO))
        {
            *passed |= take(&body, mark, withdraws, shown);
        }
    }

    /// Whether a file of what was heard holds the mark.
    fn hears(&mut self, file: &str, mark: &(Table, Vec<u8>), withdraws: bool) -> bool {
        let Some(sandbox) = self.sandbox.as_ref() else { return false };
        let octets = std::fs::read(sandbox.folder().join(file)).unwrap_or_default();
        let new = octets.get(self.heard.min(octets.len())..).unwrap_or(&[]);
        let text = String::from_utf8_lossy(new);
        let [_, _, a, b, c, d] = *mark.1.as_slice() else { return false };
        let found = text.lines().any(|line| line.contains(&format!("{a}.{b}.{c}.{d}/32")));
        // A withdrawal says so in other words; that the route is named again is enough.
        _ = withdraws;
        if found {
            self.heard = octets.len();
        }
        found
    }

    /// Lets what is still on its way come out, so that it is not taken for what comes of the next input.
    fn settle(&mut self) {
        let quiet = if self.lanes.len() > 1 { QUIET } else { QUIET_SHORT };
        let end = Instant::now() + self.at_most(self.patience);
        while Instant::now() < end
            && let Some(Ok(Some(_))) = self.watcher.as_mut().map(|watcher| watcher.next_update(quiet))
        {
        }
        for lane in &mut self.lanes {
            // A session that was ended meanwhile is opened again when its turn comes.
            if lane.as_mut().is_some_and(|session| session.next_update(Duration::ZERO).is_err()) {
                *lane = None;
            }
        }
    }

    /// Asks once of which tables a plain route comes out again: some daemons take what they do not announce.
    fn ask_tables(&mut self, lane: usize) {
        let Takes::Updates(tables) = self.about.takes else { return };
        let wide = self.lanes.get(lane).and_then(Option::as_ref).is_some_and(Session::is_wide);
        let mut known = Vec::new();
        let tables = if self.about.shows { tables } else { &[] };
        for table in tables.iter().copied() {
            // Everything to TCP: a component that every table has, and every reader takes.
            let update = Update::new(table, vec![vec![3, 3, 0x81, 6]]);
            let mark = self.mark();
            let mut shown = Vec::new();
            let end = self.pass(lane, &[update.body(wide)], &mark, false, &mut shown);
            if matches!(end, End::Done) && shown.iter().any(|(of, _)| *of == table) {
                known.push(table);
            }
            self.pass(lane, &[update.withdrawal().body(wide)], &mark, true, &mut Vec::new());
        }
        self.shown = Some(known);
    }

    fn observe(&mut self, updates: &[Update]) -> Result<Observation, Trouble> {
        let unseen = Observation { outcome: Outcome::Unseen, ..Observation::quiet() };
        let Some(mut lane) = self.ready()? else { return Ok(unseen) };
        if self.shown.is_none() {
            self.ask_tables(lane);
            let Some(again) = self.ready()? else { return Ok(unseen) };
            lane = again;
        }
        let wide = self.lanes.get(lane).and_then(Option::as_ref).is_some_and(Session::is_wide);
        let bodies: Vec<Vec<u8>> = updates.iter().map(|update| update.body(wide)).collect();
        let mark = self.mark();
        let mut shown = Vec::new();
        self.gauge.begin();
        let before = self.gauge.cpu();
        let end = self.pass(lane, &bodies, &mark, false, &mut shown);
        let mut seen = Observation { cpu: self.gauge.cpu().saturating_sub(before), ..Observation::quiet() };
        match end {
            End::Done => {
                self.linger(updates, &mut shown);
                seen.risen = self.gauge.risen();
                self.take_back(lane, updates, &mark, &shown);
                seen.resident = self.gauge.resident();
                let known = self.shown.as_deref().unwrap_or(&[]);
                let all = updates.iter().all(|update| known.contains(&update.table));
                seen.shown = (self.about.shows && all).then_some(shown);
            }
            End::Closed(code) => {
                if let Some(place) = self.lanes.get_mut(lane) {
                    *place = None;
                }
                self.next = (lane + 1) % self.lanes.len().max(1);
                match self.has_ended() {
                    Some(died) => seen.outcome = died,
                    None => seen.reset = Some(code),
                }
            }
            End::Unseen => seen.outcome = Outcome::Unseen,
            End::Late => {
                let before = self.gauge.cpu();
                let ended = self.has_ended();
                // On a busy machine what spins gets little time, and waits for more.
                let mut busy = 0;
                for _ in 0..LOOKS {
                    std::thread::sleep(LOOK / LOOKS);
                    busy += u32::from(self.gauge.is_busy());
                }
                let spent = self.gauge.cpu().saturating_sub(before);
                seen.outcome = match ended {
                    Some(died) => died,
                    None if spent * 5 > LOOK || busy * 2 > LOOKS => Outcome::Hung,
                    None => Outcome::Deaf,
                };
            }
        }
        seen.said = self.said();
        match seen.outcome {
            Outcome::Alive if seen.reset.is_some() => self.settle(),
            Outcome::Alive => {}
            // What was on its way would be taken for what comes of the next input.
            Outcome::Died { .. } | Outcome::Hung | Outcome::Deaf | Outcome::Unseen => self.drop_all(),
        }
        Ok(seen)
    }

    /// Waits for what has not come out yet though the mark has: daemons announce those that ask for the same together, and
    /// not in the order they came in.
    fn linger(&mut self, updates: &[Update], shown: &mut Vec<(Table, Vec<u8>)>) {
        let known = self.shown.as_deref().unwrap_or(&[]);
        let mut wanted = BTreeSet::new();
        for update in updates {
            let expected = judge(update);
            // What need not be taken is not waited for.
            if matches!(expected.judgement, Judgement::Illegal(_)) || !known.contains(&update.table) {
                return;
            }
            if !update.withdraws {
                wanted.extend(expected.routes);
            }
        }
        let end = Instant::now() + self.at_most(self.patience);
        while shown.len() < wanted.len() && Instant::now() < end {
            let Some(watcher) = self.watcher.as_mut() else { return };
            let Ok(Some(body)) = watcher.next_update(LINGERS) else { return };
            // No mark ends it: the one of this input has come.
            take(&body, &(Table::Ipv4, Vec::new()), false, shown);
        }
    }

    /// Takes back what was announced. What a withdrawal cannot name goes with the session.
    fn take_back(
        &mut self,
        lane: usize,
        updates: &[Update],
        mark: &(Table, Vec<u8>),
        shown: &[(Table, Vec<u8>)],
    ) {
        let illegal = |update: &Update| matches!(judge(update).judgement, Judgement::Illegal(_));
        let wide = self.lanes.get(lane).and_then(Option::as_ref).is_some_and(Session::is_wide);
        let legal: Vec<Vec<u8>> = updates
            .iter()
            .filter(|update| !update.withdraws && !illegal(update))
            .map(|update| update.withdrawal().body(wide))
            .collect();
        let strange = !shown.is_empty() && updates.iter().any(illegal);
        let end = self.pass(lane, &legal, mark, true, &mut Vec::new());
        if strange || !matches!(end, End::Done) {
            if let Some(place) = self.lanes.get_mut(lane) {
                *place = None;
            }
            self.next = (lane + 1) % self.lanes.len().max(1);
            self.settle();
        }
    }

    /// How the target has ended; none while it runs.
    fn has_ended(&mut self) -> Option<Outcome> {
        const MOMENT: Duration = Duration::from_millis(300);
        let end = Instant::now() + MOMENT;
        let inmate = self.inmate.as_mut()?;
        loop {
            if let Ok(Some(ended)) = inmate.ended() {
                return Some(Outcome::Died { code: ended.code });
            }
            // One that has only ended the session goes on: there is something to be seen of it.
            if Instant::now() >= end
                || self.watcher.as_mut().is_some_and(|w| w.next_update(Duration::from_millis(5)).is_ok())
            {
                return None;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn said(&mut self) -> Vec<String> {
        let log = self.inmate.as_ref().map(|inmate| inmate.log().to_owned());
        log.map(|log| self.gauge.said(&log)).unwrap_or_default()
    }
}

fn runs(inmate: &mut Inmate) -> bool {
    matches!(inmate.ended(), Ok(None))
}

impl Target for Speaker {
    fn about(&self) -> &About {
        &self.about
    }

    fn feed(&mut self, input: &Input) -> Result<Observation, Trouble> {
        match input {
            Input::Updates(updates) => self.observe(updates),
            Input::Text(_) | Input::Packets(_) => Ok(Observation::quiet()),
        }
    }

    fn until(&mut self, end: Option<Instant>) {
        self.end = end;
    }

    fn renew(&mut self) -> Result<(), Trouble> {
        self.drop_all();
        Ok(())
    }
}
