//! Templates on a real Slurm: exported scripts are accepted and run, and imported scripts print the same
//! here as on Slurm.
//!
//! All checks share one cluster, since each test is a process and a cluster takes seconds to start.

mod cluster;
mod imported_scripts;
mod workers;

use serde_json::{Map, Value, json};
use trainyard_exchange::{Format, export, import};

use crate::slurm::cluster::{Cluster, MODEL};

/// Returns a template exported as an sbatch script.
fn script(template: &Value) -> String {
    let document = template.as_object().unwrap();
    export(document, Format::Sbatch).unwrap().text
}

/// Returns the example templates of this repository.
fn examples() -> Vec<Map<String, Value>> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/templates");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.map(|file| import(&std::fs::read_to_string(file).unwrap(), None).unwrap().body).collect()
}

/// Templates with all fields that become directives, and with text that must not become one.
fn odd_templates() -> Vec<Value> {
    let name = "it's #1 \"训练\" $(id) `id` \\ --nodes=99";
    let mut templates = vec![
        json!({"name": name, "desc": name, "workDir": "/tmp/a b#c'd", "startCommand": "true"}),
        json!({"name": "-J", "desc": "a\n#SBATCH --nodes=99", "startCommand": "a\r\nb\n#SBATCH --nodes=99\n"}),
        json!({"name": "训".repeat(128), "desc": "x".repeat(4096), "startCommand": "true"}),
        json!({"name": "sizes", "resource": {"workerCount": "4", "cpuCores": 0.25, "memoryGB": "0.001", "gpuCount": 4},
               "enableTimeoutCancel": true, "timeoutSeconds": 1, "enableAutoRetry": true, "startCommand": "true"}),
        json!({"name": "model", "resource": {"gpuName": MODEL, "gpuCount": "1", "cpuCores": "1", "memoryGB": "2"}}),
        json!({"name": "long", "env": {"A": "y".repeat(100_000), "B": "z".repeat(100_000)}, "startCommand": "true"}),
    ];
    for framework in ["PyTorch", "DeepSpeed", "MPI", "TensorFlow"] {
        let resource = json!({"workerCount": 2, "gpuCount": 2, "cpuCores": 3});
        templates
            .push(json!({"name": "a", "trainingFramwork": framework, "resource": resource, "startCommand": "true"}));
    }
    templates
}

#[tokio::test(flavor = "multi_thread")]
async fn templates_run_on_a_real_slurm_and_its_scripts_run_here() {
    let cluster = Cluster::start().await;
    let templates = odd_templates().into_iter().map(|template| template.as_object().unwrap().clone());
    for template in examples().into_iter().chain(templates) {
        cluster.accepts(&script(&Value::Object(template)));
    }
    workers::workers_of_every_framework_get_their_variables(&cluster).await;
    workers::a_failed_worker_fails_the_job(&cluster).await;
    imported_scripts::scripts_print_the_same_here_and_on_slurm(&cluster).await;
}
