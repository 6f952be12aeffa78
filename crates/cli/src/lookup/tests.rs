use super::*;

#[test]
fn ids_are_recognised_by_their_form() {
    for (text, expected) in [
        ("tpl_6f1a62c0a5bf4e0c9b2f", true),
        ("tpl_6f1a62c0a5bf4e0c9b2", false),
        ("tpl_6F1A62C0A5BF4E0C9B2F", false),
        ("job_6f1a62c0a5bf4e0c9b2f", false),
        ("my template", false),
    ] {
        assert_eq!(is_id(text, "tpl_"), expected, "{text}");
    }
}

#[test]
fn a_name_is_found_only_if_it_is_unique() {
    let namesakes = |count: usize| {
        (0..count).map(|n| Namesake { id: format!("job_{n}"), details: "Running".to_owned() }).collect::<Vec<_>>()
    };
    assert_eq!(only(namesakes(1), "job", "a"), Ok("job_0".to_owned()));
    assert!(only(namesakes(0), "job", "a").unwrap_err().contains("no job has the id or name \"a\""));
    let several = only(namesakes(7), "job", "a").unwrap_err();
    assert!(
        several.starts_with("7 jobs have the name \"a\"") && several.contains("\n  job_4 (Running)\n  …"),
        "{several}"
    );
}
