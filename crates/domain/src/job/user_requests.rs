//! What a person may wish of a job beside its end: that it runs once more, and another limit of its running time.

use serde_json::Value;

use super::{Changed, JobState, Note, RetryCounts, life::Life};
use crate::{reason::Reason, time::Span};

impl Life {
    /// The job is as new, but for what it has left behind: its attempts go on being counted, its checkpoints stay.
    ///
    /// The running time begins anew, as the retries do: a job that had reached its limit would else be stopped at once.
    pub(super) fn restarted(mut self, actor: &str) -> Changed {
        self.job.retries = RetryCounts::default();
        self.job.ran = Span::ZERO;
        self.job.ended = None;
        self.job.queued = self.now;
        let message = format!("was restarted by {actor} and waits for the scheduler");
        self.becomes(JobState::Queued { waiting: Vec::new() }, Reason::Restarted, message, actor)
    }

    /// The job's own copy of its spec gets the limit, so whoever shows or saves it finds one limit and not two.
    pub(super) fn timeout_set(mut self, state: JobState, seconds: Option<u64>, actor: String) -> Changed {
        let before = self.job.spec.timeout_seconds;
        if before == seconds {
            return self.unchanged(state);
        }
        self.job.spec.timeout_seconds = seconds;
        let fields = [
            ("enableTimeoutCancel", Some(Value::Bool(seconds.is_some()))),
            ("timeoutSeconds", seconds.map(Value::from)),
            ("timeoutHours", None),
        ];
        for (name, value) in fields {
            match value {
                Some(value) => {
                    self.job.document.insert(name.to_owned(), value);
                    self.job.provenance.insert(name.to_owned(), format!("set by {actor}"));
                }
                None => {
                    self.job.document.remove(name);
                    self.job.provenance.remove(name);
                }
            }
        }
        let shown = |limit: Option<u64>| limit.map_or_else(|| "none".to_owned(), |seconds| format!("{seconds} s"));
        self.notes.push(Note {
            kind: Reason::TimeoutChanged.as_str().to_owned(),
            reason: Reason::TimeoutChanged,
            message: format!("the limit of its running time is {} now and was {}", shown(seconds), shown(before)),
            actor,
        });
        self.unchanged(state)
    }
}
