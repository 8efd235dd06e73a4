//! A BGP speaker as small as its task: open a session for flow routes (RFC 4271, RFC 4760), keep what the other side
//! announces, announce something itself, and end it.

use super::EngineError;
use crate::dialect::flowspec::{Community, Table, encode};
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// Octets of the header: marker, length, type (RFC 4271 §4.1).
const HEADER: usize = 19;
/// The longest message, with extensions (RFC 8654).
const MESSAGE_MAX: usize = 65_535;
const OPEN: u8 = 1;
const UPDATE: u8 = 2;
const NOTIFICATION: u8 = 3;
const KEEPALIVE: u8 = 4;
/// Seconds after which a silent session ends.
const HOLD: u16 = 180;

/// Who speaks.
#[derive(Clone, Copy, Debug)]
pub struct Identity {
    /// Our AS.
    pub asn: u32,
    /// Our identifier.
    pub id: Ipv4Addr,
    /// The tables announced and asked for.
    pub tables: &'static [Table],
}

/// The NLRIs of an UPDATE: the table, whether they are taken back, and the field they stand in, octets behind octets.
pub fn fields(body: &[u8]) -> Vec<(Table, bool, &[u8])> {
    fn two(octets: &[u8]) -> Option<(usize, &[u8])> {
        let ([high, low], rest) = octets.split_first_chunk::<2>()?;
        Some((usize::from(u16::from_be_bytes([*high, *low])), rest))
    }
    let attributes = || {
        let (withdrawn, rest) = two(body)?;
        let (length, rest) = two(rest.get(withdrawn..)?)?;
        rest.get(..length)
    };
    let mut rest = attributes().unwrap_or(&[]);
    let mut list = Vec::new();
    while let [flags, kind, tail @ ..] = rest {
        let long =
            if flags & 0x10 == 0 { tail.split_first().map(|(n, t)| (usize::from(*n), t)) } else { two(tail) };
        let Some((value, behind)) = long.and_then(|(length, tail)| tail.split_at_checked(length)) else {
            break;
        };
        rest = behind;
        let Some(([high, low, safi], field)) = value.split_first_chunk::<3>() else { continue };
        let Some(table) = Table::of(u16::from_be_bytes([*high, *low]), *safi) else { continue };
        match (kind, field) {
            (15, field) => list.push((table, true, field)),
            // A next hop, which flow routes have none of, and a reserved octet.
            (14, [hop, tail @ ..]) => {
                list.extend(tail.get(usize::from(*hop) + 1..).map(|field| (table, false, field)));
            }
            _ => {}
        }
    }
    list
}

/// An established session. Dropping it ends it with a notification.
#[derive(Debug)]
pub struct Session {
    stream: TcpStream,
    // Octets read of a message that is not whole yet.
    buffer: Vec<u8>,
    // Whether the other side writes four octets for each AS.
    wide: bool,
    last_sent: Instant,
}

impl Session {
    /// Waits for the other side to connect, then opens the session.
    pub fn accept(listener: &TcpListener, who: Identity, limit: Duration) -> Result<Self, EngineError> {
        let end = Instant::now() + limit;
        listener.set_nonblocking(true).map_err(|error| EngineError::io("listening", error))?;
        let mut last = EngineError::Timeout { what: "waiting for a connection".to_owned() };
        while Instant::now() < end {
            match listener.accept() {
                Ok((stream, _)) => match Self::open(stream, who, end) {
                    Ok(session) => return Ok(session),
                    // A daemon may try several times until both sides are ready.
                    Err(error) => last = error,
                },
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                Err(error) => return Err(EngineError::io("accepting a connection", error)),
            }
        }
        Err(last)
    }

