//! Typical Slurm scripts: run by Slurm, and run as jobs of a server that imported them.

use serde_json::{Value, json};
use trainyard_exchange::import;

use super::cluster::Cluster;
use crate::harness::{Host, ROOMY};

/// Arrays, quotes, a here-document with a delimiter like the one that an import adds, and a program that reads
/// standard input.
const BASH: &str = r#"#!/bin/bash
#SBATCH --job-name=bash-script --nodes=1 # one
#SBATCH -c 2 --mem=100M
set -euo pipefail
words=("it's" "two words" '$HOME')
printf '<%s>\n' "${words[@]}"
cat <<'END_OF_SCRIPT'
a document
END_OF_SCRIPT
wc -c </dev/stdin | tr -d ' ' >/dev/null
[[ ${#words[@]} == 3 ]] && echo "three words"
"#;

const SH: &str = r#"#!/bin/sh
#SBATCH --job-name=sh-script
#SBATCH --output=slurm-%j.out

# A comment.
echo "sh: $(printf %s 'it works')"
"#;

const PYTHON: &str = r#"#!/usr/bin/env python3
#SBATCH --job-name=python-script
import sys
print("python:", "it's", '"quoted"', sys.argv[1:])
"#;

/// The first task of a job must not read the rest of the script.
const LOGIN: &str = "#!/bin/bash -l\n#SBATCH -J login\ncat >/dev/null\necho 'after the input'\n";

/// Runs each script on both sides and compares the output.
pub(crate) async fn scripts_print_the_same_here_and_on_slurm(cluster: &Cluster) {
    let scripts = [BASH, SH, PYTHON, LOGIN];
    let slurm_jobs = scripts.map(|script| cluster.submit(script));
    let host = Host::start(ROOMY).await;
    for (script, slurm_job) in scripts.iter().zip(slurm_jobs) {
        let body = import(script, None).unwrap().body;
        let name = body["name"].as_str().unwrap().to_owned();
        let template = host.post("/v1/training/template/create", &Value::Object(body)).await.created_id();
        let job =
            host.post("/v1/training/instance/create", &json!({"createType": "TEMPLATE", "templateId": template})).await;
        let job = job.ok()["id"].as_str().unwrap().to_owned();
        let detail = host.wait_for_end(&job).await;
        let (slurm, local) = (cluster.wait_for_end(&slurm_job).await, host.log(&job, 0).await);
        assert_eq!((slurm.state.as_str(), &detail["status"]), ("COMPLETED", &json!("Succeeded")), "{name}: {local}");
        assert!(!slurm.output.is_empty(), "{name} says nothing");
        assert_eq!(slurm.output, local, "{name}");
    }
}
