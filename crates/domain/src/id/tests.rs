//! Printing and parsing of identifiers.

use super::*;

#[test]
fn an_id_is_its_prefix_and_twenty_lower_case_hexadecimal_digits() {
    let check = |text: &str, fits: bool| {
        assert_eq!(text.parse::<TemplateId>().is_ok(), fits, "{text:?}");
    };
    check("tpl_6f1a62c0a5bf4e0c9b2f", true);
    check("tpl_6f1a62c0a5bf4e0c9b2", false);
    check("tpl_6f1a62c0a5bf4e0c9b2f0", false);
    check("tpl_6F1A62C0A5BF4E0C9B2F", false);
    check("tpl_6f1a62c0a5bf4e0c9b2g", false);
    check("tpl_6f1a62c0a5bf4e0c9b2\0", false);
    check("tpl_训训训训训训aa", false);
    check("job_6f1a62c0a5bf4e0c9b2f", false);
    check("6f1a62c0a5bf4e0c9b2f", false);
    check(" tpl_6f1a62c0a5bf4e0c9b2f", false);
    check("", false);
}

#[test]
fn a_printed_id_parses_back_in_text_and_in_json() {
    let id = JobId::from_random([0, 1, 2, 15, 16, 127, 128, 200, 254, 255]);
    assert_eq!(id.to_string(), "job_0001020f107f80c8feff");
    assert_eq!(id.bytes(), [0, 1, 2, 15, 16, 127, 128, 200, 254, 255]);
    assert_eq!(id.to_string().parse(), Ok(id.clone()));
    let json = serde_json::to_string(&id).unwrap();
    assert_eq!(json, "\"job_0001020f107f80c8feff\"");
    assert_eq!(serde_json::from_str::<JobId>(&json).unwrap(), id);
    assert!(serde_json::from_str::<JobId>("\"job_1\"").is_err());
    assert!(serde_json::from_str::<KeyId>(&json).is_err());
}

#[test]
fn a_bad_id_says_what_an_id_is() {
    let error = "x".parse::<JobId>().unwrap_err();
    assert_eq!(error.to_string(), "must be `job_` followed by 20 hexadecimal digits");
}
