use super::*;

#[test]
fn durations_have_two_units_at_most() {
    for (ms, text) in
        [(-5, "0s"), (1_234, "1.2s"), (59_999, "59s"), (61_000, "1m1s"), (3_600_000, "1h"), (90_061_000, "1d1h")]
    {
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
fn times_are_in_the_time_zone_of_the_user() {
    let shanghai = TimeZone::fixed(jiff::tz::offset(8));
    assert_eq!(in_zone(Some(1_700_000_000_000), shanghai), "2023-11-15 06:13:20");
    assert_eq!(in_zone(None, TimeZone::UTC), "");
    let exact = written(Some(1_700_000_000_007), TimeZone::UTC, "%Y-%m-%d %H:%M:%S%.3f");
    assert_eq!(exact, "2023-11-14 22:13:20.007");
}

#[test]
fn a_limit_is_seconds_or_a_duration_or_none() {
    let check = |text: &str, seconds: Option<u64>| assert_eq!(parse_limit(text), Ok(TimeLimit(seconds)), "{text}");
    check("5400", Some(5400));
    check("45s", Some(45));
    check("90m", Some(5400));
    check("2h", Some(7200));
    check("1h30m", Some(5400));
    check("1d12h", Some(129_600));
    check("none", None);
    for text in ["", "h", "2 h", "-1", "1.5h", "30m1h", "1h1h", "2hours", "99999999999999999999d", "soon"] {
        assert!(parse_limit(text).is_err(), "{text}");
    }
}
