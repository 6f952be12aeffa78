//! The time of an import grows in proportion to the size of the text, whatever the text contains.
//!
//! These tests are here and not in the exchange crate, since only whole-system tests may read a clock.

use std::time::{Duration, Instant};

use trainyard_exchange::{Format, MOST_BYTES, import};

/// Far above the time of any import, unoptimised and under load; far below the time of a denial of service.
const LIMIT: Duration = Duration::from_secs(10);

/// Imports a text of the maximum size that starts with `start` and repeats `part`.
#[track_caller]
fn check_duration(start: &str, part: &str, format: Format) {
    let rest = part.repeat((MOST_BYTES - start.len()) / part.len());
    let started = Instant::now();
    // The result of the import does not matter here.
    let _ = import(&format!("{start}{rest}"), Some(format));
    let took = started.elapsed();
    assert!(took < LIMIT, "{took:?} for {start:?} and many {part:?}");
}

#[test]
fn a_yaml_text_is_read_or_refused_quickly() {
    for part in
        ["[", "{", "{a: ", "- ", "? ", "a: ", "!a ", "\n", "#\n", "'", "\"", "&a ", "---\n", "a,", "| \n", "\\", "a\n"]
    {
        check_duration("", part, Format::Yaml);
        check_duration("a: ", part, Format::Yaml);
        check_duration("a: [", part, Format::Yaml);
    }
    check_duration("a: &a [b, b, b, b, b, b, b, b]\nb: [", "*a, ", Format::Yaml);
}

#[test]
fn a_script_is_read_quickly() {
    let parts =
        ["#SBATCH -", "#SBATCH --a\n", "#SBATCH -n1\n", "#SBATCH -C 'a", "#= {}\n", "srun\n", "$SLURM_A\n", "#", "\\"];
    for part in parts {
        check_duration("#!/bin/bash\n", part, Format::Sbatch);
        check_duration("#!/bin/bash\nvariables=(", part, Format::Sbatch);
    }
    for part in ["'a=b' ", "'", "$'\\x", "#\n"] {
        check_duration("#!/bin/bash\nvariables=(", part, Format::Sbatch);
    }
}

#[test]
fn a_manifest_is_read_quickly() {
    let start = "apiVersion: kubeflow.org/v1\nkind: PyTorchJob\nspec:\n pytorchReplicaSpecs:\n  Worker:\n   template:\n    \
                 spec:\n     containers:\n     - env:\n";
    for part in ["     - {name: A, value: b}\n", "     - {name: A, valueFrom: {x: y}}\n", "     - {}\n"] {
        check_duration(start, part, Format::Kubeflow);
    }
    check_duration(&start.replace("env:", "volumeMounts:"), "     - {name: A, mountPath: /a}\n", Format::Kubeflow);
    check_duration("apiVersion: kubeflow.org/v1\nkind: PyTorchJob\n", "---\napiVersion: v1\n", Format::Kubeflow);
}
