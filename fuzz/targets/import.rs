//! Any text as a template to be moved in, in each form: refused with a reason or read; what is read and makes a template
//! goes out in every form and comes back the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value};
use trainyard_domain::{exchange::{Format, Imported, MOST_UNMAPPED, export, import}, template::Draft};

fuzz_target!(|text: &str| {
    let forms = [Format::Yaml, Format::Json, Format::Sbatch, Format::Kubeflow];
    // As it shows itself, and as one form that it is said to be: the length chooses, so each gets its share.
    let said = forms.get(text.len() % forms.len()).copied();
    for format in [None, said] {
        match import(text, format) {
            Ok(imported) => judge(imported),
            Err(faults) => assert!(!faults.is_empty(), "a refusal says why"),
        }
    }
});

fn judge(imported: Imported) {
    assert!(imported.unmapped.len() <= MOST_UNMAPPED + 1, "a list has an end");
    for left in &imported.unmapped {
        assert!(!left.why.is_empty(), "{left:?}");
        assert!(left.value.chars().count() <= 501, "a long value is cut");
    }
    let mut body = imported.body;
    body.entry("name").or_insert_with(|| Value::from("named"));
    match Draft::parse(&Value::Object(body)) {
        Ok(draft) => judge_ways(&draft.document()),
        Err(faults) => assert!(!faults.is_empty(), "a refusal says why"),
    }
}

/// Out and in again by each form that can be written.
fn judge_ways(document: &Map<String, Value>) {
    for format in [Format::Yaml, Format::Json, Format::Sbatch] {
        let text = export(document, format).expect("it can be written").text;
        for said in [None, Some(format)] {
            let back = import(&text, said).unwrap_or_else(|faults| panic!("{faults:?}\n{text}"));
            assert_eq!(&back.body, document, "{format:?}\n{text}");
            assert_eq!(back.unmapped, [], "{text}");
        }
    }
}
