//! A day of the calendar: the end of a suppression.

use std::fmt;
use std::str::FromStr;

/// A day, in UTC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

/// A text that is no day.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not a day: days are written as 2027-03-01")]
pub struct ParseDateError;

impl Date {
    /// The day that is `days` after 1970-01-01; past the year 9999 it stays at the last day.
    pub fn from_days(days: u64) -> Self {
        let last = Self { year: 9999, month: 12, day: 31 };
        let (mut year, mut left) = (1970_u16, days);
        while left >= year_days(year) {
            left -= year_days(year);
            year += 1;
            if year > 9999 {
                return last;
            }
        }
        let mut month = 1_u8;
        while left >= u64::from(month_days(year, month)) {
            left -= u64::from(month_days(year, month));
            month += 1;
        }
        Self { year, month, day: u8::try_from(left + 1).unwrap_or(31) }
    }
}

fn is_leap(year: u16) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn year_days(year: u16) -> u64 {
    if is_leap(year) { 366 } else { 365 }
}

fn month_days(year: u16, month: u8) -> u8 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

impl FromStr for Date {
    type Err = ParseDateError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let part = |text: &str, len: usize| {
            let digits = text.len() == len && text.bytes().all(|b| b.is_ascii_digit());
            digits.then(|| text.parse::<u16>().ok()).flatten().ok_or(ParseDateError)
        };
        let mut parts = text.split('-');
        let mut next = |len| parts.next().map_or(Err(ParseDateError), |text| part(text, len));
        let (year, month, day) = (next(4)?, next(2)?, next(2)?);
        let narrow = |n: u16| u8::try_from(n).map_err(|_| ParseDateError);
        let date = Self { year, month: narrow(month)?, day: narrow(day)? };
        let valid = (1..=12).contains(&date.month) && (1..=month_days(year, date.month)).contains(&date.day);
        if valid && parts.next().is_none() { Ok(date) } else { Err(ParseDateError) }
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_since_the_epoch_become_days_of_the_calendar() {
        for (days, text) in
            [(0, "1970-01-01"), (59, "1970-03-01"), (19_782, "2024-02-29"), (20_454, "2026-01-01")]
        {
            assert_eq!(Date::from_days(days).to_string(), text);
        }
        assert_eq!(Date::from_days(u64::MAX).to_string(), "9999-12-31");
    }

    #[test]
    fn only_days_that_exist_are_read() {
        assert!("2024-02-29".parse::<Date>().unwrap() < "2024-03-01".parse().unwrap());
        for text in [
            "2023-02-29",
            "2024-13-01",
            "2024-00-10",
            "2024-1-1",
            "tomorrow",
            "2024-01-01-01",
            "",
            "+024-01-01",
        ] {
            assert!(text.parse::<Date>().is_err(), "{text}");
        }
    }
}
