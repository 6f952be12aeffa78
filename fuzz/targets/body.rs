//! Any bytes as the body of a call: read exactly, judged without a panic, and what was accepted is accepted again and
//! says the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value};
use trainyard_domain::{access::{Actor, Role}, fault::{Faults, MOST_FAULTS}, id::TemplateId, json, job_spec::{Mode, check_document}, template::Draft};

fuzz_target!(|bytes: &[u8]| {
    let Ok(value) = json::read(bytes) else { return };
    let text = value.to_string();
    assert_eq!(json::read(text.as_bytes()).as_ref(), Ok(&value), "what is written is read again");
    judge_template(&value);
    if let Value::Object(body) = &value {
        judge_document(body, Mode::Template);
        judge_document(body, Mode::Request);
    }
});

/// As `create` and `update` do.
fn judge_template(body: &Value) {
    let draft = match Draft::parse(body) {
        Ok(draft) => draft,
        Err(faults) => {
            assert!(!faults.is_empty(), "a refusal says why");
            assert!(faults.len() <= MOST_FAULTS + 1, "an answer has an end");
            return;
        }
    };
    let document = Value::Object(draft.document());
    let again = Draft::parse(&document).expect("what was kept is accepted again");
    assert_eq!(again.document(), draft.document(), "and says the same");
    assert_eq!(again.visibility, draft.visibility);

    let owner = Actor { user: "u".to_owned(), project: "p".to_owned(), role: Role::Member };
    let template = draft.clone().into_template(TemplateId::from_random([7; 10]), &owner, 0);
    assert!(template.says_the_same(&again), "a repeated create makes nothing new");
    let update = Draft::parse_update(&document, &template).expect("what was read can be written back");
    assert_eq!(template.followed_by(&update, "u", 1).version, 1, "and makes no version");
}

/// Fields that pass the check pass it again, unchanged.
fn judge_document(body: &Map<String, Value>, mode: Mode) {
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
