//! Time as three types that do not mix: a point by the wall clock, a point by the steady clock, and a length of time.
//!
//! All count whole milliseconds and saturate at the ends of their range instead of overflowing. Stored and sent they are
//! plain integers. Nothing here reads a clock: times are arguments.

#[cfg(test)]
mod tests;

use std::{
    fmt,
    ops::{Add, AddAssign, Mul, Neg, Sub},
    time::Duration,
};

use jiff::fmt::friendly::{FractionalUnit, Spacing, SpanPrinter};
use serde::{Deserialize, Serialize};

/// A point in time by the wall clock: milliseconds since 1970 (Unix time). An administrator or NTP may set that clock
/// forward or back, so the difference of two of these is not always the time that passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WallTime(i64);

/// A point in time by a clock that only moves forward (`CLOCK_MONOTONIC`): milliseconds since an unspecified moment.
/// Comparable only within one boot of one host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SteadyTime(i64);

/// A length of time in milliseconds; negative where a later point was subtracted from an earlier one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Span(i64);

macro_rules! point {
    ($name:ident) => {
        impl $name {
            /// The point this many milliseconds after the zero of its clock.
            pub const fn from_ms(ms: i64) -> Self {
                Self(ms)
            }

            /// Milliseconds since the zero of its clock.
            pub const fn as_ms(self) -> i64 {
                self.0
            }
        }

        /// Reads a stored count of milliseconds.
        impl From<i64> for $name {
            fn from(ms: i64) -> Self {
                Self(ms)
            }
        }

        impl Sub for $name {
            type Output = Span;
            fn sub(self, earlier: Self) -> Span {
                Span(self.0.saturating_sub(earlier.0))
            }
        }

        impl Add<Span> for $name {
            type Output = Self;
            fn add(self, span: Span) -> Self {
                Self(self.0.saturating_add(span.0))
            }
        }

        impl Sub<Span> for $name {
            type Output = Self;
            fn sub(self, span: Span) -> Self {
                Self(self.0.saturating_sub(span.0))
            }
        }
    };
}
point!(WallTime);
point!(SteadyTime);

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

impl Span {
    /// A length of no time, 0 ms.
    pub const ZERO: Self = Self(0);
    /// The longest length, about 292 million years.
    pub const MAX: Self = Self(i64::MAX);

    /// A length of this many milliseconds.
    pub const fn from_ms(ms: i64) -> Self {
        Self(ms)
    }

    /// A length of this many seconds.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// A length of this many seconds; [`Self::MAX`] if its milliseconds exceed the range.
    pub fn from_whole_seconds(seconds: u64) -> Self {
        Self(i64::try_from(seconds.saturating_mul(1000)).unwrap_or(i64::MAX))
    }

    /// A length of this many hours.
    pub const fn from_hours(hours: i64) -> Self {
        Self::from_seconds(hours.saturating_mul(3600))
    }

    /// A length of this many days of 24 hours.
    pub const fn from_days(days: i64) -> Self {
        Self::from_hours(days.saturating_mul(24))
    }

    /// The length in milliseconds.
    pub const fn as_ms(self) -> i64 {
        self.0
    }

    /// Whole seconds, rounded towards zero.
    pub const fn as_seconds(self) -> i64 {
        self.0 / 1000
    }

    /// How often `part` fits into this length; `None` if `part` is zero.
    pub const fn checked_div(self, part: Self) -> Option<i64> {
        self.0.checked_div(part.0)
    }

    /// This length in whole seconds, rounded up.
    #[must_use]
    pub const fn ceil_seconds(self) -> Self {
        self.ceil(SECOND)
    }

    /// This length in its two largest units, rounded down: tenths of a second below 10 s, seconds below an hour, minutes
    /// below a day, otherwise hours.
    #[must_use]
    pub const fn rounded_down(self) -> Self {
        self.floor(self.smaller_unit())
    }

    /// [`Self::rounded_down`], but rounded up.
    #[must_use]
    pub const fn rounded_up(self) -> Self {
        self.ceil(self.smaller_unit())
    }

    const fn smaller_unit(self) -> i64 {
        match self.0 {
            ..10_000 => SECOND / 10,
            10_000..HOUR => SECOND,
            HOUR..DAY => MINUTE,
            _ => HOUR,
        }
    }

    const fn floor(self, unit: i64) -> Self {
        Self(self.0.saturating_sub(self.0.rem_euclid(unit)))
    }

    const fn ceil(self, unit: i64) -> Self {
        Self(self.0.saturating_add(unit - 1)).floor(unit)
    }

    /// This length, or zero if it is negative.
    #[must_use]
    pub fn or_zero(self) -> Self {
        self.max(Self::ZERO)
    }
}

/// Days of 24 hours, hours, minutes and seconds in jiff's friendly format: `1d2h`, `1h30m`, `1.2s`, `0s`. All durations
/// that users see have this form.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// The maximum number of days that jiff represents, about 20,000 years.
        const MOST_DAYS: i64 = 7_304_484;
        let ms = self.0.saturating_abs();
        let span = jiff::Span::new()
            .days((ms / DAY).min(MOST_DAYS))
            .hours(ms % DAY / HOUR)
            .minutes(ms % HOUR / MINUTE)
            .seconds(ms % MINUTE / SECOND)
            .milliseconds(ms % SECOND);
        let printer = SpanPrinter::new().spacing(Spacing::None).fractional(Some(FractionalUnit::Second));
        write!(f, "{}{}", if self.0 < 0 { "-" } else { "" }, printer.span_to_string(&span))
    }
}

/// Reads a stored count of milliseconds.
impl From<i64> for Span {
    fn from(ms: i64) -> Self {
        Self(ms)
    }
}

impl Add for Span {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Span {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Span {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Neg for Span {
    type Output = Self;
    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

impl Mul<i64> for Span {
    type Output = Self;
    fn mul(self, times: i64) -> Self {
        Self(self.0.saturating_mul(times))
    }
}

impl From<Duration> for Span {
    fn from(duration: Duration) -> Self {
        Self(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
    }
}

/// A negative length becomes zero.
impl From<Span> for Duration {
    fn from(span: Span) -> Self {
        Self::from_millis(u64::try_from(span.0).unwrap_or_default())
    }
}
