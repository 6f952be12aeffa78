//! Times and durations for people: in the reader's own time zone, as short as they can be understood.

#[cfg(test)]
mod tests;

use jiff::{Timestamp, tz::TimeZone};

/// A time in the zone of this machine; empty where there is none.
pub(crate) fn local(unix_ms: Option<i64>) -> String {
    in_zone(unix_ms, TimeZone::system())
}

/// The same to the thousandth of a second.
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

/// How long something took; empty where it has not begun or not ended.
pub(crate) fn took(start_ms: Option<i64>, end_ms: Option<i64>) -> String {
    match (start_ms, end_ms) {
        (Some(start), Some(end)) => duration(end.saturating_sub(start)),
        _ => String::new(),
    }
}

/// A span of seconds, to the second: `1h30m`, `45s`.
pub(crate) fn span(seconds: i64) -> String {
    let mut rest = seconds.max(0);
    let mut text = String::new();
    for (unit, length) in [('d', 86_400), ('h', 3600), ('m', 60), ('s', 1)] {
        if rest >= length {
            text.push_str(&format!("{}{unit}", rest / length));
            rest %= length;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

fn duration(ms: i64) -> String {
    let ms = ms.max(0);
    let seconds = ms / 1000;
    match seconds {
        0..10 => format!("{seconds}.{}s", ms % 1000 / 100),
        10..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        3600..86400 => format!("{}h{:02}m", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{}d{:02}h", seconds / 86400, seconds % 86400 / 3600),
    }
}

/// Seconds; `None` is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimeLimit(pub(crate) Option<u64>);

/// Reads one. Units go from large to small, each at most once.
pub(crate) fn parse_limit(text: &str) -> Result<TimeLimit, String> {
    let wrong = || format!("{text:?} is no time; say seconds, or a time such as 90m, 2h, 1d12h, or `none`");
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
