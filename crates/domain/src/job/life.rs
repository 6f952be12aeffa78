//! The life of a job: one table of states and events.

use serde::{Deserialize, Serialize};

use super::{Attempt, AttemptWorker, Job, JobState, Note, Placement, Reason, Status};
use crate::{
    attempt::{Exit, Failure, Outcome, WorkerFact, exit_signal, judge},
    launch::worker_names,
    queue::WaitingReason,
    template::Millis,
};

/// Why a job was asked to end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum StopCause {
    /// A person asked.
    User {
        /// Who.
        actor: String,
    },
    /// Its running time reached its limit.
    Timeout,
}

/// Something that happens to a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The queue found that it must wait, and why.
    Waits(Vec<WaitingReason>),
    /// The queue gave it its place.
    Placed(Placement),
    /// The engine took the attempt of this number over; the text finds it again.
    Launched {
        /// The attempt.
        attempt: u32,
        /// The engine's handle.
        handle: String,
    },
    /// The engine says that this can never run.
    LaunchRefused(String),
    /// The engine sees the workers.
    Seen {
        /// When all of them ran; `None` while some are still starting.
        started: Option<Millis>,
        /// Each of them.
        workers: Vec<WorkerFact>,
    },
    /// The attempt is over.
    AttemptEnded {
        /// When all of its workers ran.
        started: Option<Millis>,
        /// When it was over.
        ended: Millis,
        /// How long it ran, by the monotonic clock.
        running_ms: i64,
        /// Each worker.
        workers: Vec<WorkerFact>,
        /// The rank that failed first.
        first_failure: Option<u32>,
        /// Whether it ended because it was asked to, before any worker had failed.
        stopped: bool,
    },
    /// The platform lost the attempt.
    AttemptLost {
        /// How.
        message: String,
        /// What was last known of its workers.
        workers: Vec<WorkerFact>,
    },
    /// Somebody or something wants it to end.
    StopRequested(StopCause),
    /// The time of its next attempt has come.
    RetryDue,
}

/// The event cannot happen in this state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a job that is {state} cannot take the event {event}")]
pub struct Illegal {
    /// The state's name.
    pub state: &'static str,
    /// The event, as text.
    pub event: String,
}

/// A job after an event, with what its history gains.
#[derive(Clone, Debug, PartialEq)]
pub struct Changed {
    /// The job as it is now.
    pub job: Job,
    /// New lines of its history, in order; none where nothing changed that people follow.
    pub notes: Vec<Note>,
}

/// How often the platform may fail one job before the job fails.
pub const PLATFORM_RETRIES: u32 = 10;
/// The longest wait before a further attempt, in milliseconds.
const LONGEST_DELAY_MS: i64 = 6 * 60 * 1000;

impl Job {
    /// What becomes of the job when `event` happens at `now`.
    pub fn on(mut self, event: Event, now: Millis) -> Result<Changed, Illegal> {
        use Event as E;
        use JobState as S;
        let state = std::mem::replace(&mut self.state, S::Failed);
        let life = Life {
            job: self,
            now,
            notes: Vec::new(),
        };
        match (state, event) {
            (S::Queued { waiting: old }, E::Waits(waiting)) => Ok(life.waits(&old, waiting)),
            (S::Queued { .. }, E::Placed(placement)) => Ok(life.placed(placement)),
            (S::Queued { .. } | S::Retrying { .. }, E::StopRequested(cause)) => {
                Ok(life.stop_at_once(cause))
            }
            (S::Retrying { .. }, E::RetryDue) => Ok(life.queue_again()),

            (state @ (S::Starting | S::Stopping { .. }), E::Launched { attempt, handle }) => {
                Ok(life.launched(state, attempt, handle))
            }
            (S::Starting, E::LaunchRefused(why)) => Ok(life.refused(why)),
            (S::Stopping { cause }, E::LaunchRefused(_)) => Ok(life.stop_at_once(cause)),
            (
                state @ (S::Starting | S::Running { .. } | S::Stopping { .. }),
                E::Seen { started, workers },
            ) => Ok(life.seen(state, started, workers)),
            (S::Starting | S::Running { .. }, E::StopRequested(cause)) => Ok(life.stopping(cause)),
            (state @ S::Stopping { .. }, E::StopRequested(_)) => Ok(life.unchanged(state)),

            (
                state @ (S::Starting | S::Running { .. } | S::Stopping { .. }),
                E::AttemptEnded {
                    started,
                    ended,
                    running_ms,
                    workers,
                    first_failure,
                    stopped,
                },
            ) => {
                let outcome = judge(&workers, first_failure);
                let mut life = life;
                if matches!(state, S::Starting) {
                    life.note_running(started);
                }
                life.close(started, ended, running_ms, workers, first_failure);
                Ok(match state {
                    S::Stopping { cause } if stopped || !matches!(outcome, Outcome::Succeeded) => {
                        life.stopped(cause)
                    }
                    _ => life.over(outcome),
                })
            }
            (S::Starting | S::Running { .. }, E::AttemptLost { message, workers }) => {
                Ok(life.lost(message, workers))
            }
            (S::Stopping { cause }, E::AttemptLost { workers, .. }) => {
                let mut life = life;
                let now = life.now;
                life.close(None, now, 0, workers, None);
                Ok(life.stopped(cause))
            }
            (state, event) => Err(Illegal {
                state: state.status().as_str(),
                event: format!("{event:?}"),
            }),
        }
    }
}

