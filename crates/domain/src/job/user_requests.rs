//! Requests of users beside a stop: a restart of an ended job, and another time limit.

use serde_json::Value;

use super::{Changed, JobState, Note, RetryCounts, life::Life};
use crate::{reason::Reason, time::Span};

impl Life {
    /// Queues an ended job again. Attempts are numbered on, and checkpoints stay.
    ///
    /// Running time and retries start from 0; otherwise a job that had reached its time limit would be stopped at once.
    pub(super) fn restarted(mut self, actor: &str) -> Changed {
        self.job.retries = RetryCounts::default();
        self.job.ran = Span::ZERO;
        self.job.ended = None;
        self.job.queued = self.now;
        let message = format!("restarted by {actor}; waiting for the scheduler");
        self.becomes(JobState::Queued { waiting: Vec::new() }, Reason::Restarted, message, actor)
    }

    /// Sets the time limit in the job's copy of the spec, so that every reader of the job finds one limit.
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
        let shown = |limit: Option<u64>| {
            limit.map_or_else(|| "none".to_owned(), |seconds| Span::from_whole_seconds(seconds).to_string())
        };
        self.notes.push(Note {
            kind: Reason::TimeoutChanged.as_str().to_owned(),
            reason: Reason::TimeoutChanged,
            message: format!("time limit changed from {} to {}", shown(before), shown(seconds)),
            actor,
        });
        self.unchanged(state)
    }
}
