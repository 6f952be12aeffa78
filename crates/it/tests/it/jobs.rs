//! Jobs from their creation to their end: the public API with real processes.

mod create;
mod delete;
mod environment;
mod exits;
mod open_ports;
mod refusals;
mod restarts;
mod retries;
mod time_limits;

use serde_json::json;

use crate::harness::{Host, ROOMY, has_ended};

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_run_with_their_ranks() {
    let host = Host::start(ROOMY).await;
    let command = "echo rank $TRAINYARD_RANK of $TRAINYARD_WORLD_SIZE";
    let job = host.job(command, json!({"resource": {"workerCount": 2}})).await;
    let detail = host.wait_for_end(&job).await;
    assert_eq!(detail["status"], "Succeeded", "{detail:#}");
    assert_eq!(host.log(&job, 0).await, "rank 0 of 2\n");
    assert_eq!(host.log(&job, 1).await, "rank 1 of 2\n");
}
