//! Live jobs whose rows cannot be read: the engine still observes their attempts, and their states stay as they are.
//!
//! An observation is more than a question. The local engine wakes a stopped shim and kills what a dead one has left, and a stop
//! that was requested before the row was damaged is repeated until the attempt has ended.

use trainyard_domain::job_spec::DEFAULT_STOP_GRACE_SECONDS;
use trainyard_engine::{EngineError, Handle, Observed};
use trainyard_store::UnreadableJob;

use super::{Centre, Runner};

impl Runner {
    /// Observes attempts by their handles alone.
    pub(super) async fn observe_unreadable(&mut self, jobs: &[UnreadableJob]) {
        self.named.retain(|id| jobs.iter().any(|job| job.id == *id));
        let Some(Centre { engine, reach }) = self.centre().filter(|_| !jobs.is_empty()) else { return };
        let handles: Vec<Handle> = jobs.iter().map(|job| Handle(job.handle.clone())).collect();
        let mut ended = Vec::new();
        for ((job, handle), observed) in jobs.iter().zip(&handles).zip(engine.observe(&handles).await) {
            match observed {
                Ok(Observed::Running { .. } | Observed::Waiting { .. }) if job.is_stopping => {
                    let grace = job.stop_grace_seconds.unwrap_or(DEFAULT_STOP_GRACE_SECONDS);
                    if let Err(error) = engine.stop(handle, grace).await {
                        tracing::warn!(job = %job.id, "the engine could not stop it; the next pass tries again: {error}");
                    }
                }
                Ok(Observed::Ended { .. } | Observed::Lost { .. }) => ended.push(job.id.clone()),
                Ok(_) => {}
                Err(EngineError::Unreachable(why)) => {
                    reach.note::<()>(&Err(EngineError::Unreachable(why)), self.app.clock.now());
                }
                Err(error) => tracing::warn!(job = %job.id, "the engine could not observe it: {error}"),
            }
        }
        for id in ended {
            if !self.named.contains(&id) {
                let message = "its attempt has ended, but its row cannot be read: it keeps its state and its resources until \
                               the row is corrected";
                tracing::warn!(job = %id, "{message}");
                self.named.insert(id);
            }
        }
    }
}
