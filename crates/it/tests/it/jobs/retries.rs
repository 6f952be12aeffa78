//! Retries, and the time limit over all attempts.

use serde_json::{Value, json};

use crate::harness::{Host, ROOMY};

fn statuses(detail: &Value) -> Vec<(u64, String)> {
    let attempts = detail["attempts"].as_array().unwrap().iter();
    let shown = |attempt: &Value| (attempt["number"].as_u64().unwrap(), attempt["status"].as_str().unwrap().to_owned());
    attempts.map(shown).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_retries_give_three_attempts_each_with_its_log() {
    let host = Host::start(ROOMY).await;
    // Rank 1 fails only after rank 0 has created its file, since the failure also ends rank 0.
    let command = r#"cd $TRAINYARD_CHECKPOINT_DIR; said=$TRAINYARD_ATTEMPT-said
        echo attempt $TRAINYARD_ATTEMPT of rank $TRAINYARD_RANK; echo $TRAINYARD_ATTEMPT >>rank-$TRAINYARD_RANK
        [ $TRAINYARD_RANK = 0 ] && touch $said && exit 0; until [ -e $said ]; do sleep 0.02; done; exit 1"#;
    let more = json!({
        "enableAutoRetry": true, "maxRetryCount": 2, "retryDelaySeconds": 0, "resource": {"workerCount": 2},
    });
    let job = host.job(command, more).await;
    let detail = host.wait_for_end(&job).await;
    assert_eq!(detail["status"], "Failed", "{detail:#}");
    assert_eq!(
        (&detail["reason"], &detail["message"]),
        (&json!("WorkerFailed"), &json!("rank 1 exited with status 1"))
    );
    assert_eq!(statuses(&detail), [1, 2, 3].map(|number| (number, "Failed".to_owned())));
    for rank in 0..2 {
        for attempt in 1..=3 {
            let log = host.log_bytes(&job, rank, &format!("?attempt={attempt}")).await;
            assert_eq!(String::from_utf8(log).unwrap(), format!("attempt {attempt} of rank {rank}\n"));
        }
        let ranks_file = host.dir.path().join(format!("data/jobs/{job}/checkpoint/rank-{rank}"));
        assert_eq!(std::fs::read_to_string(ranks_file).unwrap(), "1\n2\n3\n");
    }
    let expected = [
        vec!["NotStarted", "Starting", "Running", "Retrying"],
        vec!["NotStarted", "Starting", "Running", "Retrying"],
        vec!["NotStarted", "Starting", "Running", "Failed"],
    ];
    assert_eq!(host.events(&job).await, expected.concat());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_number_of_attempts_follows_the_request() {
    let host = Host::start(ROOMY).await;
    for (more, attempts) in [
        (json!({}), 1),
        (json!({"enableAutoRetry": false, "maxRetryCount": 5}), 1),
        (json!({"enableAutoRetry": true, "maxRetryCount": 0}), 1),
        (json!({"enableAutoRetry": true, "maxRetryCount": 1, "retryDelaySeconds": 0}), 2),
        (json!({"enableAutoRetry": true, "retryDelaySeconds": 0}), 4),
    ] {
        let job = host.job("exit 1", more.clone()).await;
        let detail = host.wait_for_end(&job).await;
        assert_eq!((&detail["status"], &detail["reason"]), (&json!("Failed"), &json!("WorkerFailed")));
        assert_eq!(detail["attempts"].as_array().unwrap().len(), attempts, "{more}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_attempt_continues_from_the_checkpoint_of_an_earlier_one() {
    let host = Host::start(ROOMY).await;
    let command = r#"cat $TRAINYARD_CHECKPOINT_DIR/step 2>/dev/null && exit 0
        [ $TRAINYARD_RANK = 1 ] && echo 41 >$TRAINYARD_CHECKPOINT_DIR/step && kill -9 $$; exec sleep 1000"#;
    let more = json!({"enableAutoRetry": true, "retryDelaySeconds": 0, "resource": {"workerCount": 2}});
    let job = host.job(command, more).await;
    let detail = host.wait_for_end(&job).await;
    assert_eq!(detail["status"], "Succeeded", "{detail:#}");
    assert_eq!(statuses(&detail), [(1, "Failed".to_owned()), (2, "Succeeded".to_owned())]);
    // Without `attempt` the log of the latest attempt is returned.
    assert_eq!([host.log(&job, 0).await, host.log(&job, 1).await], ["41\n", "41\n"]);
    assert_eq!(detail["attempts"][0]["reason"], "Killed");
    assert_eq!(host.get(&format!("/v1/training/instance/{job}/pod/list")).await.ok()[0]["attempt"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn between_attempts_a_job_shows_the_time_of_the_next_and_can_be_stopped() {
    let host = Host::start(ROOMY).await;
    let more = json!({"enableAutoRetry": true, "maxRetryCount": 5, "retryDelaySeconds": 3600});
    let job = host.job("exit 4", more).await;
    let detail = host.wait_for_status(&job, "Retrying").await;
    assert_eq!(detail["reason"], "WorkerFailed");
    assert_eq!(detail["message"], "rank 0 exited with status 4; retry 1 of 5 in 1h");
    let after = detail["nextAttemptTimeMs"].as_i64().unwrap() - detail["attempts"][0]["endTimeMs"].as_i64().unwrap();
    assert!((3_600_000..3_660_000).contains(&after), "{detail:#}");
    host.stop(&job).await.ok();
    let detail = host.wait_for_status(&job, "Stopped").await;
    assert_eq!(detail["reason"], "StoppedByUser");
    assert_eq!(detail.get("nextAttemptTime"), None);
    assert_eq!(statuses(&detail), [(1, "Failed".to_owned())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn at_its_time_limit_a_job_is_stopped_and_not_retried() {
    let host = Host::start(ROOMY).await;
    let command = r#"trap "echo saved; exit 0" TERM; while :; do sleep 0.05; done"#;
    let more = json!({
        "enableTimeoutCancel": true, "timeoutSeconds": 1, "timeoutHours": 5, "stopGraceSeconds": 20,
        "enableAutoRetry": true, "retryDelaySeconds": 0, "resource": {"workerCount": 2},
    });
    let job = host.job(command, more).await;
    let detail = host.wait_for_end(&job).await;
    assert_eq!((&detail["status"], &detail["reason"]), (&json!("Failed"), &json!("TimedOut")), "{detail:#}");
    assert!(detail["message"].as_str().unwrap().contains("time limit of 1s"), "{detail:#}");
    assert_eq!(statuses(&detail), [(1, "Failed".to_owned())]);
    assert_eq!(detail["attempts"][0]["reason"], "TimedOut");
    assert!(host.log(&job, 0).await.contains("saved\n"));
    assert_eq!(host.events(&job).await, ["NotStarted", "Starting", "Running", "Stopping", "Failed"]);
    let times = |of: &Value| of["endTimeMs"].as_i64().unwrap() - of["startTimeMs"].as_i64().unwrap();
    assert!((1000..10_000).contains(&times(&detail)), "{detail:#}");
    // Without `enableTimeoutCancel` the limit has no effect.
    let more = json!({"enableTimeoutCancel": false, "timeoutSeconds": 1});
    let job = host.job("sleep 2.5", more).await;
    assert_eq!(host.wait_for_end(&job).await["status"], "Succeeded");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limit_counts_the_running_time_of_all_attempts_together() {
    let host = Host::start(ROOMY).await;
    let command = "[ $TRAINYARD_ATTEMPT = 1 ] && sleep 3 && exit 1; exec sleep 1000";
    let more = json!({
        "enableTimeoutCancel": true, "timeoutSeconds": 4, "enableAutoRetry": true, "retryDelaySeconds": 1,
    });
    let job = host.job(command, more).await;
    let detail = host.wait_for_end(&job).await;
    assert_eq!((&detail["status"], &detail["reason"]), (&json!("Failed"), &json!("TimedOut")), "{detail:#}");
    let second = &detail["attempts"][1];
    let ran = second["endTimeMs"].as_i64().unwrap() - second["startTimeMs"].as_i64().unwrap();
    assert!((500..3500).contains(&ran), "{ran} ms: {detail:#}");
}
