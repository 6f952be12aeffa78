//! The state machine of a job: one table of states and transitions.
//!
//! `ending` decides how a job ends, and whether it is retried.

use super::{
    Attempt, AttemptWorker, Changed, Illegal, Job, JobState, Note, Placement, Status, StopCause, Transition,
    ending::End,
};
use crate::{
    attempt::{Exit, WorkerFact},
    reason::{Reason, WaitCode, WaitingReason},
    time::WallTime,
    workers::{has_own_process, worker_names},
};

impl Job {
    /// The job after `event` at time `now`.
    ///
    /// # Errors
    /// [`Illegal`] if the state does not accept this transition.
    pub fn on(mut self, event: Transition, now: WallTime) -> Result<Changed, Illegal> {
        use JobState as S;
        use Transition as E;
        let state = std::mem::replace(&mut self.state, S::Failed);
        let life = Life { job: self, now, end: now, notes: Vec::new() };
        match (state, event) {
            (S::Queued { waiting: old }, E::Waiting(waiting)) => Ok(life.waiting(&old, waiting)),
            (S::Queued { .. }, E::Placed(placement)) => Ok(life.placed(placement)),
            (S::Queued { .. }, E::HandedOver) => Ok(life.handed_over()),
            (state @ (S::Pending { .. } | S::Starting), E::WaitingInEngine { waiting, expected_start }) => {
                Ok(life.waiting_in_engine(&state, waiting, expected_start))
            }
            (state @ S::Stopping { .. }, E::WaitingInEngine { .. }) => Ok(life.unchanged(state)),
            (S::Queued { .. } | S::Retrying { .. }, E::StopRequested(cause)) => Ok(life.stop_at_once(cause)),
            (S::Retrying { .. }, E::RetryDue) => Ok(life.queue_again()),
            (
                S::Queued { .. } | S::Pending { .. } | S::Starting | S::Running { .. } | S::Retrying { .. },
                E::OutcomeUnknown(why),
            ) => Ok(life.outcome_unknown(why)),
            (S::Stopped | S::Succeeded | S::Failed, E::RestartRequested { actor }) => Ok(life.restarted(&actor)),
            (
                state @ (S::Queued { .. } | S::Pending { .. } | S::Starting | S::Running { .. } | S::Retrying { .. }),
                E::TimeoutSet { seconds, actor },
            ) => Ok(life.timeout_set(state, seconds, actor)),

            (state @ (S::Pending { .. } | S::Starting | S::Stopping { .. }), E::Launched { attempt, handle }) => {
                Ok(life.launched(state, attempt, handle))
            }
            (S::Pending { .. } | S::Starting, E::LaunchRefused(why)) => Ok(life.refused(why)),
            (S::Stopping { cause }, E::LaunchRefused(_)) => Ok(life.stop_at_once(cause)),
            (
                state @ (S::Pending { .. } | S::Starting | S::Running { .. } | S::Stopping { .. }),
                E::Seen { started, workers },
            ) => Ok(life.seen(state, started, workers)),
            (S::Pending { .. } | S::Starting | S::Running { .. }, E::StopRequested(cause)) => Ok(life.stopping(cause)),
            (state @ S::Stopping { .. }, E::StopRequested(_)) => Ok(life.unchanged(state)),

            (
                state @ (S::Pending { .. } | S::Starting | S::Running { .. } | S::Stopping { .. }),
                E::AttemptEnded { started, ended, running, workers, first_failure, stopped },
            ) => {
                let end = End { started, ended, running, workers };
                Ok(life.attempt_ended(state, end, first_failure, stopped))
            }
            (
                S::Pending { .. } | S::Starting | S::Running { .. },
                E::AttemptLost { message, running, workers, budget },
            ) => Ok(life.lost(message, running, workers, budget)),
            (S::Stopping { cause }, E::AttemptLost { running, workers, .. }) => {
                Ok(life.lost_while_stopping(cause, running, workers))
            }
            (state, event) => Err(Illegal::new(&state, &event)),
        }
    }
}

