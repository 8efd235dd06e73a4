//! Probes: what no single input shows. Twice as many rules, and the time they take; the same routes again and again, and
//! the memory that stays.

use super::generate::{Pools, Style, octets, routes, with_value};
use super::{Fault, Input, Observation, Outcome, Target, Trouble, Update};
use crate::dialect::flowspec::{ComponentType, Table, encode};
use crate::field::Family;
use crate::guard::{Meter, limits};
use arbitrary::Unstructured;
use std::time::Duration;

/// Something to ask a target that lives.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Probe {
    /// More and more rules that share this component and differ in a prefix.
    Scale(Shape),
    /// The same rules announced and taken back.
    Churn,
}

/// In what many rules are alike.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Shape {
    /// In nothing: each has prefixes of its own, what others are held against.
    Apart,
    /// In a component of this type; they differ in their prefixes, or in the other one where it is a prefix.
    Same(ComponentType),
    /// In that they have no prefix of this type, but one of the other.
    Without(u8),
    /// One rule, and as many operands.
    List(ComponentType),
}

impl Probe {
    /// All of them, those that find more first.
    pub(super) fn all() -> Vec<Self> {
        let mut list = vec![Self::Scale(Shape::Apart)];
        list.extend([1, 2].map(|kind| Self::Scale(Shape::Without(kind))));
        // Once some of what would stand in its way is known.
        list.push(Self::Churn);
        let kinds = (1..=12).filter_map(ComponentType::from_number);
        list.extend(kinds.map(|kind| Self::Scale(Shape::Same(kind))));
        list.push(Self::Scale(Shape::List(ComponentType::Port)));
        list
    }

    /// By what a fault of it is told from those of others: memory of its own, or what time grows with.
    pub(super) fn signature(self) -> String {
        match self {
            Self::Churn => Fault::Leak.name().to_owned(),
            Self::Scale(shape) => format!("{}: {}", Fault::Superlinear.name(), shape.axis()),
        }
    }
}

impl Shape {
    /// What time grows with: rules that share a component and rules that lack it meet in the same place.
    fn axis(self) -> &'static str {
        match self {
            Self::Apart => "any rules",
            Self::Same(kind) => kind.info().name,
            Self::Without(1) => ComponentType::DestinationPrefix.info().name,
            Self::Without(_) => ComponentType::SourcePrefix.info().name,
            Self::List(_) => "operands in one list",
        }
    }

    fn name(self) -> String {
        match self {
            Self::Apart => "with prefixes of their own".to_owned(),
            Self::Same(kind) => format!("of one {}", kind.info().name),
            Self::Without(1) => "without a destination".to_owned(),
            Self::Without(_) => "without a source".to_owned(),
            Self::List(kind) => format!("operands in one {} list", kind.info().name),
        }
    }

    /// So many legal routes of this shape, in messages of the usual size.
    pub(super) fn input(self, count: u32) -> Input {
        let table = Table::Ipv4;
        let mut list = Vec::new();
        let mut meter = Meter::new(&limits::MADE_RULES);
        let number = if matches!(self, Self::List(_)) { 1 } else { count };
        for number in 0..number {
            if meter.charge(1).is_err() {
                break;
            }
            let mut value = Vec::with_capacity(24);
            match self {
                Self::Apart => {
                    own(1, number, &mut value);
                    own(2, number, &mut value);
                }
                Self::Without(1) => own(2, number, &mut value),
                Self::Without(_) => own(1, number, &mut value),
                Self::Same(ComponentType::DestinationPrefix) => {
                    value.extend_from_slice(SHARED);
                    own(2, number, &mut value);
                }
                Self::Same(ComponentType::SourcePrefix) => {
                    own(1, number, &mut value);
                    value.extend_from_slice(&[2]);
                    value.extend_from_slice(SHARED.get(1..).unwrap_or(&[]));
                }
                Self::Same(kind) => {
                    own(1, number, &mut value);
                    own(2, number, &mut value);
                    let half = kind.max(Family::Inet) / 2;
                    with_value(kind, half, kind.canonical_width(half), &mut value);
                }
                Self::List(kind) => {
                    value.push(kind.number());
                    for operand in 0..count {
                        let end = if operand + 1 == count { 0x80 } else { 0 };
                        value.push(end | 0x11);
                        value.extend_from_slice(
                            &u16::try_from(0x100 + operand * 2).unwrap_or(u16::MAX).to_be_bytes(),
                        );
                    }
                }
            }
            let mut framed = Vec::with_capacity(value.len() + 1);
            if encode::framed(&value, &mut framed).is_ok() {
                list.push(framed);
            }
        }
        Input::Updates(packed(table, list))
    }
}

