//! Times and durations for people: in the reader's own time zone, as short as they can be understood.

use jiff::Timestamp;
use jiff::tz::TimeZone;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_two_units_at_most() {
        for (ms, text) in [
            (-5, "0.0s"),
            (1_234, "1.2s"),
            (59_999, "59s"),
            (61_000, "1m01s"),
            (3_600_000, "1h00m"),
            (90_061_000, "1d01h"),
        ] {
            assert_eq!(took(Some(0), Some(ms)), text);
        }
        assert_eq!(took(Some(0), None), "");
    }

    #[test]
    fn a_span_is_exact() {
        for (seconds, text) in [(0, "0s"), (45, "45s"), (5400, "1h30m"), (86_401, "1d1s"), (31_536_000, "365d")] {
            assert_eq!(span(seconds), text);
        }
    }

    #[test]
    fn times_are_in_the_readers_zone() {
        let shanghai = TimeZone::fixed(jiff::tz::offset(8));
        assert_eq!(in_zone(Some(1_700_000_000_000), shanghai), "2023-11-15 06:13:20");
        assert_eq!(in_zone(None, TimeZone::UTC), "");
        let exact = written(Some(1_700_000_000_007), TimeZone::UTC, "%Y-%m-%d %H:%M:%S%.3f");
        assert_eq!(exact, "2023-11-14 22:13:20.007");
    }
}
