//! DeepSpeed: the variables that its launcher would set, and the real package over Debian's PyTorch.

use std::collections::BTreeMap;

use serde_json::json;

use super::{evidence, example, run, system_python_with, two_workers, venv};

#[tokio::test(flavor = "multi_thread")]
async fn each_worker_gets_the_variables_that_deepspeed_reads() {
    let mut all = Vec::new();
    for log in run("env; cat $TRAINYARD_HOSTFILE", two_workers("DeepSpeed", json!({}))).await {
        assert!(log.ends_with("\nlocalhost slots=2\n"), "{log}");
        let pairs = log.lines().filter_map(|line| line.split_once('='));
        all.push(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect::<BTreeMap<_, _>>());
    }
    for (rank, env) in (0..).zip(&all) {
        let own = rank.to_string();
        // DeepSpeed falls back to MPI if one of the first five is missing.
        for (name, value) in [
            ("RANK", own.as_str()),
            ("LOCAL_RANK", "0"),
            ("WORLD_SIZE", "2"),
            ("MASTER_ADDR", "127.0.0.1"),
            ("MASTER_PORT", &all[0]["MASTER_PORT"]),
            ("LOCAL_WORLD_SIZE", "1"),
            ("NODE_RANK", &own),
            ("PET_NNODES", "2"),
            ("PET_NODE_RANK", &own),
            ("PET_NPROC_PER_NODE", "1"),
            ("PET_MASTER_ADDR", "127.0.0.1"),
            ("PET_MASTER_PORT", &all[0]["MASTER_PORT"]),
        ] {
            assert_eq!(env[name], value, "{name} of rank {rank}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_real_package_trains_on_two_workers() {
    system_python_with(&["torch", "sklearn"]);
    let command = format!("exec {}/bin/python {} --epochs 12", venv("deepspeed"), example("deepspeed/train_ds.py"));
    // The user chooses the accelerator; this host has none.
    evidence::check(&run(&command, two_workers("DeepSpeed", json!({"DS_ACCELERATOR": "cpu"}))).await);
}
