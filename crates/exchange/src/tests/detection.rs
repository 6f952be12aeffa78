//! How the format of a text is detected, and which texts are refused as a whole.

use super::*;
use crate::MOST_BYTES;

#[track_caller]
fn check(text: &str, format: Format) {
    assert_eq!(imported(text).format, format, "{text}");
}

#[track_caller]
fn check_refused(text: &str, format: Option<Format>, part: &str) {
    let faults = import(text, format).unwrap_err();
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert_eq!(faults[0].path, "text");
    assert!(faults[0].message.contains(part), "{}", faults[0].message);
}

#[test]
fn a_text_shows_its_format() {
    check("name: a", Format::Yaml);
    check("# a comment\nname: a", Format::Yaml);
    check("\u{feff}name: a", Format::Yaml);
    check("{name: a}", Format::Yaml);
    check(r#" {"name": "a"}"#, Format::Json);
    check("#!/bin/bash\n", Format::Sbatch);
    check("#!/bin/sh\nname: a", Format::Sbatch);
    check("#SBATCH --nodes=1\ntrue", Format::Sbatch);
    check("# run me\n#SBATCH --nodes=1\npython train.py", Format::Sbatch);
    check("name: a\nstartCommand: |\n  #!/bin/bash\n#SBATCH in a comment\n", Format::Yaml);
    check("apiVersion: kubeflow.org/v1\nkind: PyTorchJob\n", Format::Kubeflow);
    check(r#"{"apiVersion": "kubeflow.org/v1", "kind": "PyTorchJob"}"#, Format::Kubeflow);
}

#[test]
fn a_given_format_is_used_but_a_manifest_is_recognised_in_yaml_and_json() {
    let read = |text: &str, format| import(text, Some(format)).unwrap().format;
    assert_eq!(read("name: a", Format::Sbatch), Format::Sbatch);
    assert_eq!(read(r#"{"name": "a"}"#, Format::Yaml), Format::Yaml);
    let manifest = r#"{"apiVersion": "trainer.kubeflow.org/v1alpha1", "kind": "TrainJob"}"#;
    for format in [Format::Yaml, Format::Json, Format::Kubeflow] {
        assert_eq!(read(manifest, format), Format::Kubeflow);
    }
    check_refused("name: a", Some(Format::Json), "is not JSON");
    check_refused("name: a", Some(Format::Kubeflow), "must be a PyTorchJob");
}

#[test]
fn a_text_that_is_not_a_template_is_refused_with_a_way_out() {
    check_refused("", None, "is empty");
    check_refused(" \n", None, "is empty");
    check_refused("# nothing\n", None, "is empty");
    check_refused("# nothing\n", Some(Format::Kubeflow), "holds nothing");
    check_refused("[1]", None, "must be an object");
    check_refused("just text", None, "must be an object");
    check_refused("a: [", None, "is not YAML");
    check_refused("{\"a\": 1,}", Some(Format::Json), "is not JSON");
    check_refused("name: a\n---\nname: b\n", None, "send them one by one");
    check_refused("a: 1\na: 2", None, "appears twice");
    check_refused(r#"{"a": {"b": 1, "b": 2}}"#, Some(Format::Json), "appears twice");
    check_refused("1: a", None, "a key that is text");
    check_refused("a: .nan", None, "JSON has no numbers");
    check_refused("a: 99999999999999999999", None, "quote it");
    check_refused("a: !secret b", None, "is not YAML");
    check_refused(&" ".repeat(MOST_BYTES + 1), None, "at most 256 KiB");
}

#[test]
fn the_words_of_exports_are_those_of_the_formats_that_can_be_written() {
    let can_be_written = |word: &&str| export(&Document::new(), Format::parse(word).unwrap()).is_some();
    let written: Vec<&str> = Format::WORDS.iter().copied().filter(can_be_written).collect();
    assert_eq!(written, Format::EXPORTS);
}
