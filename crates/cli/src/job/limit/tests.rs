use super::*;

#[test]
fn a_limit_is_seconds_or_a_time_or_none() {
    let check = |text: &str, seconds: Option<u64>| assert_eq!(parse(text), Ok(Limit(seconds)), "{text}");
    check("5400", Some(5400));
    check("45s", Some(45));
    check("90m", Some(5400));
    check("2h", Some(7200));
    check("1h30m", Some(5400));
    check("1d12h", Some(129_600));
    check("none", None);
    for text in ["", "h", "2 h", "-1", "1.5h", "30m1h", "1h1h", "2hours", "99999999999999999999d", "soon"] {
        assert!(parse(text).is_err(), "{text}");
    }
}