    /// Connects, again and again while the other side is not there, then opens the session.
    pub fn connect(to: SocketAddr, who: Identity, limit: Duration) -> Result<Self, EngineError> {
        let end = Instant::now() + limit;
        let mut last = EngineError::Timeout { what: format!("connecting to {to}") };
        while Instant::now() < end {
            match TcpStream::connect_timeout(&to, Duration::from_secs(1)) {
                Ok(stream) => match Self::open(stream, who, end) {
                    Ok(session) => return Ok(session),
                    Err(error) => last = error,
                },
                Err(error) => last = EngineError::io(format!("connecting to {to}"), error),
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Err(last)
    }

    /// Opens the session over a connection that stands.
    pub fn over(stream: TcpStream, who: Identity, limit: Duration) -> Result<Self, EngineError> {
        Self::open(stream, who, Instant::now() + limit)
    }

    fn open(stream: TcpStream, who: Identity, end: Instant) -> Result<Self, EngineError> {
        let prepare = || {
            stream.set_nonblocking(false)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(Duration::from_millis(100)))?;
            stream.set_write_timeout(Some(Duration::from_secs(10)))
        };
        prepare().map_err(|error| EngineError::io("preparing a connection", error))?;
        let mut session = Self { stream, buffer: Vec::new(), wide: false, last_sent: Instant::now() };
        session.send(OPEN, &open_body(who))?;
        let body = session.expect(OPEN, end)?;
        session.wide = has_wide_as(&body);
        session.send(KEEPALIVE, &[])?;
        session.expect(KEEPALIVE, end)?;
        Ok(session)
    }

    fn send(&mut self, kind: u8, body: &[u8]) -> Result<(), EngineError> {
        let length =
            u16::try_from(HEADER + body.len()).map_err(|_| EngineError::NotBgp("a message too long"))?;
        let mut message = vec![0xff; 16];
        message.extend_from_slice(&length.to_be_bytes());
        message.push(kind);
        message.extend_from_slice(body);
        self.last_sent = Instant::now();
        self.stream.write_all(&message).map_err(|error| EngineError::io("writing a message", error))
    }

    fn expect(&mut self, kind: u8, end: Instant) -> Result<Vec<u8>, EngineError> {
        while Instant::now() < end {
            if let Some(message) = self.message()?
                && message.get(HEADER - 1) == Some(&kind)
            {
                return Ok(message.get(HEADER..).unwrap_or(&[]).to_vec());
            }
        }
        Err(EngineError::Timeout { what: format!("waiting for message {kind}") })
    }

    /// The next whole message, header included; none when nothing came for a moment.
    fn message(&mut self) -> Result<Option<Vec<u8>>, EngineError> {
        if self.last_sent.elapsed() > Duration::from_secs(u64::from(HOLD / 3)) {
            self.send(KEEPALIVE, &[])?;
        }
        if let Some(message) = self.whole()? {
            return Self::look(message).map(Some);
        }
        let mut octets = [0; 8_192];
        match self.stream.read(&mut octets) {
            Ok(0) => Err(EngineError::io("reading", ErrorKind::UnexpectedEof.into())),
            Ok(count) => {
                self.buffer.extend_from_slice(octets.get(..count).unwrap_or(&[]));
                let message = self.whole()?;
                message.map(Self::look).transpose()
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Ok(None),
            Err(error) => Err(EngineError::io("reading", error)),
        }
    }

    // Cuts one message off the octets read.
    fn whole(&mut self) -> Result<Option<Vec<u8>>, EngineError> {
        let Some((header, _)) = self.buffer.split_at_checked(HEADER) else { return Ok(None) };
        let [marker @ .., high, low, _] = header else { return Ok(None) };
        if marker.iter().any(|octet| *octet != 0xff) {
            return Err(EngineError::NotBgp("a message without its marker"));
        }
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        if !(HEADER..=MESSAGE_MAX).contains(&length) {
            return Err(EngineError::NotBgp("a message of impossible length"));
        }
        if self.buffer.len() < length {
            return Ok(None);
        }
        let rest = self.buffer.split_off(length);
        Ok(Some(std::mem::replace(&mut self.buffer, rest)))
    }

    fn look(message: Vec<u8>) -> Result<Vec<u8>, EngineError> {
        if message.get(HEADER - 1) == Some(&NOTIFICATION) {
            let octet = |at: usize| message.get(HEADER + at).copied().unwrap_or(0);
            return Err(EngineError::Notification { code: octet(0), subcode: octet(1) });
        }
        Ok(message)
    }

    /// Collects updates until none came for `quiet`, at most for `limit`: whole messages, one behind the other, as the
    /// readers of captures take them.
    pub fn updates(&mut self, quiet: Duration, limit: Duration) -> Result<Vec<u8>, EngineError> {
        let (end, mut last) = (Instant::now() + limit, Instant::now());
        let mut out = Vec::new();
        while Instant::now() < end && last.elapsed() < quiet {
            let Some(message) = self.message()? else { continue };
            if message.get(HEADER - 1) == Some(&UPDATE) {
                out.extend_from_slice(&message);
                last = Instant::now();
            }
        }
        Ok(out)
    }

    /// Announces one flow route, with `asn` as its path.
    pub fn announce(
        &mut self,
        table: Table,
        nlri: &[u8],
        communities: &[Community],
        asn: u32,
    ) -> Result<(), EngineError> {
        let mut framed = Vec::new();
        encode::framed(nlri, &mut framed).map_err(|_| EngineError::NotBgp("an NLRI too long"))?;
        self.announce_framed(table, &framed, communities, asn)
    }

    /// Announces flow routes that ask for the same, `framed` one behind the other, each behind its length: as many as
    /// a message takes.
    pub fn announce_framed(
        &mut self,
        table: Table,
        framed: &[u8],
        communities: &[Community],
        asn: u32,
    ) -> Result<(), EngineError> {
        let mut reach = Vec::new();
        let (afi, safi) = table.family_numbers();
        reach.extend_from_slice(&afi.to_be_bytes());
        // No next hop, and the reserved octet.
        reach.extend_from_slice(&[safi, 0, 0]);
        reach.extend_from_slice(framed);
        let mut attributes = Vec::new();
        attribute(0x40, 1, &[0], &mut attributes);
        let mut path = vec![2, 1];
        if self.wide {
            path.extend_from_slice(&asn.to_be_bytes());
        } else {
            path.extend_from_slice(&u16::try_from(asn).unwrap_or(23_456).to_be_bytes());
        }
        attribute(0x40, 2, &path, &mut attributes);
        for (kind, length) in [(16, 8), (25, 20)] {
            let of = communities.iter().filter(|community| community.octets().len() == length);
            let octets: Vec<u8> = of.flat_map(|community| community.octets().iter().copied()).collect();
            if !octets.is_empty() {
                attribute(0xc0, kind, &octets, &mut attributes);
            }
        }
        attribute(0x80, 14, &reach, &mut attributes);
        let mut body = vec![0, 0];
        body.extend_from_slice(&u16::try_from(attributes.len()).unwrap_or(u16::MAX).to_be_bytes());
        body.extend_from_slice(&attributes);
        self.send(UPDATE, &body)
    }

    /// Reads what has come, for at most a moment; an error when the other side has ended the session.
    pub fn listen(&mut self) -> Result<(), EngineError> {
        self.message().map(drop)
    }

    /// Has sending wait no longer than that for the other side to read.
    pub fn bears(&self, limit: Duration) -> Result<(), EngineError> {
        self.stream
            .set_write_timeout(Some(limit))
            .map_err(|error| EngineError::io("preparing a connection", error))
    }

    /// Whether each AS takes four octets in what is sent.
    pub fn is_wide(&self) -> bool {
        self.wide
    }

    /// Sends an UPDATE with this behind its header, whatever it is.
    pub fn update(&mut self, body: &[u8]) -> Result<(), EngineError> {
        self.send(UPDATE, body)
    }

    /// The next UPDATE, waited for so long, without its header; none when none came.
    pub fn next_update(&mut self, wait: Duration) -> Result<Option<Vec<u8>>, EngineError> {
        let end = Instant::now() + wait;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let set = if left.is_zero() {
                self.stream.set_nonblocking(true)
            } else {
                self.stream.set_read_timeout(Some(left.max(Duration::from_millis(1))))
            };
            set.map_err(|error| EngineError::io("preparing a connection", error))?;
            let message = self.message();
            if left.is_zero() {
                let set = self.stream.set_nonblocking(false);
                set.map_err(|error| EngineError::io("preparing a connection", error))?;
            }
            match message? {
                Some(message) if message.get(HEADER - 1) == Some(&UPDATE) => {
                    return Ok(Some(message.get(HEADER..).unwrap_or(&[]).to_vec()));
                }
                None if left.is_zero() => return Ok(None),
                _ => {}
            }
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Cease, administrative shutdown (RFC 4486); the other side may be gone.
        _ = self.send(NOTIFICATION, &[6, 2]);
    }
}

fn attribute(flags: u8, kind: u8, value: &[u8], out: &mut Vec<u8>) {
    let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
    if let Ok(length) = u8::try_from(length) {
        out.extend_from_slice(&[flags, kind, length]);
    } else {
        // The bit that says two octets of length.
        out.extend_from_slice(&[flags | 0x10, kind]);
        out.extend_from_slice(&length.to_be_bytes());
    }
    out.extend_from_slice(value);
}

fn open_body(who: Identity) -> Vec<u8> {
    let mut capabilities = Vec::new();
    for table in who.tables {
        let (afi, safi) = table.family_numbers();
        let [high, low] = afi.to_be_bytes();
        capabilities.extend_from_slice(&[1, 4, high, low, 0, safi]);
    }
    capabilities.extend_from_slice(&[65, 4]);
    capabilities.extend_from_slice(&who.asn.to_be_bytes());
    let mut body = vec![4];
    body.extend_from_slice(&u16::try_from(who.asn).unwrap_or(23_456).to_be_bytes());
    body.extend_from_slice(&HOLD.to_be_bytes());
    body.extend_from_slice(&who.id.octets());
    let length = u8::try_from(capabilities.len()).unwrap_or(u8::MAX);
    body.extend_from_slice(&[length.saturating_add(2), 2, length]);
    body.extend_from_slice(&capabilities);
    body
}

// Whether the parameters of an OPEN hold capability 65 (RFC 6793).
fn has_wide_as(body: &[u8]) -> bool {
    let mut rest = body.get(10..).unwrap_or(&[]);
    while let [kind, length, tail @ ..] = rest {
        let (value, behind) = tail.split_at_checked(usize::from(*length)).unwrap_or((tail, &[]));
        let mut inside = if *kind == 2 { value } else { &[] };
        while let [code, length, tail @ ..] = inside {
            if *code == 65 {
                return true;
            }
            inside = tail.get(usize::from(*length)..).unwrap_or(&[]);
        }
        rest = behind;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::ReadOptions;
    use crate::dialect::by_name;
    use crate::source::{Content, Source, SourceId, Stream};

    const TABLES: &[Table] = &[Table::Ipv4, Table::Ipv6];

    #[test]
    fn two_of_us_understand_each_other() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let to = listener.local_addr().unwrap();
        let who = |asn| Identity { asn, id: Ipv4Addr::new(192, 0, 2, 1), tables: TABLES };
        let limit = Duration::from_secs(10);
        let other = std::thread::spawn(move || {
            let mut session = Session::connect(to, who(70_000), limit).unwrap();
            let discard = Community::Short([0x80, 6, 0, 0, 0, 0, 0, 0]);
            session.announce(Table::Ipv4, &[1, 8, 10], &[discard], 70_000).unwrap();
            session.announce(Table::Ipv6, &[3, 0x81, 6], &[], 70_000).unwrap();
            // The other side hangs up when it has heard enough.
            let _ = session.updates(limit, limit);
        });
        let mut session = Session::accept(&listener, who(65_001), limit).unwrap();
        let bytes = session.updates(Duration::from_millis(500), limit).unwrap();
        other.join().unwrap();
        let streams = vec![Stream { start: 0, name: "".into() }];
        let source = Source::new("test", Content::Octets { bytes, pieces: Vec::new(), streams });
        let reading = by_name("bgp-capture").unwrap().read(&source, SourceId(0), &ReadOptions::default());
        let count: Vec<usize> = reading.document.rule_sets.iter().map(|set| set.rules.len()).collect();
        assert_eq!((count, reading.diagnostics.len()), (vec![1, 1], 0));
    }
}
