//! TensorFlow: two workers find each other through `TF_CONFIG`.

use serde_json::json;

use super::{evidence, example, run, two_workers, venv};

#[tokio::test(flavor = "multi_thread")]
async fn tf_config_connects_two_workers_even_behind_a_proxy() {
    let command =
        format!("exec {}/bin/python {} --epochs 15", venv("tensorflow"), example("tensorflow/train_multiworker.py"));
    // No proxy listens there, so a worker that used it to reach the other one would wait for ever.
    let env = json!({"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"});
    evidence::check(&run(&command, two_workers("TensorFlow", env)).await);
}
