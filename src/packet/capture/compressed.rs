//! Sees compression by its magic and undoes it as a stream.

use flate2::read::MultiGzDecoder;
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};
use std::io::{self, BufRead, BufReader, Cursor, Read};

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// The stream behind whatever compression its first octets tell of.
pub(super) fn open<'r>(mut source: impl Read + 'r) -> io::Result<Box<dyn Read + 'r>> {
    let mut head = Vec::with_capacity(4);
    source.by_ref().take(4).read_to_end(&mut head)?;
    let gzip = head.starts_with(&GZIP);
    let zstd = head == ZSTD || is_skippable(&head);
    let whole = Cursor::new(head).chain(source);
    Ok(if gzip {
        Box::new(MultiGzDecoder::new(whole))
    } else if zstd {
        Box::new(ZstdFrames { state: State::Between(BufReader::new(whole)) })
    } else {
        Box::new(whole)
    })
}

/// Frames of zstd's skippable kind: 0x184D2A50 to 0x184D2A5F, little-endian (RFC 8878 §3.1.2).
fn is_skippable(magic: &[u8]) -> bool {
    matches!(magic, [0x50..=0x5f, 0x2a, 0x4d, 0x18])
}

/// One zstd frame behind the other; the decoder itself stops after the first.
struct ZstdFrames<R: Read> {
    state: State<R>,
}

// The magic is read to know the kind of frame, and given back in front of the rest.
type Whole<R> = io::Chain<Cursor<[u8; 4]>, BufReader<R>>;

enum State<R: Read> {
    Between(BufReader<R>),
    Inside(Box<StreamingDecoder<Whole<R>, FrameDecoder>>),
    Over,
}

impl<R: Read> Read for ZstdFrames<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            match std::mem::replace(&mut self.state, State::Over) {
                State::Over => return Ok(0),
                State::Between(mut source) => {
                    if source.fill_buf()?.is_empty() {
                        return Ok(0);
                    }
                    self.state = next_frame(source)?;
                }
                State::Inside(mut decoder) => {
                    let read = decoder.read(out)?;
                    if read > 0 || out.is_empty() {
                        self.state = State::Inside(decoder);
                        return Ok(read);
                    }
                    self.state = State::Between(decoder.into_inner().into_inner().1);
                }
            }
        }
    }
}

fn next_frame<R: Read>(mut source: BufReader<R>) -> io::Result<State<R>> {
    let mut magic = [0; 4];
    source.read_exact(&mut magic)?;
    if is_skippable(&magic) {
        let mut length = [0; 4];
        source.read_exact(&mut length)?;
        let length = u64::from(u32::from_le_bytes(length));
        io::copy(&mut source.by_ref().take(length), &mut io::sink())?;
        return Ok(State::Between(source));
    }
    let decoder = StreamingDecoder::new(Cursor::new(magic).chain(source)).map_err(io::Error::other)?;
    Ok(State::Inside(Box::new(decoder)))
}
