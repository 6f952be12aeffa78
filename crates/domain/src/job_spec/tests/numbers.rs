//! The checks of numbers, and of numbers as text.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{check_faults, check_kept};
use crate::job_spec::{decimal_text, gb_bytes, gb_text, parse_count, parse_milli};

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_size_is_a_plain_decimal_of_at_most_three_places_as_number_or_text() {
    let check = |json: &str, milli: Option<u64>| {
        assert_eq!(parse_milli(&parsed(json)), milli, "{json}");
    };
    for (plain, milli) in [("1", 1000), ("0.5", 500), ("1.0", 1000), ("0.001", 1), ("1.500000", 1500), ("0", 0)] {
        check(plain, Some(milli));
        check(&format!("\"{plain}\""), Some(milli));
    }
    check("1e3", Some(1_000_000));
    check("\"007\"", Some(7000));
    check("18446744073709551615", None);
    check("18446744073709551", Some(18_446_744_073_709_551_000));
    for refused in [
        "0.0005",
        "-1",
        "-0",
        "-0.5",
        "1e300",
        "1e-7",
        "123456789012345678901234567890",
        "null",
        "true",
        "[]",
        "{}",
        "\"\"",
        "\"1e3\"",
        "\"-1\"",
        "\"+1\"",
        "\" 1\"",
        "\"1 \"",
        "\"1.\"",
        "\".5\"",
        "\".\"",
        "\"1.2.3\"",
        "\"1,5\"",
        "\"0x10\"",
        "\"١\"",
        "\"１\"",
        "\"1\\u0000\"",
        "\"NaN\"",
        "\"inf\"",
        "\"99999999999999999999999\"",
    ] {
        check(refused, None);
    }
}

#[test]
fn a_count_is_a_whole_number() {
    let check = |json: &str, count: Option<u64>| assert_eq!(parse_count(&parsed(json)), count, "{json}");
    check("2", Some(2));
    check("\"2\"", Some(2));
    check("2.0", Some(2));
    check("\"2.000\"", Some(2));
    check("1e3", Some(1000));
    check("2.5", None);
    check("\"2.5\"", None);
    check("-1", None);
}

#[test]
fn sizes_in_a_resource_are_bounded_and_come_back_as_they_were_sent() {
    for value in [json!("1"), json!(1), json!(0.5), json!("0.5"), json!("1.0"), json!(1.0), json!(1e3)] {
        check_kept(json!({"resource": {"cpuCores": value}}), json!({"resource": {"cpuCores": value}}));
        check_kept(json!({"resource": {"memoryGB": value}}), json!({"resource": {"memoryGB": value}}));
    }
    for value in [json!(0), json!("0"), json!("-1"), json!(1e12), json!("1e3"), json!("١"), json!("many")] {
        check_faults(json!({"resource": {"cpuCores": value}}), &["resource.cpuCores out_of_range"]);
        check_faults(json!({"resource": {"memoryGB": value}}), &["resource.memoryGB out_of_range"]);
    }
    for value in [json!(0), json!("0"), json!(8), json!("8"), json!(1024)] {
        check_kept(json!({"resource": {"gpuCount": value}}), json!({"resource": {"gpuCount": value}}));
    }
    for value in [json!(-1), json!(0.5), json!("0.5"), json!(1025), json!("")] {
        check_faults(json!({"resource": {"gpuCount": value}}), &["resource.gpuCount out_of_range"]);
        check_faults(
            json!({"resource": {"workerCount": value}}).clone(),
            &match value.as_u64() {
                Some(1025) => vec![],
                _ => vec!["resource.workerCount out_of_range"],
            },
        );
    }
    check_faults(json!({"resource": {"workerCount": 0}}), &["resource.workerCount out_of_range"]);
    check_faults(json!({"resource": {"workerCount": 10_001}}), &["resource.workerCount out_of_range"]);
}

#[test]
fn a_whole_number_may_be_written_with_a_zero_behind_the_point() {
    check_kept(json!({"priority": 2.0}), json!({"priority": 2}));
    check_kept(json!({"aidcId": 1e3}), json!({"aidcId": 1000}));
    check_faults(json!({"priority": 2.5}), &["priority out_of_range"]);
    check_faults(json!({"aidcId": 1e300}), &["aidcId out_of_range"]);
    check_faults(json!({"aidcId": u64::MAX}), &["aidcId out_of_range"]);
    check_faults(json!({"maxRetryCount": u64::MAX}), &["maxRetryCount out_of_range"]);
    check_faults(json!({"priority": "2"}), &["priority wrong_type"]);
}

#[test]
fn gigabytes_read_as_they_were_written() {
    let check = |bytes: u64, text: &str| assert_eq!(gb_text(bytes), text, "{bytes}");
    check(0, "0");
    check(1 << 30, "1");
    check(3 << 29, "1.5");
    check(10_000 << 30, "10000");
    check(gb_bytes(1300), "1.3");
    check(1_395_864_372, "1.3");
    check(u64::MAX, "17179869184");
    assert_eq!(gb_bytes(u64::MAX), u64::MAX);
}

proptest! {
    #[test]
    fn a_decimal_reads_back_as_itself(milli in 0_u64..10_000_000_000) {
        let text = decimal_text(milli);
        prop_assert_eq!(parse_milli(&json!(text)), Some(milli));
        prop_assert_eq!(parse_milli(&parsed(&text)), Some(milli));
        prop_assert_eq!(gb_text(gb_bytes(milli)), text);
    }

    #[test]
    fn any_number_or_text_is_parsed_or_refused_without_a_panic(number in any::<f64>(), text in ".{0,20}") {
        let _ = parse_milli(&json!(number));
        let _ = parse_count(&json!(text));
    }
}
