//! The end of an attempt: what follows for the job, and whether it is retried.

use super::{Attempt, Changed, Job, JobState, SYSTEM, Status, StopCause, life::Life};
use crate::{
    attempt::{Failure, Outcome, WorkerFact, exit_signal, first_failed, judge},
    reason::Reason,
    time::{Span, WallTime},
};

/// How many faults of the platform are retried before the job fails, unless the configuration sets another number.
pub const DEFAULT_PLATFORM_RETRIES: u32 = 10;
/// The longest automatic delay before a retry.
const LONGEST_DELAY: Span = Span::from_seconds(6 * 60);

/// The delay of rows that were stored without one.
pub(super) fn longest_delay() -> Span {
    LONGEST_DELAY
}

/// The end of an attempt, as the engine reports it.
pub(super) struct End {
    pub(super) started: Option<WallTime>,
    pub(super) ended: WallTime,
    pub(super) running: Span,
    pub(super) workers: Vec<WorkerFact>,
}

impl Life {
    pub(super) fn attempt_ended(
        mut self,
        state: JobState,
        end: End,
        first_failure: Option<u32>,
        stopped: bool,
    ) -> Changed {
        let facts = own_facts(&self.job, &end.workers);
        let outcome = judge(&facts, first_failure);
        let culprit = first_failed(&facts, first_failure).map(|fact| fact.rank);
        if matches!(state, JobState::Pending { .. } | JobState::Starting) {
            self.note_running(end.started);
        }
        self.end = end.ended;
        self.close(end, culprit.filter(|_| !stopped));
        match state {
            JobState::Stopping { cause } if stopped || !matches!(outcome, Outcome::Succeeded) => self.stopped(cause),
            _ if stopped && !matches!(outcome, Outcome::Succeeded) => self.stopped_by_unknown_user(),
            _ => self.over(outcome),
        }
    }

    /// The engine says that the attempt was stopped, but no row has the request: the database was restored from before it.
    /// A job that a user has stopped is not retried.
    fn stopped_by_unknown_user(mut self) -> Changed {
        if self.is_out_of_time() {
            return self.stopped(StopCause::Timeout);
        }
        let message = "stopped; the user is unknown, because the database was restored from before the stop".to_owned();
        self.attempt_is(Status::Stopped, Reason::StoppedByUser, &message);
        self.becomes(JobState::Stopped, Reason::StoppedByUser, message, SYSTEM)
    }

    /// Stops a job that has no live process, at once.
    pub(super) fn stop_at_once(mut self, cause: StopCause) -> Changed {
        if self.job.attempt.as_ref().is_some_and(|attempt| attempt.ended.is_none()) {
            self.close_now(Span::ZERO, Vec::new());
        }
        self.stopped(cause)
    }

    fn stopped(mut self, cause: StopCause) -> Changed {
        let (reason, message, actor) = self.describe(&cause, "stopped");
        let state = match cause {
            StopCause::User { .. } => JobState::Stopped,
            StopCause::Timeout => JobState::Failed,
        };
        self.attempt_is(state.status(), reason, &message);
        self.becomes(state, reason, message, &actor)
    }

    pub(super) fn attempt_is(&mut self, status: Status, reason: Reason, message: &str) {
        // A stop in the queue leaves an attempt that has ended as it is.
        if let Some(attempt) = self.job.attempt.as_mut().filter(|attempt| !attempt.status.has_ended()) {
            attempt.status = status;
            attempt.reason = reason;
            attempt.message = message.to_owned();
        }
    }

    /// Records the end of the current attempt, whatever follows for the job. `culprit` is the rank whose failure ended it.
    fn close(&mut self, end: End, culprit: Option<u32>) {
        self.update_workers(end.workers);
        self.job.ran += end.running.or_zero();
        if let Some(since) = end.started {
            self.job.started.get_or_insert(since);
        }
        let open = |attempt: &&mut Attempt| attempt.ended.is_none();
        let Some(attempt) = self.job.attempt.as_mut().filter(open) else {
            return;
        };
        attempt.ended = Some(end.ended);
        attempt.started = attempt.started.or(end.started);
        for worker in &mut attempt.workers {
            // A worker that ended because another one failed, or because the job was stopped, has not failed itself.
            let signal = worker.fact.exit.as_ref().and_then(exit_signal);
            let ended_by_us = matches!(signal, Some(9 | 15)) && culprit != Some(worker.fact.rank);
            if !worker.status.has_ended() || ended_by_us {
                worker.status = Status::Stopped;
            }
        }
        // Ranks without a process of their own show the status of their launcher.
        let launcher = attempt.workers.first().map(|worker| worker.status);
        for worker in attempt.workers.iter_mut().filter(|worker| !worker.own_process) {
            worker.status = launcher.unwrap_or(worker.status);
        }
    }

