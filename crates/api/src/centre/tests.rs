#[derive(serde::Serialize)]
struct Row {
    #[serde(serialize_with = "super::whole_or_fraction")]
    cores: f64,
}

#[test]
fn whole_amounts_have_no_fraction() {
    for (cores, text) in [(4.0, r#"{"cores":4}"#), (0.5, r#"{"cores":0.5}"#), (-0.0, r#"{"cores":0}"#)] {
        assert_eq!(serde_json::to_string(&Row { cores }).unwrap(), text);
    }
}
