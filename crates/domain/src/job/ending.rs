//! How an attempt ends, what that makes of its job, and whether it is tried again.

use super::{Attempt, Changed, Job, JobState, SYSTEM, Status, StopCause, life::Life};
use crate::{
    attempt::{Failure, Outcome, WorkerFact, exit_signal, first_failed, judge},
    reason::Reason,
    time::{Span, WallTime},
};

/// How often the platform may fail one job before the job fails, unless the configuration says otherwise.
pub const DEFAULT_PLATFORM_RETRIES: u32 = 10;
/// The longest wait before a further attempt.
const LONGEST_DELAY: Span = Span::from_seconds(6 * 60);

/// The delay of those of which none is written down.
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
            _ if stopped && !matches!(outcome, Outcome::Succeeded) => self.stopped_by_nobody_known(),
            _ => self.over(outcome),
        }
    }

    /// The wish is in no row: the database was put back from before it. What a person has stopped is not tried again.
    fn stopped_by_nobody_known(mut self) -> Changed {
        if self.is_out_of_time() {
            return self.stopped(StopCause::Timeout);
        }
        let message = "was stopped; by whom is not known here, since the database is from before that".to_owned();
        self.attempt_is(Status::Stopped, Reason::StoppedByUser, &message);
        self.becomes(JobState::Stopped, Reason::StoppedByUser, message, SYSTEM)
    }

    /// No process of it exists, so there is nothing to wait for.
    pub(super) fn stop_at_once(mut self, cause: StopCause) -> Changed {
        if self.job.attempt.as_ref().is_some_and(|attempt| attempt.ended.is_none()) {
            self.close_now(Span::ZERO, Vec::new());
        }
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

    pub(super) fn attempt_is(&mut self, status: Status, reason: Reason, message: &str) {
        // A stop in the queue does not touch an attempt that was over before.
        if let Some(attempt) = self.job.attempt.as_mut().filter(|attempt| !attempt.status.has_ended()) {
            attempt.status = status;
            attempt.reason = reason;
            attempt.message = message.to_owned();
        }
    }

    /// Writes the end of the current attempt down, whatever it means for the job.
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
            // Whoever had to end because another failed, or because the job was stopped, has not failed itself.
            let signal = worker.fact.exit.as_ref().and_then(exit_signal);
            let ended_by_us = matches!(signal, Some(9 | 15)) && culprit != Some(worker.fact.rank);
            if !worker.status.has_ended() || ended_by_us {
                worker.status = Status::Stopped;
            }
        }
        // Ranks without a process of their own show what became of their launcher.
        let launcher = attempt.workers.first().map(|worker| worker.status);
        for worker in attempt.workers.iter_mut().filter(|worker| !worker.own_process) {
            worker.status = launcher.unwrap_or(worker.status);
        }
    }

    /// Writes down that the attempt is over of which no more is known than this.
    fn close_now(&mut self, running: Span, workers: Vec<WorkerFact>) {
        self.close(End { started: None, ended: self.now, running, workers }, None);
    }

    fn over(mut self, outcome: Outcome) -> Changed {
        match outcome {
            Outcome::Succeeded => {
                let message = format!("all workers ended well ({})", self.job.spec.workers);
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

    /// `budget` is how often the platform may fail one job.
    pub(super) fn lost(mut self, message: String, running: Span, workers: Vec<WorkerFact>, budget: u32) -> Changed {
        self.close_now(running, workers);
        let used = self.job.retries.platform;
        match self.job.spec.retry {
            None => self.failed(Failure { reason: Reason::WorkerLost, message }),
            Some(_) if used >= budget => {
                let message = format!("{message}; the platform failed {used} times before");
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

    /// It may have run, so it is not run, whatever was asked for: a retry is for an attempt that is known to be over.
    pub(super) fn unaccounted(mut self, why: String) -> Changed {
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

    /// A further attempt would have to be stopped as soon as it ran.
    fn out_of_time(mut self, failure: Failure) -> Changed {
        self.attempt_is(Status::Failed, failure.reason, &failure.message);
        let limit = self.job.spec.timeout_seconds.unwrap_or_default();
        let message = format!("{}; its running time reached {limit} s, so it is not tried again", failure.message);
        self.becomes(JobState::Failed, Reason::TimedOut, message, SYSTEM)
    }

    fn retry_later(mut self, failure: Failure, used: u32, delay_seconds: u32, most: u32) -> Changed {
        self.attempt_is(Status::Failed, failure.reason, &failure.message);
        let first = Span::from_seconds(i64::from(delay_seconds));
        let delay = (first * (1 << used.min(30))).min(LONGEST_DELAY.max(first));
        let message = format!("{}; retry {} of {most} in {} s", failure.message, used + 1, delay.as_seconds());
        let until = self.now + delay;
        self.becomes(JobState::Retrying { until, delay_ms: delay }, failure.reason, message, SYSTEM)
    }
}

/// What is known of every worker that has a process of its own; one of which nothing is known left no exit.
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
