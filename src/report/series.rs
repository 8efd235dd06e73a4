//! What became of packets over time: a row for every stretch of it that has packets.

use super::VERDICTS;
use super::json::{self, v1::VERSION};
use crate::eval::Tally;
use crate::guard::{Exhausted, Meter, limits};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::Duration;

/// Sums of packets over stretches of time of one length, counted from 1970.
#[derive(Clone, Debug)]
pub struct Series {
    every: Duration,
    // INVARIANT: as many as the meter allows. By the number of the stretch, in the order of `VERDICTS`.
    stretches: BTreeMap<u128, [Tally; 5]>,
    untimed: Tally,
    meter: Meter,
}

impl Series {
    /// Nothing yet, of stretches that are so long; none when they have no length.
    pub fn new(every: Duration) -> Option<Self> {
        let meter = Meter::new(&limits::SERIES_STRETCHES);
        (!every.is_zero()).then(|| Self {
            every,
            stretches: BTreeMap::new(),
            untimed: Tally::default(),
            meter,
        })
    }

    /// Counts a packet of `length` octets that was seen at a time since 1970, by the index of its verdict in
    /// [`VERDICTS`].
    ///
    /// # Errors
    ///
    /// When packets lie so far apart that there would be more stretches than the limit.
    pub fn add(&mut self, time: Option<Duration>, verdict: usize, length: u32) -> Result<(), Exhausted> {
        let Some(time) = time else {
            self.untimed.add(length);
            return Ok(());
        };
        let number = time.as_nanos() / self.every.as_nanos().max(1);
        if let Some(tally) = self.stretch(number)?.get_mut(verdict) {
            tally.add(length);
        }
        Ok(())
    }

    fn stretch(&mut self, number: u128) -> Result<&mut [Tally; 5], Exhausted> {
        let stretches = &mut self.stretches;
        if !stretches.contains_key(&number) {
            self.meter.charge(1)?;
        }
        Ok(stretches.entry(number).or_default())
    }

    /// Adds what others came to, over stretches of the same length.
    pub fn merge(&mut self, other: &Self) -> Result<(), Exhausted> {
        self.untimed.merge(other.untimed);
        for (number, theirs) in &other.stretches {
            self.stretch(*number)?.iter_mut().zip(theirs).for_each(|(own, other)| own.merge(*other));
        }
        Ok(())
    }

    /// Packets of which the capture does not say when they were seen.
    pub fn untimed(&self) -> Tally {
        self.untimed
    }

    /// Where a stretch begins, in seconds since 1970.
    fn seconds(&self, number: u128) -> String {
        let nanos = number.saturating_mul(self.every.as_nanos());
        let (whole, part) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
        if part == 0 {
            return whole.to_string();
        }
        let part = format!("{part:09}");
        format!("{whole}.{}", part.trim_end_matches('0'))
    }

    /// Writes a row for each stretch: its beginning in seconds since 1970, then packets and octets by verdict.
    pub fn write_csv(&self, out: &mut dyn Write) -> io::Result<()> {
        write!(out, "time")?;
        for verdict in VERDICTS {
            write!(out, ",{verdict}-packets,{verdict}-octets")?;
        }
        writeln!(out)?;
        for (number, tallies) in &self.stretches {
            write!(out, "{}", self.seconds(*number))?;
            for tally in tallies {
                write!(out, ",{},{}", tally.packets, tally.octets)?;
            }
            writeln!(out)?;
        }
        Ok(())
    }

    /// Writes the rows as a JSON document.
    pub fn write_json(&self, out: &mut dyn Write) -> io::Result<()> {
        let stretch = |(number, tallies): (&u128, &[Tally; 5])| Stretch {
            time: self.seconds(*number),
            verdicts: VERDICTS.into_iter().zip(tallies.iter().map(Sum::of)).collect(),
        };
        let document = Document {
            version: VERSION,
            every: self.every.as_secs_f64(),
            untimed: Sum::of(&self.untimed),
            series: self.stretches.iter().map(stretch).collect(),
        };
        json::document(&document, out)
    }

