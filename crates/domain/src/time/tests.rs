//! The arithmetic of times at its limits, and their stored form.

use super::*;

#[test]
fn two_instants_differ_by_a_span_and_a_span_moves_an_instant() {
    let (early, late) = (WallTime::from_ms(1_000), WallTime::from_ms(4_500));
    assert_eq!(late - early, Span::from_ms(3_500));
    assert_eq!(early - late, Span::from_ms(-3_500));
    assert_eq!(early + Span::from_seconds(3), WallTime::from_ms(4_000));
    assert_eq!(SteadyTime::from_ms(5) - Span::from_ms(7), SteadyTime::from_ms(-2));
}

#[test]
fn the_ends_of_the_range_saturate() {
    assert_eq!(WallTime::from_ms(i64::MAX) + Span::from_ms(1), WallTime::from_ms(i64::MAX));
    assert_eq!(WallTime::from_ms(i64::MIN) - WallTime::from_ms(i64::MAX), Span::from_ms(i64::MIN));
    assert_eq!(Span::MAX + Span::MAX, Span::MAX);
    assert_eq!(Span::from_ms(i64::MAX / 2 + 1) * 2, Span::MAX);
    assert_eq!(-Span::from_ms(i64::MIN), Span::MAX);
    assert_eq!(Span::from_whole_seconds(u64::MAX), Span::MAX);
    assert_eq!(Span::from(Duration::MAX), Span::MAX);
    assert_eq!(Span::from_days(i64::MAX), Span::MAX);
}

#[test]
fn lengths_convert_to_seconds_and_durations() {
    assert_eq!(Span::from_ms(1_999).as_seconds(), 1);
    assert_eq!(Span::from_hours(36), Span::from_days(1) + Span::from_seconds(12 * 3600));
    assert_eq!(Span::from(Duration::from_micros(1_999)), Span::from_ms(1));
    assert_eq!(Duration::from(Span::from_ms(250)), Duration::from_millis(250));
    assert_eq!(Duration::from(Span::from_ms(-1)), Duration::ZERO);
    assert_eq!(Span::from_ms(-1).or_zero(), Span::ZERO);
    assert_eq!(Span::from_seconds(7).checked_div(Span::from_seconds(2)), Some(3));
    assert_eq!(Span::from_seconds(7).checked_div(Span::ZERO), None);
}

#[test]
fn users_see_lengths_in_the_friendly_format() {
    for (ms, text) in [
        (0, "0s"),
        (1_250, "1.25s"),
        (45_000, "45s"),
        (66_000, "1m6s"),
        (5_400_000, "1h30m"),
        (86_401_000, "1d1s"),
        (-60_000, "-1m"),
        (i64::MAX, "7304484d7h12m55.807s"),
    ] {
        assert_eq!(Span::from_ms(ms).to_string(), text);
    }
}

#[test]
fn a_rounded_length_has_two_units_at_most() {
    for (ms, down, up) in [
        (1_234, "1.2s", "1.3s"),
        (59_999, "59s", "1m"),
        (65_001, "1m5s", "1m6s"),
        (3_599_500, "59m59s", "1h"),
        (3_665_000, "1h1m", "1h2m"),
        (90_061_000, "1d1h", "1d2h"),
        (7_200_000, "2h", "2h"),
    ] {
        let span = Span::from_ms(ms);
        assert_eq!((span.rounded_down().to_string().as_str(), span.rounded_up().to_string().as_str()), (down, up));
    }
    assert_eq!(Span::from_ms(1).ceil_seconds(), Span::from_seconds(1));
}

#[test]
fn stored_times_are_plain_integers() {
    let row = (WallTime::from_ms(1_700_000_000_000), SteadyTime::from_ms(5), Span::from_ms(-2));
    let text = serde_json::to_string(&row).unwrap();
    assert_eq!(text, "[1700000000000,5,-2]");
    assert_eq!(serde_json::from_str::<(WallTime, SteadyTime, Span)>(&text).unwrap(), row);
}
