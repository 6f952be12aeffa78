//! Times and durations for users: times in the time zone of this machine, durations as the server writes them
//! in messages.

#[cfg(test)]
mod tests;

use jiff::{Timestamp, tz::TimeZone};
use trainyard_domain::time::Span;

/// A time in the time zone of this machine, to the second; empty for `None`.
pub(crate) fn local(unix_ms: Option<i64>) -> String {
    in_zone(unix_ms, TimeZone::system())
}

/// A time in the time zone of this machine, to the millisecond; empty for `None`.
pub(crate) fn local_exact(unix_ms: Option<i64>) -> String {
    written(unix_ms, TimeZone::system(), "%Y-%m-%d %H:%M:%S%.3f")
}

fn in_zone(unix_ms: Option<i64>, zone: TimeZone) -> String {
    written(unix_ms, zone, "%Y-%m-%d %H:%M:%S")
}

fn written(unix_ms: Option<i64>, zone: TimeZone, form: &str) -> String {
    let time = unix_ms.and_then(|ms| Timestamp::from_millisecond(ms).ok());
    time.map(|time| time.to_zoned_datetime(zone).strftime(form).to_string()).unwrap_or_default()
}

/// The duration from start to end with its two largest units, rounded down: `1.2s`, `1h30m`. Empty without start or end.
pub(crate) fn took(start_ms: Option<i64>, end_ms: Option<i64>) -> String {
    match (start_ms, end_ms) {
        (Some(start), Some(end)) => Span::from_ms(end.saturating_sub(start)).or_zero().rounded_down().to_string(),
        _ => String::new(),
    }
}

/// A duration in seconds, exact: `1h30m`, `45s`. [`parse_limit`] reads the same form.
pub(crate) fn span(seconds: i64) -> String {
    Span::from_seconds(seconds).or_zero().to_string()
}

/// A time limit in seconds; `None` is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimeLimit(pub(crate) Option<u64>);

/// Parses `5400`, `90m`, `1h30m` or `none`. Units go from large to small, each at most once.
pub(crate) fn parse_limit(text: &str) -> Result<TimeLimit, String> {
    let wrong = || format!("{text:?} is not a duration; use seconds, a value such as 90m, 2h, 1d12h, or none");
    if text == "none" {
        return Ok(TimeLimit(None));
    }
    if let Ok(seconds) = text.parse::<u64>() {
        return Ok(TimeLimit(Some(seconds)));
    }
    let mut rest = text;
    let mut sum: u64 = 0;
    for (unit, seconds) in [('d', 86_400), ('h', 3600), ('m', 60), ('s', 1)] {
        if let Some((number, after)) = rest.split_once(unit) {
            let number: u64 = number.parse().map_err(|_| wrong())?;
            sum = number.checked_mul(seconds).and_then(|part| sum.checked_add(part)).ok_or_else(wrong)?;
            rest = after;
        }
    }
    if rest.is_empty() && rest.len() < text.len() { Ok(TimeLimit(Some(sum))) } else { Err(wrong()) }
}