/// A job during a transition: its state is taken out, and every method that returns [`Changed`] puts one back.
pub(super) struct Life {
    pub(super) job: Job,
    pub(super) now: WallTime,
    /// When the job ends, if this transition ends it. An attempt may have ended before `now`, when the engine reported it.
    pub(super) end: WallTime,
    pub(super) notes: Vec<Note>,
}

impl Life {
    pub(super) fn unchanged(mut self, state: JobState) -> Changed {
        self.job.state = state;
        Changed { job: self.job, notes: self.notes }
    }

    /// Sets the state with its reason, and adds a line to the history.
    pub(super) fn becomes(mut self, state: JobState, reason: Reason, message: String, actor: &str) -> Changed {
        let status = state.status();
        if status.has_ended() {
            self.job.ended = Some(self.end);
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
        Changed { job: self.job, notes: self.notes }
    }

    fn waiting(mut self, old: &[WaitingReason], waiting: Vec<WaitingReason>) -> Changed {
        // Position and amounts change often; only another kind of reason is worth a line in the history.
        let recorded: Vec<_> = old.iter().map(|reason| reason.code).collect();
        let message = WaitingReason::all_of(&waiting);
        if WaitCode::differ(&recorded, waiting.iter().map(|reason| reason.code)) {
            return self.becomes(JobState::Queued { waiting }, Reason::WaitingForResources, message, SYSTEM);
        }
        self.job.reason = Reason::WaitingForResources;
        self.job.message = message;
        self.unchanged(JobState::Queued { waiting })
    }

    fn placed(mut self, placement: Placement) -> Changed {
        let number = self.next_attempt();
        let message = format!("attempt {number}: resources allocated, starting");
        self.add_attempt(placement, Status::Starting, Reason::Placed, &message);
        self.becomes(JobState::Starting, Reason::Placed, message, SYSTEM)
    }

    /// Adds an attempt for which the engine chooses the hosts.
    fn handed_over(mut self) -> Changed {
        let number = self.next_attempt();
        let message = format!("attempt {number}: handed over to the queue of the engine");
        self.add_attempt(Placement::default(), Status::Pending, Reason::WaitingForResources, &message);
        let waiting = vec![WaitingReason::new(WaitCode::EngineQueue, message.clone())];
        let state = JobState::Pending { waiting, expected_start: None };
        self.becomes(state, Reason::WaitingForResources, message, SYSTEM)
    }

    fn waiting_in_engine(
        mut self,
        before: &JobState,
        waiting: Vec<WaitingReason>,
        expected_start: Option<WallTime>,
    ) -> Changed {
        let message = WaitingReason::all_of(&waiting);
        self.attempt_is(Status::Pending, Reason::WaitingForResources, &message);
        let state = JobState::Pending { waiting, expected_start };
        // The engine's reasons change all the time; only the return into its queue is worth a line in the history.
        if !matches!(before, JobState::Pending { .. }) {
            return self.becomes(state, Reason::WaitingForResources, message, SYSTEM);
        }
        self.job.reason = Reason::WaitingForResources;
        self.job.message = message;
        self.unchanged(state)
    }

    fn next_attempt(&self) -> u32 {
        self.job.attempt.as_ref().map_or(1, |attempt| attempt.number + 1)
    }

    fn add_attempt(&mut self, placement: Placement, status: Status, reason: Reason, message: &str) {
        let names = worker_names(&self.job.id, self.job.spec.workers);
        let worker = |(rank, pod_name): (u32, String)| AttemptWorker {
            pod_name,
            status: Status::Starting,
            own_process: has_own_process(self.job.spec.framework, rank),
            fact: WorkerFact::unknown(rank),
        };
        self.job.attempt = Some(Attempt {
            number: self.next_attempt(),
            placement,
            handle: None,
            status,
            reason,
            message: message.to_owned(),
            placed: self.now,
            started: None,
            ended: None,
            workers: (0..).zip(names).map(worker).collect(),
        });
    }

    fn launched(mut self, state: JobState, number: u32, handle: String) -> Changed {
        if let Some(attempt) = self.job.attempt.as_mut().filter(|attempt| attempt.number == number) {
            attempt.handle = Some(handle);
        }
        self.unchanged(state)
    }

    fn seen(mut self, state: JobState, started: Option<WallTime>, workers: Vec<WorkerFact>) -> Changed {
        self.update_workers(workers);
        let is_new = matches!(state, JobState::Pending { .. } | JobState::Starting);
        let Some(since) = started else {
            if !matches!(state, JobState::Pending { .. }) {
                return self.unchanged(state);
            }
            let number = self.job.attempt.as_ref().map_or(1, |attempt| attempt.number);
            let message = format!("attempt {number}: resources allocated, starting");
            self.attempt_is(Status::Starting, Reason::Placed, &message);
            return self.becomes(JobState::Starting, Reason::Placed, message, SYSTEM);
        };
        self.job.started.get_or_insert(since);
        let message = format!("all workers are running ({})", self.job.spec.workers);
        if let Some(attempt) = self.job.attempt.as_mut() {
            attempt.started.get_or_insert(since);
        }
        if !is_new {
            return self.unchanged(state);
        }
        self.attempt_is(Status::Running, Reason::WorkersRunning, &message);
        self.becomes(JobState::Running { since }, Reason::WorkersRunning, message, SYSTEM)
    }

    pub(super) fn update_workers(&mut self, facts: Vec<WorkerFact>) {
        let Some(attempt) = self.job.attempt.as_mut() else {
            return;
        };
        let launcher = facts.iter().find(|fact| fact.rank == 0).cloned();
        for worker in &mut attempt.workers {
            let own = facts.iter().find(|fact| fact.rank == worker.fact.rank);
            let shown = if worker.own_process { own } else { launcher.as_ref() };
            let Some(shown) = shown else { continue };
            worker.status = worker_status(shown);
            if worker.own_process {
                worker.fact = shown.clone();
            } else {
                worker.fact.started_ms = shown.started_ms;
                worker.fact.ended_ms = shown.ended_ms;
                // The launcher starts its ranks on the hosts that the engine names.
                let host = own.and_then(|own| own.host.clone());
                worker.fact.host = host.or_else(|| shown.host.clone());
            }
        }
    }

    fn stopping(mut self, cause: StopCause) -> Changed {
        let (reason, message, actor) = self.describe(&cause, "being stopped");
        if let Some(attempt) = self.job.attempt.as_mut() {
            attempt.status = Status::Stopping;
            attempt.reason = reason;
            attempt.message.clone_from(&message);
        }
        self.becomes(JobState::Stopping { cause }, reason, message, &actor)
    }

    /// The reason, the message and the actor of a stop. `verb` is `stopped` or `being stopped`.
    pub(super) fn describe(&self, cause: &StopCause, verb: &str) -> (Reason, String, String) {
        match cause {
            StopCause::User { actor } => (Reason::StoppedByUser, format!("{verb} by {actor}"), actor.clone()),
            StopCause::Timeout => (Reason::TimedOut, format!("{verb}: {}", self.limit_reached()), SYSTEM.to_owned()),
        }
    }

    pub(super) fn limit_reached(&self) -> String {
        let limit = self.job.spec.time_limit().unwrap_or_default();
        format!("the running time reached the time limit of {limit}")
    }

    /// Adds the line `Running` to the history of a job whose attempt ended before the engine reported it as running.
    pub(super) fn note_running(&mut self, started: Option<WallTime>) {
        if started.is_some() {
            self.notes.push(Note {
                kind: Status::Running.as_str().to_owned(),
                reason: Reason::WorkersRunning,
                message: format!("all workers are running ({})", self.job.spec.workers),
                actor: SYSTEM.to_owned(),
            });
        }
    }

    fn queue_again(self) -> Changed {
        let message = "retry delay over; waiting for resources".to_owned();
        self.becomes(JobState::Queued { waiting: Vec::new() }, Reason::RetryDue, message, SYSTEM)
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

/// The actor of transitions that no user requested.
pub const SYSTEM: &str = "system";