/// A job in the middle of a change: its state is taken out and each way out puts one back.
struct Life {
    job: Job,
    now: Millis,
    notes: Vec<Note>,
}

impl Life {
    fn unchanged(mut self, state: JobState) -> Changed {
        self.job.state = state;
        Changed {
            job: self.job,
            notes: self.notes,
        }
    }

    /// Puts a state in with its reason, and a line into the history.
    fn becomes(mut self, state: JobState, reason: Reason, message: String, actor: &str) -> Changed {
        let status = state.status();
        if status.has_ended() {
            self.job.ended = Some(self.now);
        }
        self.notes.push(Note {
            kind: status.as_str().to_owned(),
            reason,
            message: message.clone(),
            actor: actor.to_owned(),
        });
        self.job.state = state;
        self.job.reason = reason;
        self.job.message = message;
        Changed {
            job: self.job,
            notes: self.notes,
        }
    }

    fn waits(mut self, old: &[WaitingReason], waiting: Vec<WaitingReason>) -> Changed {
        // The place in the queue and the missing amounts change all the time; only a new kind of reason is news.
        let kinds =
            |list: &[WaitingReason]| list.iter().map(|reason| reason.code).collect::<Vec<_>>();
        let message = waiting
            .iter()
            .map(|reason| reason.message.as_str())
            .collect::<Vec<_>>()
            .join("; ");
        if kinds(old) != kinds(&waiting) {
            return self.becomes(
                JobState::Queued { waiting },
                Reason::WaitingForResources,
                message,
                SYSTEM,
            );
        }
        self.job.reason = Reason::WaitingForResources;
        self.job.message = message;
        self.unchanged(JobState::Queued { waiting })
    }

    fn placed(mut self, placement: Placement) -> Changed {
        let number = self
            .job
            .attempt
            .as_ref()
            .map_or(1, |attempt| attempt.number + 1);
        let names = worker_names(&self.job.id, self.job.spec.workers);
        let has_process = crate::launch::has_own_process;
        let worker = |(rank, pod_name): (u32, String)| AttemptWorker {
            pod_name,
            status: Status::Starting,
            own_process: has_process(self.job.spec.framework, rank),
            fact: WorkerFact {
                rank,
                pid: None,
                started_ms: None,
                ended_ms: None,
                exit: None,
                oom_killed: false,
            },
        };
        let message = format!("attempt {number} has its place and is being started");
        self.job.attempt = Some(Attempt {
            number,
            placement,
            handle: None,
            status: Status::Starting,
            reason: Reason::Placed,
            message: message.clone(),
            placed: self.now,
            started: None,
            ended: None,
            workers: (0..).zip(names).map(worker).collect(),
        });
        self.becomes(JobState::Starting, Reason::Placed, message, SYSTEM)
    }

    fn launched(mut self, state: JobState, number: u32, handle: String) -> Changed {
        if let Some(attempt) = self
            .job
            .attempt
            .as_mut()
            .filter(|attempt| attempt.number == number)
        {
            attempt.handle = Some(handle);
        }
        self.unchanged(state)
    }

