//! Reads arbitrary bytes as a request body. The parser keeps every value exactly, the checks never panic, and a
//! document that was accepted is accepted again with the same meaning.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value};
use trainyard_domain::{
    access::{Actor, Role},
    fault::{Faults, MAX_FAULTS},
    id::TemplateId,
    job_spec::{Mode, check_document},
    json,
    template::TemplateInput,
    time::WallTime,
};

fuzz_target!(|bytes: &[u8]| {
    let Ok(value) = json::read(bytes) else { return };
    let text = value.to_string();
    assert_eq!(json::read(text.as_bytes()).as_ref(), Ok(&value), "a written value reads back as itself");
    check_template(&value);
    if let Value::Object(body) = &value {
        check_accepted_fields(body, Mode::Template);
        check_accepted_fields(body, Mode::Request);
    }
});

/// Parses the body as the calls `create` and `update` of templates do.
fn check_template(body: &Value) {
    let input = match TemplateInput::parse(body) {
        Ok(input) => input,
        Err(faults) => {
            assert!(!faults.is_empty(), "a refusal has a reason");
            assert!(faults.len() <= MAX_FAULTS + 1, "the number of faults is limited");
            return;
        }
    };
    let document = Value::Object(input.document());
    let again = TemplateInput::parse(&document).expect("a stored document is accepted again");
    assert_eq!(again.document(), input.document(), "a stored document parses to itself");
    assert_eq!(again.visibility, input.visibility);

    let owner = Actor { user: "u".to_owned(), project: "p".to_owned(), role: Role::Member };
    let template = input.clone().into_template(TemplateId::from_random([7; 10]), &owner, WallTime::from_ms(0));
    assert!(template.matches_input(&again), "a repeated create is recognised as equal");
    let update =
        TemplateInput::parse_update(&document, &template).expect("a document that was read can be sent as an update");
    assert_eq!(
        template.after_update(&update, "u", WallTime::from_ms(1)).version,
        1,
        "an unchanged update creates no version"
    );
}

/// Fields that pass the check pass it again and stay unchanged.
fn check_accepted_fields(body: &Map<String, Value>, mode: Mode) {
    let own = ["name", "comment", "createType", "templateId", "templateVersion", "parameterValues"];
    let mut faults = Faults::default();
    let kept = check_document(body, mode, &own, &mut faults);
    if faults.is_empty() {
        let mut faults = Faults::default();
        let again = check_document(&kept, mode, &[], &mut faults);
        assert!(faults.is_empty(), "refused the second time: {:?}", faults.into_vec());
        assert_eq!(again, kept);
    }
}
