//! Imports arbitrary text as a template in each format. The import refuses it with a reason or reads it. A template
//! that was read can be exported in every format, and importing that export gives the same template.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value};
use trainyard_domain::template::TemplateInput;
use trainyard_exchange::{Format, Imported, MOST_UNMAPPED, export, import};

fuzz_target!(|text: &str| {
    let words = Format::WORDS;
    // Once with the detected format and once with a declared one. The length of the text selects the declared format,
    // so that each format is declared for a share of the inputs.
    let declared = words.get(text.len() % words.len()).and_then(|word| Format::parse(word));
    for format in [None, declared] {
        match import(text, format) {
            Ok(imported) => check(imported),
            Err(faults) => assert!(!faults.is_empty(), "a refusal has a reason"),
        }
    }
});

fn check(imported: Imported) {
    assert!(imported.unmapped.len() <= MOST_UNMAPPED + 1, "the number of unmapped values is limited");
    for left in &imported.unmapped {
        assert!(!left.why.is_empty(), "{left:?}");
        assert!(left.value.chars().count() <= 501, "a long value is cut");
    }
    let mut body = imported.body;
    body.entry("name").or_insert_with(|| Value::from("named"));
    match TemplateInput::parse(&Value::Object(body)) {
        Ok(input) => check_round_trips(&input.document()),
        Err(faults) => assert!(!faults.is_empty(), "a refusal has a reason"),
    }
}

/// Exports the document in each format that can be written, and imports it again.
fn check_round_trips(document: &Map<String, Value>) {
    for format in Format::EXPORTS.iter().filter_map(|word| Format::parse(word)) {
        let text = export(document, format).expect("an accepted template can be exported").text;
        for declared in [None, Some(format)] {
            let back = import(&text, declared).unwrap_or_else(|faults| panic!("{faults:?}\n{text}"));
            assert_eq!(&back.body, document, "{format:?}\n{text}");
            assert_eq!(back.unmapped, [], "{text}");
        }
    }
}
