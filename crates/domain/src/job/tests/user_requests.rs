//! Restarts and changed time limits.

use serde_json::{Value, json};

use super::*;

fn restart() -> Transition {
    Transition::RestartRequested { actor: "bob".to_owned() }
}

fn timeout(seconds: Option<u64>) -> Transition {
    Transition::TimeoutSet { seconds, actor: "bob".to_owned() }
}

#[test]
fn a_restart_resets_retries_and_running_time_and_keeps_the_attempts() {
    let limited = || JobSpec { timeout_seconds: Some(60), ..retried(1) };
    let twice = [Transition::RetryDue, placed(), seen_running()]
        .into_iter()
        .fold(retrying(limited()), |job, event| on(job, event).job);
    let failed = on(twice, ended(Exit::Code(1), Exit::Code(0))).job;
    assert_eq!((failed.status(), failed.retries.job, failed.ran), (Status::Failed, 1, span(80_000)));
    let restarted = on(failed.clone(), restart());
    let expected = (Status::Queued, Reason::Restarted, "restarted by bob; waiting for the scheduler");
    assert_eq!(seen(&restarted.job), expected);
    assert_eq!((kinds(&restarted), restarted.notes[0].actor.as_str()), (vec!["Queued"], "bob"));
    let job = restarted.job;
    assert_eq!((job.retries, job.ran, job.ended), (RetryCounts::default(), Span::ZERO, None));
    assert_eq!((job.started, &job.attempt), (failed.started, &failed.attempt));
    let job = on(job, placed()).job;
    assert_eq!((attempt(&job).number, attempt(&job).ended), (3, None));
    let job = on(on(job, seen_running()).job, ended(Exit::Code(1), Exit::Code(0))).job;
    assert_eq!((job.status(), job.retries.job, job.ran), (Status::Retrying, 1, span(40_000)));
}

#[test]
fn another_time_limit_changes_the_jobs_spec_and_is_a_line_of_its_history() {
    let hours = json!({"enableTimeoutCancel": true, "timeoutHours": 1, "timeoutSeconds": 60});
    let mut job = running(JobSpec { timeout_seconds: Some(60), ..spec(2) });
    job.document = hours.as_object().unwrap().clone();
    job.provenance = [("timeoutHours".to_owned(), "request".to_owned())].into();
    let limit = |job: &Job| (job.spec.timeout_seconds, Value::Object(job.document.clone()));
    let changed = on(job, timeout(Some(90)));
    assert_eq!(limit(&changed.job), (Some(90), json!({"enableTimeoutCancel": true, "timeoutSeconds": 90})));
    assert_eq!(changed.job.provenance.get("timeoutSeconds").unwrap(), "set by bob");
    assert_eq!(changed.job.provenance.get("timeoutHours"), None);
    assert_eq!(seen(&changed.job), (Status::Running, Reason::WorkersRunning, "all workers are running (2)"));
    let [note] = &changed.notes[..] else { panic!("{:?}", changed.notes) };
    assert_eq!(
        (note.kind.as_str(), note.reason, note.actor.as_str()),
        ("TimeoutChanged", Reason::TimeoutChanged, "bob")
    );
    assert_eq!(note.message, "time limit changed from 1m to 1m30s");
    let same = on(changed.job.clone(), timeout(Some(90)));
    assert_eq!((same.notes.len(), &same.job), (0, &changed.job));
    let free = on(same.job, timeout(None));
    assert_eq!(limit(&free.job), (None, json!({"enableTimeoutCancel": false})));
    assert_eq!(free.notes[0].message, "time limit changed from 1m30s to none");
    let limited = on(free.job, timeout(Some(7)));
    assert_eq!(limited.notes[0].message, "time limit changed from none to 7s");
}