/// A network for documentation (RFC 5737), as a destination.
const SHARED: &[u8] = &[1, 24, 192, 0, 2];

/// A host of its own for each number, as a prefix of this type.
fn own(kind: u8, number: u32, value: &mut Vec<u8>) {
    value.extend_from_slice(&[kind, 32]);
    value.extend_from_slice(&(0x0a00_0000_u32 | number & 0x00ff_ffff).to_be_bytes());
}

/// Routes in as few messages of the usual size as take them.
fn packed(table: Table, list: Vec<Vec<u8>>) -> Vec<Update> {
    const MESSAGE: usize = 3_800;
    let mut updates: Vec<Update> = Vec::new();
    let mut size = MESSAGE;
    for route in list {
        size += route.len();
        if size > MESSAGE {
            size = route.len();
            updates.push(Update::new(table, Vec::new()));
        }
        if let Some(last) = updates.last_mut() {
            last.routes.push(route);
        }
    }
    updates
}

/// Feeds a target; none once the campaign is over.
pub(super) type Ask<'a> = dyn FnMut(&Input) -> Result<Option<Observation>, Trouble> + 'a;

/// What a probe came to.
pub(super) enum Probed {
    /// Nothing.
    Fine,
    /// The campaign was over before it came to anything.
    Over,
    /// It met another fault on the way: the input and what was seen.
    Met(Input, Observation),
    /// A fault of its own, with what brings it about and its figures in words.
    Fault(Fault, Input, String),
}

/// The fewest and the most rules of one question.
const FEWEST: u32 = 1_024;
/// Operands that a rule of the longest length takes, in three octets each.
const OPERANDS: u32 = 1_024;
/// Time from which growth is told from noise.
const CLEAR: Duration = Duration::from_millis(60);
/// How many times the most rules a question may come to that is not decided by then.
const FURTHER: u32 = 4;
/// Time that a question may take.
const ENOUGH: Duration = Duration::from_millis(1_500);

/// Doubles the number of rules until they take time, and asks whether each doubling takes more than twice as long.
pub(super) fn scale(shape: Shape, most: u32, ask: &mut Ask<'_>) -> Result<Probed, Trouble> {
    let (mut count, most) = if let Shape::List(_) = shape { (64, OPERANDS) } else { (FEWEST, most) };
    let mut times: Vec<(u32, Duration)> = Vec::new();
    // A rule of the longest length holds no more operands.
    let further = if let Shape::List(_) = shape { most } else { most.saturating_mul(FURTHER) };
    while count <= most || count <= further && is_open(&times) {
        let input = shape.input(count);
        let Some(seen) = ask(&input)? else { return Ok(Probed::Over) };
        if seen.outcome != Outcome::Alive || seen.reset.is_some() {
            // Where time grows like that, the end of patience comes before the end of the work.
            let late = matches!(seen.outcome, Outcome::Hung | Outcome::Deaf);
            let probed = if late && (is_open(&times) || grows(&times)) {
                confirmed(shape, &times, ask)?
            } else {
                Probed::Fine
            };
            return Ok(if matches!(probed, Probed::Fine) { Probed::Met(input, seen) } else { probed });
        }
        times.push((count, seen.cpu));
        // What a moment of a busy machine made is asked again with more rules.
        if grows(&times) {
            let probed = confirmed(shape, &times, ask)?;
            if !matches!(probed, Probed::Fine) {
                return Ok(probed);
            }
        }
        if seen.cpu > ENOUGH || is_in_proportion(&times) {
            break;
        }
        count = count.saturating_mul(2);
    }
    Ok(Probed::Fine)
}

