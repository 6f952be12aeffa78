//! Exported scripts: an import reads back the template, including edits in the script.

use super::*;

fn sample() -> Document {
    document(json!({
        "name": "it's #1 \"digits\"", "desc": "two\nlines", "aidcId": 2, "trainingFramwork": "PyTorch",
        "image": "a/b:1", "env": {"A": "x\r\ny 'z'", "N": 5, "odd.name": "v"},
        "resource": {"workerCount": 2, "cpuCores": "1.5", "memoryGB": 0.3, "gpuCount": "1", "gpuName": "h100", "x": [1]},
        "storageConfigs": [{"mountPath": "/data", "storageId": "s"}],
        "startCommand": "echo 'hello'\npython train.py\n", "enableTimeoutCancel": true, "timeoutSeconds": 90,
        "enableAutoRetry": true, "maxRetryCount": 2, "labels": {"team": "vision"}, "workDir": "/work",
        "parameters": [{"name": "LR", "type": "number", "default": 0.1}, {"name": "Q", "type": "string", "required": true}],
    }))
}

/// Edits the script of the sample, checks these fields of the import, and returns the unmapped entries.
#[track_caller]
fn check_edit(from: &str, to: &str, expected: &[(&str, Value)]) -> Vec<String> {
    let text = exported(&sample(), Format::Sbatch).text;
    assert!(text.contains(from), "{text}");
    let back = imported(&text.replacen(from, to, 1));
    let whole = Value::Object(back.body.clone());
    for (pointer, value) in expected {
        assert_eq!(whole.pointer(pointer).unwrap_or(&Value::Null), value, "{pointer} of {whole:#}");
    }
    unmapped(&back)
}

#[test]
fn an_import_reads_back_the_whole_sample() {
    let back = imported(&exported(&sample(), Format::Sbatch).text);
    assert_eq!((back.format, &back.body), (Format::Sbatch, &sample()));
    assert_eq!(back.unmapped, []);
}

#[test]
fn an_import_reads_back_scripts_of_earlier_versions() {
    for (script, framework) in [
        (include_str!("fixtures/former_none.sbatch"), None),
        (include_str!("fixtures/former_pytorch.sbatch"), Some("PyTorch")),
        (include_str!("fixtures/former_tensorflow.sbatch"), Some("TensorFlow")),
        (include_str!("fixtures/former_mpi.sbatch"), Some("MPI")),
        (include_str!("fixtures/former_2_none.sbatch"), None),
        (include_str!("fixtures/former_2_pytorch.sbatch"), Some("PyTorch")),
        (include_str!("fixtures/former_2_tensorflow.sbatch"), Some("TensorFlow")),
        (include_str!("fixtures/former_2_mpi.sbatch"), Some("MPI")),
    ] {
        let mut whole = sample();
        match framework {
            Some(framework) => whole.insert("trainingFramwork".to_owned(), json!(framework)),
            None => whole.shift_remove("trainingFramwork"),
        };
        let back = imported(script);
        assert_eq!((&back.body, back.unmapped.as_slice()), (&whole, [].as_slice()));
    }
}

#[test]
fn an_import_reads_back_text_that_could_break_its_quotes() {
    for text in NASTY.iter().filter(|text| !text.contains('\0')) {
        let whole = document(json!({
            "name": "a", "desc": text, "startCommand": text, "env": {"A": text}, "labels": {"b": text},
            "parameters": [{"name": "P", "type": "string", "default": text}],
        }));
        let script = exported(&whole, Format::Sbatch).text;
        let back = imported(&script);
        assert_eq!(back.body, whole, "{script}");
        assert_eq!(back.unmapped, []);
    }
}

#[test]
fn edits_of_the_script_are_imported() {
    assert_eq!(check_edit("--nodes=2", "--nodes=4", &[("/resource/workerCount", json!(4))]), Vec::<String>::new());
    assert_eq!(
        check_edit(
            "--gres=gpu:h100:1",
            "--gres=gpu:a100:2 # more",
            &[("/resource/gpuCount", json!("2")), ("/resource/gpuName", json!("a100")),]
        ),
        Vec::<String>::new()
    );
    assert_eq!(
        check_edit(
            "python train.py",
            "python other.py",
            &[("/startCommand", json!("echo 'hello'\npython other.py\n"))]
        ),
        Vec::<String>::new()
    );
    assert_eq!(
        check_edit(
            "'odd.name=v'",
            "'B=1' 'C=2' # mine",
            &[("/env/B", json!("1")), ("/env/C", json!("2")), ("/env/odd.name", Value::Null),]
        )
        .len(),
        0
    );
    let partition = check_edit("#SBATCH --nodes", "#SBATCH --partition=gpu\n#SBATCH --nodes", &[]);
    assert_eq!(partition.len(), 1);
    assert!(partition[0].starts_with("--partition = gpu: "), "{partition:?}");
}

#[test]
fn a_value_in_a_comment_yields_to_an_edited_script() {
    let left = check_edit("--cpus-per-task=2", "--cpus-per-task=8", &[("/resource/cpuCores", json!("8"))]);
    assert_eq!(
        left,
        [r#"script = {"resource":{"cpuCores":"1.5"}}: the script was edited and now has another value, which is used"#]
    );
    let left = check_edit("--time=2", "--time=1-0", &[("/timeoutHours", json!(24)), ("/timeoutSeconds", Value::Null)]);
    assert_eq!(left.len(), 1);
    let left = check_edit("'LR=0.1'", "'LR=0.2'", &[("/env/LR", json!("0.2")), ("/parameters", Value::Null)]);
    assert_eq!(left.len(), 1);
    assert!(left[0].starts_with("parameters = [{"), "{left:?}");
    let left = check_edit(r#"#= {"aidcId":2}"#, "#= {aidcId", &[("/aidcId", Value::Null)]);
    assert_eq!(left, ["script = {aidcId: was a value of the template and is no longer readable"]);
}

#[test]
fn a_script_with_an_edited_launch_part_is_read_like_any_other() {
    let text = exported(&sample(), Format::Sbatch).text.replace("--kill-on-bad-exit=1", "--mpi=pmix");
    let back = imported(&text);
    assert_eq!(back.body["resource"]["workerCount"], 2);
    assert_eq!(back.body.get("env"), None);
    let command = back.body["startCommand"].as_str().unwrap();
    assert!(command.contains("--mpi=pmix") && command.contains(r#"#= {"aidcId":2}"#), "{command}");
    let left = unmapped(&back);
    assert!(left.iter().any(|line| line.contains("there is no srun")), "{left:?}");
}

proptest! {
    #[test]
    fn every_template_comes_back_from_its_script(document in any_template()) {
        let Exported { text, .. } = exported(&document, Format::Sbatch);
        let back = imported(&text);
        prop_assert_eq!(&back.body, &document, "{}", text);
        prop_assert_eq!(unmapped(&back), Vec::<String>::new());
    }
}