    fn seen(
        mut self,
        state: JobState,
        started: Option<Millis>,
        workers: Vec<WorkerFact>,
    ) -> Changed {
        self.update_workers(workers);
        let Some(since) = started else {
            return self.unchanged(state);
        };
        self.job.started.get_or_insert(since);
        let stopping = !matches!(state, JobState::Starting);
        let message = format!("all {} worker(s) run", self.job.spec.workers);
        if let Some(attempt) = self.job.attempt.as_mut() {
            attempt.started.get_or_insert(since);
            if !stopping {
                attempt.status = Status::Running;
                attempt.reason = Reason::WorkersRunning;
                attempt.message.clone_from(&message);
            }
        }
        if stopping {
            return self.unchanged(state);
        }
        self.becomes(
            JobState::Running { since },
            Reason::WorkersRunning,
            message,
            SYSTEM,
        )
    }

    fn update_workers(&mut self, facts: Vec<WorkerFact>) {
        let Some(attempt) = self.job.attempt.as_mut() else {
            return;
        };
        let launcher = facts.iter().find(|fact| fact.rank == 0).cloned();
        for worker in &mut attempt.workers {
            let own = facts.iter().find(|fact| fact.rank == worker.fact.rank);
            let shown = if worker.own_process {
                own
            } else {
                launcher.as_ref()
            };
            let Some(shown) = shown else { continue };
            worker.status = worker_status(shown);
            if worker.own_process {
                worker.fact = shown.clone();
            } else {
                worker.fact.started_ms = shown.started_ms;
                worker.fact.ended_ms = shown.ended_ms;
            }
        }
    }

    fn stopping(mut self, cause: StopCause) -> Changed {
        let (reason, message, actor) = self.describe(&cause, "is being stopped");
        if let Some(attempt) = self.job.attempt.as_mut() {
            attempt.status = Status::Stopping;
            attempt.reason = reason;
            attempt.message.clone_from(&message);
        }
        self.becomes(JobState::Stopping { cause }, reason, message, &actor)
    }

    fn describe(&self, cause: &StopCause, verb: &str) -> (Reason, String, String) {
        match cause {
            StopCause::User { actor } => (
                Reason::StoppedByUser,
                format!("{verb} by {actor}"),
                actor.clone(),
            ),
            StopCause::Timeout => {
                let limit = self.job.spec.timeout_seconds.unwrap_or_default();
                (
                    Reason::TimedOut,
                    format!("{verb}: its running time reached {limit} s"),
                    SYSTEM.to_owned(),
                )
            }
        }
    }

    /// No process of it exists, so there is nothing to wait for.
    fn stop_at_once(mut self, cause: StopCause) -> Changed {
        let now = self.now;
        self.close(None, now, 0, Vec::new(), None);
        self.stopped(cause)
    }

    fn stopped(mut self, cause: StopCause) -> Changed {
        let (reason, message, actor) = self.describe(&cause, "was stopped");
        let state = match cause {
            StopCause::User { .. } => JobState::Stopped,
            StopCause::Timeout => JobState::Failed,
        };
        self.attempt_is(state.status(), reason, &message);
        self.becomes(state, reason, message, &actor)
    }

    fn attempt_is(&mut self, status: Status, reason: Reason, message: &str) {
        // A stop in the queue does not touch an attempt that was over before.
        if let Some(attempt) = self
            .job
            .attempt
            .as_mut()
            .filter(|attempt| !attempt.status.has_ended())
        {
            attempt.status = status;
            attempt.reason = reason;
            attempt.message = message.to_owned();
        }
    }

    /// Writes the end of the current attempt down, whatever it means for the job.
    fn close(
        &mut self,
        started: Option<Millis>,
        ended: Millis,
        running_ms: i64,
        workers: Vec<WorkerFact>,
        first_failure: Option<u32>,
    ) {
        self.update_workers(workers);
        self.job.ran_ms = self.job.ran_ms.saturating_add(running_ms.max(0));
        if let Some(since) = started {
            self.job.started.get_or_insert(since);
        }
        let Some(attempt) = self
            .job
            .attempt
            .as_mut()
            .filter(|attempt| attempt.ended.is_none())
        else {
            return;
        };
        attempt.ended = Some(ended);
        attempt.started = attempt.started.or(started);
        for worker in &mut attempt.workers {
            // Whoever had to end because another failed, or because the job was stopped, has not failed itself.
            let ended_by_us = worker
                .fact
                .exit
                .as_ref()
                .and_then(exit_signal)
                .is_some_and(|s| matches!(s, 9 | 15));
            if !worker.status.has_ended() || ended_by_us && first_failure != Some(worker.fact.rank)
            {
                worker.status = Status::Stopped;
            }
        }
    }

