//! Arbitrary bodies: no check panics, and a document that is kept passes the same checks again.

use proptest::prelude::*;
use serde_json::Value;

use super::{Mode, check_document};
use crate::{
    document::leaves,
    fault::Faults,
    job_spec::prepare,
    merge::{Source, merge},
    samples::{any_field_name, any_json, any_text, centre},
    template::{Base, Request, TemplateInput, effective_spec},
};

fn any_body() -> impl Strategy<Value = serde_json::Map<String, Value>> {
    let key = prop_oneof![9 => any_field_name(), 1 => any_text()];
    proptest::collection::vec((key, any_json()), 0..8).prop_map(|members| members.into_iter().collect())
}

fn any_mode() -> impl Strategy<Value = Mode> {
    prop_oneof![Just(Mode::Template), Just(Mode::Request)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn a_checked_document_passes_the_check_again_unchanged_and_has_no_nul(body in any_body(), mode in any_mode()) {
        for (key, value) in body {
            let mut faults = Faults::default();
            let kept = check_document(&[(key, value)].into_iter().collect(), mode, &["name"], &mut faults);
            if faults.is_empty() {
                prop_assert_eq!(&check_document(&kept, mode, &["name"], &mut faults), &kept);
                prop_assert_eq!(faults.into_vec(), vec![]);
                let text = serde_json::to_string(&kept).unwrap();
                prop_assert!(!text.contains("\\u0000"), "{text}");
            }
        }
    }

    #[test]
    fn a_checked_document_can_be_merged_and_resolved(template in any_body(), request in any_body()) {
        let mut faults = Faults::default();
        let base = check_document(&template, Mode::Template, &["name"], &mut faults);
        let patch = check_document(&request, Mode::Request, &["name"], &mut faults);
        let prepared = prepare(merge(&base, &Source::Request, &patch), &[centre(8, 16, &["L40S"])]);
        prop_assert_eq!(prepared.spec.is_some(), prepared.problems.is_empty());
    }

    #[test]
    fn an_unchecked_document_causes_no_panic(template in any_body(), request in any_body()) {
        let merged = merge(&template, &Source::Default, &request);
        let _ = prepare(merged, &[centre(8, 16, &["L40S"])]);
    }

    #[test]
    fn a_template_that_is_read_back_equals_its_body(body in any_body(), name in "[a-z]{1,9}") {
        // One field at a time, since a body of many arbitrary fields almost always has a fault.
        for (key, value) in body {
            let mut sent = serde_json::Map::new();
            sent.insert(key, value);
            sent.insert("name".to_owned(), Value::from(name.as_str()));
            let Ok(input) = TemplateInput::parse(&Value::Object(sent)) else { continue };
            let mut read = input.described.clone();
            read.extend(input.content.clone());
            read.insert("name".to_owned(), Value::from(input.name.as_str()));
            prop_assert_eq!(TemplateInput::parse(&Value::Object(read)), Ok(input));
        }
    }

    #[test]
    fn no_request_over_a_template_with_rules_causes_a_panic(
        template in any_body(), request in any_body(), values in any_body(),
    ) {
        let mut faults = Faults::default();
        let content = check_document(&template, Mode::Template, &["name"], &mut faults);
        let request = check_document(&request, Mode::Request, &["name"], &mut faults);
        let base = Base { content: &content, source: &Source::Default, author: "eve" };
        let found = effective_spec(base, Request { overrides: &request, values: &values }, &[centre(4, 4, &[])]).prepared;
        let mut paths: Vec<_> = leaves(&found.document).into_iter().map(|(path, _)| path).collect();
        paths.sort();
        prop_assert_eq!(paths, found.provenance.into_keys().collect::<Vec<_>>());
    }
}
