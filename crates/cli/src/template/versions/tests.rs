use serde_json::json;

use super::*;

#[test]
fn changes_show_old_and_new_values() {
    let change = |path: &str, from: Option<Value>, to: Option<Value>| Change { path: path.to_owned(), from, to };
    let long = "x".repeat(300);
    let text = changes(&[
        change("image", Some(json!("a")), Some(json!("b"))),
        change("env.A", Some(json!("1")), None),
        change("priority", None, Some(json!(3))),
        change("desc", None, Some(json!(long))),
        change("startCommand", Some(json!("a\u{1b}[2J")), None),
    ]);
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[..3], ["~ image: \"a\" -> \"b\"", "- env.A: \"1\"", "+ priority: 3"]);
    assert_eq!(lines[3].chars().count(), "+ desc: ".len() + 201);
    assert_eq!(lines[4], "- startCommand: \"a\\u001b[2J\"");
    assert_eq!(changes(&[]), "no differences");
}

#[test]
fn usage_shows_known_values_only() {
    let mut known = Usage { jobs: 1, last_used_time_ms: Some(0), ..Usage::default() };
    assert!(usage(&known).starts_with("1 job, last 19"), "{}", usage(&known));
    known = Usage { jobs: 3, success_rate: Some(2.0 / 3.0), median_wait_ms: Some(1500), ..known };
    assert!(usage(&known).starts_with("3 jobs, 67% succeeded, median wait 1.5s, last "), "{}", usage(&known));
    assert_eq!(usage(&Usage::default()), "");
}