/// Whether as many rules take as long again, and as many apart from each other do not.
fn confirmed(shape: Shape, times: &[(u32, Duration)], ask: &mut Ask<'_>) -> Result<Probed, Trouble> {
    let Some((count, time)) = times.last().copied() else { return Ok(Probed::Fine) };
    let Some(again) = ask(&shape.input(count))? else { return Ok(Probed::Over) };
    // What the rules before have left to be done is done while the first of these are there.
    let Some(first) = ask(&shape.input(count / 2))? else { return Ok(Probed::Over) };
    let Some(second) = ask(&shape.input(count / 2))? else { return Ok(Probed::Over) };
    let half = first.cpu.min(second.cpu);
    let Some(apart) = ask(&Shape::Apart.input(count))? else { return Ok(Probed::Over) };
    let worst = again.cpu.min(time);
    // Apart from each other, as many take less time than these, unless everything grows like that.
    if shape != Shape::Apart && worst < apart.cpu * 2 || ratio(worst, half) < STEEP {
        return Ok(Probed::Fine);
    }
    let figures: Vec<String> =
        times.iter().map(|(count, time)| format!("{count}: {:.3} s", time.as_secs_f64())).collect();
    let detail = format!(
        "rules {}: {}; as many with prefixes of their own: {:.3} s",
        shape.name(),
        figures.join(", "),
        apart.cpu.as_secs_f64()
    );
    Ok(Probed::Fault(Fault::Superlinear, shape.input(count), detail))
}

/// How many times as long a doubling takes from which growth is faster than the number: 2 is in proportion, 4 its square.
const STEEP: f64 = 2.9;

fn ratio(a: Duration, b: Duration) -> f64 {
    a.as_secs_f64() / b.as_secs_f64().max(0.000_1)
}

/// Whether what was seen so far speaks for neither: a doubling that takes more than its share, and not yet clearly so.
fn is_open(times: &[(u32, Duration)]) -> bool {
    let [.., (_, second), (_, third)] = times else { return false };
    *third >= CLEAR / 2 && ratio(*third, *second) >= EVEN && !grows(times)
}

/// How many times as long a doubling takes up to which growth is in proportion.
const EVEN: f64 = 2.3;

/// Whether two doublings have taken clear time, and each about twice as long.
fn is_in_proportion(times: &[(u32, Duration)]) -> bool {
    let [.., (_, first), (_, second), (_, third)] = times else { return false };
    *third >= CLEAR && ratio(*third, *second) < EVEN && ratio(*second, *first) < EVEN
}

fn grows(times: &[(u32, Duration)]) -> bool {
    let [.., (_, first), (_, second), (_, third)] = times else { return false };
    *third >= CLEAR && ratio(*third, *second) >= STEEP && ratio(*second, *first) >= STEEP * 0.85
}

/// Rounds of one question about memory.
const ROUNDS: usize = 32;
/// Octets in a quarter of the rounds from which growth is told from noise.
const GROWN: u64 = 48 << 10;

/// Legal rules to announce and take back, some of them asking for something.
pub(super) fn rules(seed: u64, pools: &Pools, table: Table, avoid: &dyn Fn(&Update) -> bool) -> Input {
    const ROUTES: usize = 800;
    let data = octets(seed, ROUTES * 128);
    let mut u = Unstructured::new(&data);
    let mut list = Vec::new();
    while list.len() < ROUTES && !u.is_empty() {
        let made = routes(&mut u, table, pools, Style::PLAIN, 1);
        if !avoid(&Update::new(table, made.clone())) {
            list.extend(made);
        }
    }
    list.sort();
    list.dedup();
    let mut updates = packed(table, list);
    // Some ask for something.
    for (number, update) in updates.iter_mut().enumerate() {
        if number % 2 == 1 {
            update.communities = vec![super::generate::community(&mut u)];
        }
    }
    Input::Updates(updates)
}