    /// A job that was over before anybody saw it run has run all the same, and its history says so.
    fn note_running(&mut self, started: Option<Millis>) {
        if started.is_some() {
            self.notes.push(Note {
                kind: Status::Running.as_str().to_owned(),
                reason: Reason::WorkersRunning,
                message: format!("all {} worker(s) run", self.job.spec.workers),
                actor: SYSTEM.to_owned(),
            });
        }
    }

    fn over(mut self, outcome: Outcome) -> Changed {
        match outcome {
            Outcome::Succeeded => {
                let message = format!("all {} worker(s) ended well", self.job.spec.workers);
                self.attempt_is(Status::Succeeded, Reason::Completed, &message);
                self.becomes(JobState::Succeeded, Reason::Completed, message, SYSTEM)
            }
            Outcome::CannotStart(failure) => self.failed(failure),
            Outcome::Failed(failure) => {
                let used = self.job.retries.job;
                match self
                    .job
                    .spec
                    .retry
                    .filter(|policy| used < policy.max_retries)
                {
                    Some(policy) => {
                        self.job.retries.job += 1;
                        self.retry_later(failure, used, policy.delay_seconds, policy.max_retries)
                    }
                    None => self.failed(failure),
                }
            }
        }
    }

    fn refused(mut self, why: String) -> Changed {
        let now = self.now;
        self.close(None, now, 0, Vec::new(), None);
        self.failed(Failure {
            reason: Reason::CannotStart,
            message: why,
        })
    }

    fn failed(mut self, failure: Failure) -> Changed {
        self.attempt_is(Status::Failed, failure.reason, &failure.message);
        self.becomes(JobState::Failed, failure.reason, failure.message, SYSTEM)
    }

    fn lost(mut self, message: String, workers: Vec<WorkerFact>) -> Changed {
        let now = self.now;
        let running_ms = self
            .job
            .attempt
            .as_ref()
            .and_then(|attempt| attempt.started)
            .map_or(0, |since| now - since);
        self.close(None, now, running_ms, workers, None);
        let used = self.job.retries.platform;
        match self.job.spec.retry {
            None => self.failed(Failure {
                reason: Reason::WorkerLost,
                message,
            }),
            Some(_) if used >= PLATFORM_RETRIES => {
                let message =
                    format!("{message}; the platform failed {PLATFORM_RETRIES} times before");
                self.failed(Failure {
                    reason: Reason::PlatformFault,
                    message,
                })
            }
            Some(policy) => {
                self.job.retries.platform += 1;
                let failure = Failure {
                    reason: Reason::WorkerLost,
                    message,
                };
                self.retry_later(failure, used, policy.delay_seconds, PLATFORM_RETRIES)
            }
        }
    }

    fn retry_later(
        mut self,
        failure: Failure,
        used: u32,
        delay_seconds: u32,
        most: u32,
    ) -> Changed {
        self.attempt_is(Status::Failed, failure.reason, &failure.message);
        let doubled = (i64::from(delay_seconds) * 1000)
            .checked_shl(used.min(30))
            .unwrap_or(LONGEST_DELAY_MS);
        let delay = doubled.min(LONGEST_DELAY_MS.max(i64::from(delay_seconds) * 1000));
        let message = format!(
            "{}; retry {} of {most} in {} s",
            failure.message,
            used + 1,
            delay / 1000
        );
        let until = self.now + delay;
        self.becomes(
            JobState::Retrying { until },
            failure.reason,
            message,
            SYSTEM,
        )
    }

    fn queue_again(self) -> Changed {
        let message = "waits for its next attempt's place".to_owned();
        self.becomes(
            JobState::Queued {
                waiting: Vec::new(),
            },
            Reason::RetryDue,
            message,
            SYSTEM,
        )
    }
}

fn worker_status(fact: &WorkerFact) -> Status {
    match &fact.exit {
        None if fact.started_ms.is_some() => Status::Running,
        None => Status::Starting,
        Some(Exit::Code(0)) => Status::Succeeded,
        Some(_) => Status::Failed,
    }
}

/// Who caused what nobody asked for.
pub const SYSTEM: &str = "system";
