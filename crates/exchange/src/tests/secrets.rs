//! Secrets: an export names them with a note, and an import reads the names back.

use super::*;

fn with_secrets() -> Document {
    document(json!({
        "name": "a", "startCommand": "python train.py", "env": {"MODE": "x", "WANDB_API_KEY": {"secret": "wandb"}},
        "parameters": [
            {"name": "HF_TOKEN", "type": "string", "default": {"secret": "hf"}},
            {"name": "EPOCHS", "type": "integer", "default": 3},
        ],
    }))
}

#[test]
fn yaml_and_json_keep_the_names_and_say_that_the_values_are_missing() {
    for format in [Format::Yaml, Format::Json] {
        let Exported { text, notes } = exported(&with_secrets(), format);
        let note = |at: &str, name: &str| {
            let place = format!("{at}: names the secret `{name}`, without its value");
            format!("{place}; a job gets the secret of this name in its own project")
        };
        let expected = [note("env.WANDB_API_KEY", "wandb"), note("parameters[\"HF_TOKEN\"].default", "hf")];
        assert_eq!(notes, expected);
        let back = import(&text, None).unwrap();
        assert_eq!((back.body, back.unmapped), (with_secrets(), Vec::new()));
    }
}

#[test]
fn a_script_leaves_the_variables_out_and_says_how_to_add_them() {
    let Exported { text, notes } = exported(&with_secrets(), Format::Sbatch);
    for (at, list) in [("env.WANDB_API_KEY", "variables"), ("parameters[\"HF_TOKEN\"].default", "parameters")] {
        let start = format!("{at}: is the secret `");
        let note = notes.iter().find(|note| note.starts_with(&start)).unwrap_or_else(|| panic!("{at}: {notes:?}"));
        assert!(note.contains(&format!("add the variable to the list of {list}")), "{note}");
    }
    let is_set = |name: &str| text.lines().any(|line| line.trim_start().starts_with(&format!("{name}=")));
    assert!(!is_set("WANDB_API_KEY") && !is_set("HF_TOKEN"), "{text}");
    assert!(is_set("EPOCHS") || text.contains("EPOCHS=3"), "{text}");
    let back = import(&text, None).unwrap();
    assert_eq!((back.body, back.unmapped), (with_secrets(), Vec::new()));
}

#[test]
fn a_secret_of_a_cluster_is_left_out_with_the_way_to_name_one_here() {
    let manifest = "apiVersion: kubeflow.org/v1\nkind: PyTorchJob\nmetadata: {name: a}\nspec:\n  pytorchReplicaSpecs:\n    \
                    Master:\n      replicas: 1\n      template:\n        spec:\n          containers:\n          - name: pytorch\n            \
                    command: [python, t.py]\n            env:\n            - name: KEY\n              valueFrom: {secretKeyRef: {name: s, key: k}}\n";
    let back = import(manifest, None).unwrap();
    let whys: Vec<_> =
        back.unmapped.iter().filter(|left| left.path.contains("env")).map(|left| left.why.as_str()).collect();
    assert_eq!(
        whys,
        ["is a secret of the cluster; create a secret here and name it in `env` as {\"secret\": \"NAME\"}"]
    );
}
