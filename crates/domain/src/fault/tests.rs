//! Lists of faults, codes and suggested names.

use super::*;

#[test]
fn the_nearest_known_name_is_suggested_where_one_is_near() {
    let known = ["trainingType", "trainingFramwork", "timeoutHours", "gpuCount", "a"];
    let check = |wrong: &str, meant: Option<&str>| assert_eq!(nearest(wrong, known), meant, "{wrong}");
    check("trainingFramework", Some("trainingFramwork"));
    check("trainingframework", Some("trainingFramwork"));
    check("TRAININGTYPE", Some("trainingType"));
    check("gpucount", Some("gpuCount"));
    check("gpu_count", Some("gpuCount"));
    check("timeoutHour", Some("timeoutHours"));
    check("b", Some("a"));
    check("completelyElse", None);
    check("", Some("a"));
    check(&"trainingFramwork".repeat(5), None);
    // A text far longer than every field name is not compared.
    let long = "x".repeat(65);
    assert_eq!(nearest(&long, [long.as_str()]), None);
    assert_eq!(nearest(&long[..64], [&long[..64]]), Some(&long[..64]));
}

#[test]
fn a_thousand_faults_are_counted_and_not_all_listed() {
    let mut faults = Faults::default();
    for number in 0..1000 {
        faults.add(format!("f{number}"), FaultCode::UnknownField, "no such field");
    }
    let list = faults.into_vec();
    assert_eq!(list.len(), MAX_FAULTS + 1);
    assert_eq!(list[MAX_FAULTS].message, "800 more faults are not listed; fix these first");
}

#[test]
fn a_code_is_the_same_word_in_json_and_in_text() {
    use FaultCode as C;
    for code in [
        C::Required,
        C::UnknownField,
        C::WrongType,
        C::OutOfRange,
        C::Malformed,
        C::NotAChoice,
        C::Duplicate,
        C::Reserved,
        C::Locked,
        C::Unknown,
        C::NeverFits,
        C::NotSupported,
        C::Suspicious,
    ] {
        assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
    }
}

#[test]
fn hints_end_where_faults_are_no_longer_listed() {
    let mut faults = Faults::default();
    assert_eq!(faults.hint("nmae", ["name"]), did_you_mean("nmae", ["name"]));
    for number in 0..MAX_FAULTS {
        faults.add(number.to_string(), FaultCode::UnknownField, "no such field");
    }
    assert_eq!(faults.hint("nmae", ["name"]), "");
}
