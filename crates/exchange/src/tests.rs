//! Export and import: an import reads back every export, scripts have the right options, and no value of a source is lost.

mod detection;
mod hostile;
mod identity;
mod kubeflow;
mod sbatch_amounts;
mod sbatch_in;
mod sbatch_out;
mod sbatch_trip;
mod secrets;

use proptest::prelude::*;
use serde_json::{Value, json};
use trainyard_domain::{
    document::Document,
    fault::Faults,
    job_spec::{Mode, check_document, decimal_text},
    samples::{any_document, any_field_name, any_json, any_text},
    template::TemplateInput,
    text::Name,
};

use super::{Exported, Format, Imported, export, import};

/// Text that readers of YAML, shells and Slurm may read as something else.
const NASTY: &[&str] = &[
    "",
    " ",
    "  ",
    "\t",
    "\n",
    "\r",
    "\r\n",
    " \n",
    "a\n",
    "a\n\n",
    "\na",
    " a\nb",
    "a \nb",
    "a\n ",
    "a\tb\n\tc",
    "yes",
    "no",
    "on",
    "y",
    "null",
    "~",
    "true",
    "1",
    "1.0",
    "1e3",
    "0x1f",
    "0o17",
    "012",
    ".5",
    "+1",
    "1_000",
    ".inf",
    ".nan",
    "-",
    "- a",
    "?",
    "? a",
    ":",
    "a: b",
    "a:",
    "2026-11-02",
    "12:30:00",
    "#",
    "# a",
    " # a",
    "a #b",
    "a\n#b\n",
    "---",
    "---\na",
    "...",
    "%a",
    "@a",
    "`a`",
    "!a",
    "!!str a",
    "&a",
    "*a",
    "|",
    "> a\n  b\n",
    "{a",
    "[a",
    "}",
    "]",
    "'",
    "\"",
    "''",
    "\\",
    "\\n",
    "a\\",
    "$HOME",
    "$(id)",
    "`id`",
    "${x}",
    "<<",
    "=",
    "a=b",
    ",",
    "\u{1}",
    "\u{7}",
    "\u{1b}[0m",
    "\u{7f}",
    "\u{85}",
    "a\u{85}b",
    "\u{a0}",
    "\u{2028}",
    "\u{feff}",
    "\u{feff}a\nb",
    "\u{fffd}",
    "\u{202e}",
    "训练",
    "é\u{301}",
    "😀",
    "it's",
    "it's \"so\"",
    "#SBATCH --nodes=9",
    "a\n#SBATCH --nodes=9\n",
    ")\nvariables=(",
    "END_OF_SCRIPT",
    "-x",
    "--",
    "*",
];

/// The checked document of a template with these fields.
#[track_caller]
fn document(body: Value) -> Document {
    TemplateInput::parse(&body).unwrap();
    let Value::Object(body) = body else { unreachable!() };
    body
}

#[track_caller]
fn exported(document: &Document, format: Format) -> Exported {
    export(document, format).unwrap()
}

#[track_caller]
fn imported(text: &str) -> Imported {
    import(text, None).unwrap_or_else(|faults| panic!("{faults:?}\n{text}"))
}

/// The unmapped entries, each as `path = value: why`.
fn unmapped(imported: &Imported) -> Vec<String> {
    imported.unmapped.iter().map(|left| format!("{} = {}: {}", left.path, left.value, left.why)).collect()
}

/// Text of every kind, including the nasty ones.
fn any_words() -> impl Strategy<Value = String> {
    let nasty = || proptest::sample::select(NASTY.to_vec()).prop_map(str::to_owned);
    prop_oneof![
        2 => nasty(),
        1 => any_text().prop_map(|text| text.replace('\0', "")),
        1 => proptest::collection::vec(nasty(), 0..4).prop_map(|parts| parts.concat()),
        1 => "\\PC{0,12}",
    ]
}

/// The document of a template: any JSON under the names of fields, after the checks of a body.
fn any_template() -> impl Strategy<Value = Document> {
    let scalar = prop_oneof![
        any_words().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
    ];
    let env = proptest::collection::vec((any_words(), scalar), 0..4)
        .prop_map(|members| Value::Object(members.into_iter().collect()));
    let sizes = (0_u64..5000, 1_u64..9, 0_u64..4, "[A-Za-z0-9 -]{0,5}").prop_map(|(milli, workers, gpus, model)| {
        json!({"cpuCores": decimal_text(milli), "memoryGB": decimal_text(milli * 7),
               "workerCount": workers, "gpuCount": gpus, "gpuName": model})
    });
    let switches = (any::<bool>(), any::<bool>(), 0_u64..200, 0_u64..20_000).prop_map(|(retry, limit, count, seconds)| {
        json!({"enableAutoRetry": retry, "enableTimeoutCancel": limit, "maxRetryCount": count, "timeoutSeconds": seconds,
               "timeoutHours": count})
    });
    let maybe = |values: BoxedStrategy<Value>| proptest::option::of(values);
    (
        (any_document(), proptest::collection::vec((any_field_name(), any_json()), 0..4)),
        (maybe(env.boxed()), maybe(sizes.boxed()), maybe(switches.boxed())),
        (any_words(), any_words(), any_words(), any_words()),
        proptest::option::of(proptest::sample::select(vec!["PyTorch", "DeepSpeed", "MPI", "TensorFlow"])),
    )
        .prop_map(|((base, wild), (env, sizes, switches), (name, desc, command, word), framework)| {
            let mut body = base;
            body.extend(wild);
            body.extend(env.map(|env| ("env".to_owned(), env)));
            body.extend(sizes.map(|sizes| ("resource".to_owned(), sizes)));
            if let Some(Value::Object(switches)) = switches {
                body.extend(switches);
            }
            let parameter = json!([{"name": "LR", "type": "string", "default": word}]);
            let texts = [("desc", json!(desc)), ("startCommand", json!(command)), ("parameters", parameter)];
            body.extend(texts.map(|(key, value)| (key.to_owned(), value)));
            body.extend(framework.map(|word| ("trainingFramwork".to_owned(), json!(word))));
            let mut kept = check_document(&body, Mode::Template, &["name"], &mut Faults::default());
            if Name::parse(&name).is_ok() {
                kept.insert("name".to_owned(), json!(name));
            }
            kept
        })
}