/// Announces and takes back the same rules, round after round, and asks whether memory grows from each quarter of the
/// rounds to the next.
pub(super) fn churn(input: &Input, ask: &mut Ask<'_>) -> Result<Probed, Trouble> {
    let held = match rounds(input, ROUNDS, ask)? {
        Held::All(held) => held,
        Held::Met(seen) => return Ok(Probed::Met(input.clone(), *seen)),
        Held::Over => return Ok(Probed::Over),
    };
    if !leaks(&held) {
        return Ok(Probed::Fine);
    }
    // What fills a store once is no leak: it must go on.
    let more = match rounds(input, ROUNDS, ask)? {
        Held::All(held) => held,
        Held::Met(seen) => return Ok(Probed::Met(input.clone(), *seen)),
        Held::Over => return Ok(Probed::Over),
    };
    if !leaks(&more) {
        return Ok(Probed::Fine);
    }
    let (first, last) = (more.first().copied().unwrap_or(0), more.last().copied().unwrap_or(0));
    let each = last.saturating_sub(first) / (ROUNDS as u64 - 1).max(1);
    let detail = format!(
        "{} routes announced and taken back {} times: {each} octets stay each time",
        input.len(),
        ROUNDS * 2
    );
    Ok(Probed::Fault(Fault::Leak, input.clone(), detail))
}

/// Memory that a target holds after each round.
enum Held {
    All(Vec<u64>),
    Met(Box<Observation>),
    Over,
}

fn rounds(input: &Input, count: usize, ask: &mut Ask<'_>) -> Result<Held, Trouble> {
    let mut held = Vec::new();
    for _ in 0..count {
        let Some(seen) = ask(input)? else { return Ok(Held::Over) };
        if seen.outcome != Outcome::Alive || seen.reset.is_some() {
            return Ok(Held::Met(Box::new(seen)));
        }
        held.extend(seen.resident);
    }
    Ok(Held::All(held))
}

/// Whether memory rises in every quarter behind the first, and about as much in each.
fn leaks(held: &[u64]) -> bool {
    let size = held.len() / 4;
    if size == 0 {
        return false;
    }
    let low: Vec<u64> = held.chunks(size).take(4).filter_map(|part| part.iter().min().copied()).collect();
    let [_, second, third, fourth] = low.as_slice() else { return false };
    let (a, b) = (third.saturating_sub(*second), fourth.saturating_sub(*third));
    a >= GROWN && b >= GROWN && a <= b * 3 && b <= a * 3
}

/// Whether a fault of a probe comes about with this input: what replaying asks.
pub(super) fn again(target: &mut dyn Target, fault: &Fault, input: &Input) -> Result<bool, Trouble> {
    if *fault == Fault::Leak {
        target.renew()?;
        let held = rounds(input, ROUNDS, &mut |input| target.feed(input).map(Some))?;
        return Ok(matches!(held, Held::All(held) if leaks(&held)));
    }
    let Input::Updates(updates) = input else { return Ok(false) };
    let half = Input::Updates(updates.get(..updates.len() / 2).unwrap_or(&[]).to_vec());
    let (part, whole) = (target.feed(&half)?, target.feed(input)?);
    Ok(ratio(whole.cpu, part.cpu) >= STEEP)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::expect::{Judgement, judge};

    #[test]
    fn every_shape_is_of_legal_routes_that_differ() {
        for probe in Probe::all() {
            let Probe::Scale(shape) = probe else { continue };
            let Input::Updates(updates) = shape.input(600) else { panic!() };
            let mut routes = 0;
            for update in &updates {
                let expected = judge(update);
                assert_eq!(expected.judgement, Judgement::Legal, "{shape:?}");
                routes += expected.routes.len();
            }
            assert_eq!(routes, if matches!(shape, Shape::List(_)) { 1 } else { 600 }, "{shape:?}");
        }
    }

    #[test]
    fn squares_grow_and_proportions_do_not() {
        let times = |power: f64| -> Vec<(u32, Duration)> {
            (0..5).map(|n| (1 << n, Duration::from_secs_f64(0.02 * f64::from(1 << n).powf(power)))).collect()
        };
        assert!(grows(&times(2.0)));
        assert!(!grows(&times(1.0)) && !grows(&times(1.2)));
    }

    #[test]
    fn what_stays_each_time_is_a_leak_and_a_store_is_not() {
        let leak: Vec<u64> = (0..32).map(|n| 1_000_000 + n * 20_000).collect();
        let store: Vec<u64> = (0..32).map(|n| 1_000_000 + n.min(12) * 20_000).collect();
        let saw: Vec<u64> = (0..32).map(|n| 1_000_000 + n % 9 * 20_000).collect();
        assert!(leaks(&leak) && !leaks(&store) && !leaks(&saw) && !leaks(&[]));
    }
}