    /// Records the end of an attempt when only its running time and its workers are known.
    fn close_now(&mut self, running: Span, workers: Vec<WorkerFact>) {
        self.close(End { started: None, ended: self.now, running, workers }, None);
    }

    fn over(mut self, outcome: Outcome) -> Changed {
        match outcome {
            Outcome::Succeeded => {
                let message = format!("all workers succeeded ({})", self.job.spec.workers);
                self.attempt_is(Status::Succeeded, Reason::Completed, &message);
                self.becomes(JobState::Succeeded, Reason::Completed, message, SYSTEM)
            }
            Outcome::CannotStart(failure) => self.failed(failure),
            Outcome::Failed(failure) => {
                let used = self.job.retries.job;
                match self.job.spec.retry.filter(|policy| used < policy.max_retries) {
                    Some(_) if self.is_out_of_time() => self.out_of_time(failure),
                    Some(policy) => {
                        self.job.retries.job += 1;
                        self.retry_later(failure, used, policy.delay_seconds, policy.max_retries)
                    }
                    None => self.failed(failure),
                }
            }
        }
    }

    pub(super) fn refused(mut self, why: String) -> Changed {
        self.close_now(Span::ZERO, Vec::new());
        self.failed(Failure { reason: Reason::CannotStart, message: why })
    }

    fn failed(mut self, failure: Failure) -> Changed {
        self.attempt_is(Status::Failed, failure.reason, &failure.message);
        self.becomes(JobState::Failed, failure.reason, failure.message, SYSTEM)
    }

    /// `budget`: how many faults of the platform are retried.
    pub(super) fn lost(mut self, message: String, running: Span, workers: Vec<WorkerFact>, budget: u32) -> Changed {
        self.close_now(running, workers);
        let used = self.job.retries.platform;
        match self.job.spec.retry {
            None => self.failed(Failure { reason: Reason::WorkerLost, message }),
            Some(_) if used >= budget => {
                let message = format!("{message}; not retried, because the platform failed {used} times before");
                self.failed(Failure { reason: Reason::PlatformFault, message })
            }
            Some(_) if self.is_out_of_time() => self.out_of_time(Failure { reason: Reason::WorkerLost, message }),
            Some(policy) => {
                self.job.retries.platform += 1;
                let failure = Failure { reason: Reason::WorkerLost, message };
                self.retry_later(failure, used, policy.delay_seconds, budget)
            }
        }
    }

    /// Fails a job whose attempt may have run: only an attempt that is known to have ended may be retried.
    pub(super) fn outcome_unknown(mut self, why: String) -> Changed {
        if self.job.attempt.as_ref().is_some_and(|attempt| attempt.ended.is_none()) {
            self.close_now(Span::ZERO, Vec::new());
        }
        self.failed(Failure { reason: Reason::WorkerLost, message: why })
    }

    pub(super) fn lost_while_stopping(mut self, cause: StopCause, running: Span, workers: Vec<WorkerFact>) -> Changed {
        self.close_now(running, workers);
        self.stopped(cause)
    }

    fn is_out_of_time(&self) -> bool {
        self.job.spec.is_over_time(self.job.ran)
    }

    /// Fails a job whose time limit leaves no running time for a retry.
    fn out_of_time(mut self, failure: Failure) -> Changed {
        self.attempt_is(Status::Failed, failure.reason, &failure.message);
        let message = format!("{}; not retried, because {}", failure.message, self.limit_reached());
        self.becomes(JobState::Failed, Reason::TimedOut, message, SYSTEM)
    }

    fn retry_later(mut self, failure: Failure, used: u32, delay_seconds: u32, most: u32) -> Changed {
        self.attempt_is(Status::Failed, failure.reason, &failure.message);
        let first = Span::from_seconds(i64::from(delay_seconds));
        let delay = (first * (1 << used.min(30))).min(LONGEST_DELAY.max(first));
        let message = format!("{}; retry {} of {most} in {delay}", failure.message, used + 1);
        let until = self.now + delay;
        self.becomes(JobState::Retrying { until, delay_ms: delay }, failure.reason, message, SYSTEM)
    }
}

/// The facts of the workers with a process of their own. A worker that the engine does not report keeps its recorded fact,
/// which has no exit.
fn own_facts(job: &Job, facts: &[WorkerFact]) -> Vec<WorkerFact> {
    let workers = job.attempt.iter().flat_map(|attempt| &attempt.workers);
    workers
        .filter(|worker| worker.own_process)
        .map(|worker| {
            let fact = facts.iter().find(|fact| fact.rank == worker.fact.rank);
            fact.unwrap_or(&worker.fact).clone()
        })
        .collect()
}
