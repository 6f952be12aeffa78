use serde_json::json;

use super::*;

#[test]
fn a_removed_field_of_trainyard_is_sent_as_null() {
    let before = document(&json!({"name": "n", "id": "tpl_1", "image": "i", "labels": {"a": "b"}, "workDir": "/tmp",
        "comment": "old", "usage": {"jobs": 1}}))
    .unwrap();
    let after = checked("name: n\nworkDir: /tmp\n").unwrap();
    let body = update_body(&before, &after, Some("why".to_owned()));
    assert_eq!(Value::Object(body), json!({"name": "n", "workDir": "/tmp", "labels": null, "comment": "why"}));
}

#[test]
fn faults_are_added_at_the_top_and_removed_again() {
    let text = "name: n\n#! is the user's own here\n";
    assert_eq!(without_faults(&format!("{FAULT}a\n{FAULT}b\n{text}")), text);
    assert_eq!(checked("name: n\npriority: 9\nnam: x\n").unwrap_err().len(), 2);
}