    /// Writes a plot of packets a second by verdict, as SVG.
    #[expect(clippy::cast_precision_loss, reason = "a plot has a few hundred points either way")]
    pub fn write_svg(&self, out: &mut dyn Write) -> io::Result<()> {
        const WIDTH: f64 = 900.0;
        const HEIGHT: f64 = 300.0;
        const MARGIN: f64 = 60.0;
        let first = self.stretches.first_key_value().map_or(0, |(number, _)| *number);
        let last = self.stretches.last_key_value().map_or(0, |(number, _)| *number);
        let every = self.every.as_secs_f64();
        let rate = |tally: &Tally| tally.packets as f64 / every;
        let most = self.stretches.values().flatten().map(rate).fold(0.0, f64::max);
        let x = |number: u128| MARGIN + (number - first) as f64 / ((last - first) as f64).max(1.0) * WIDTH;
        let y = |rate: f64| MARGIN + HEIGHT - rate / if most > 0.0 { most } else { 1.0 } * HEIGHT;
        let (width, height) = (WIDTH + 2.0 * MARGIN, HEIGHT + 2.0 * MARGIN);
        writeln!(
            out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" \
             font-size=\"12\">"
        )?;
        writeln!(out, "<title>packets a second by verdict</title>")?;
        let (left, right, top, bottom) = (MARGIN, MARGIN + WIDTH, MARGIN, MARGIN + HEIGHT);
        writeln!(
            out,
            "<path d=\"M{left} {top}V{bottom}H{right}\" fill=\"none\" stroke=\"#888\"/>\n\
             <text x=\"{left}\" y=\"{}\">{most:.1} packets a second</text>\n\
             <text x=\"{left}\" y=\"{}\">{} s</text>\n\
             <text x=\"{right}\" y=\"{}\" text-anchor=\"end\">{} s</text>",
            top - 8.0,
            bottom + 18.0,
            self.seconds(first),
            bottom + 18.0,
            self.seconds(last.saturating_add(1)),
        )?;
        for (index, (verdict, colour)) in VERDICTS.into_iter().zip(COLOURS).enumerate() {
            let mut path = String::new();
            let mut before = None;
            for (number, tallies) in &self.stretches {
                let rate = tallies.get(index).map_or(0.0, rate);
                // Between stretches that are not beside each other there was nothing.
                if let Some(before) = before.filter(|before| before + 1 < *number) {
                    _ = write!(path, "L{:.1} {bottom}L{:.1} {bottom}", x(before + 1), x(*number));
                }
                let step = if path.is_empty() { 'M' } else { 'L' };
                _ = write!(path, "{step}{:.1} {:.1}", x(*number), y(rate));
                before = Some(*number);
            }
            let place = left + 120.0 * index as f64;
            writeln!(
                out,
                "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\"/>\n\
                 <text x=\"{place}\" y=\"{}\" fill=\"{colour}\">{verdict}</text>",
                bottom + 40.0
            )?;
        }
        writeln!(out, "</svg>")
    }
}

/// One for each verdict; told apart by people who see red and green alike.
const COLOURS: [&str; 5] = ["#0072b2", "#d55e00", "#cc79a7", "#666666", "#e69f00"];

#[derive(Serialize)]
struct Document {
    version: u32,
    // Seconds.
    every: f64,
    untimed: Sum,
    series: Vec<Stretch>,
}

#[derive(Serialize)]
struct Stretch {
    // Seconds since 1970, as text: more digits than a number of JSON keeps.
    time: String,
    verdicts: BTreeMap<&'static str, Sum>,
}

#[derive(Serialize)]
struct Sum {
    packets: u64,
    bytes: u64,
}

impl Sum {
    fn of(tally: &Tally) -> Self {
        Self { packets: tally.packets, bytes: tally.octets }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn stretches_begin_at_multiples_and_parts_add_up_to_the_whole() {
        let mut parts = [(); 2].map(|()| Series::new(Duration::from_millis(500)).unwrap());
        let mut whole = parts[0].clone();
        for (number, time) in [1_000_u64, 1_499, 1_500, 9_000].into_iter().enumerate() {
            let time = Some(Duration::from_millis(time));
            whole.add(time, number % 2, 100).unwrap();
            parts[number % 2].add(time, number % 2, 100).unwrap();
        }
        whole.add(None, 0, 60).unwrap();
        parts[1].add(None, 0, 60).unwrap();
        let [mut sum, other] = parts;
        sum.merge(&other).unwrap();
        let csv = text(|out| whole.write_csv(out));
        assert_eq!(text(|out| sum.write_csv(out)), csv);
        let rows: Vec<&str> = csv.lines().skip(1).collect();
        assert_eq!(
            rows,
            ["1,1,100,1,100,0,0,0,0,0,0", "1.5,1,100,0,0,0,0,0,0,0,0", "9,0,0,1,100,0,0,0,0,0,0"]
        );
        assert_eq!(sum.untimed(), Tally { packets: 1, octets: 60 });
        let plot = text(|out| whole.write_svg(out));
        assert!(plot.starts_with("<svg ") && plot.ends_with("</svg>\n"), "{plot}");
        assert!(Series::new(Duration::ZERO).is_none());
    }

    #[test]
    fn packets_far_apart_end_at_a_limit() {
        let mut series = Series::new(Duration::from_nanos(1)).unwrap();
        let add = |number| series.add(Some(Duration::from_secs(number)), 0, 1);
        assert_eq!((0..=limits::SERIES_STRETCHES.value).map(add).filter(Result::is_err).count(), 1);
    }
}
