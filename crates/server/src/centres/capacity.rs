//! What a centre knows of its resources: asked when the server starts, and again by a pass of the runner where the engine could
//! not be reached then.

use std::sync::{Arc, PoisonError};

use trainyard_domain::{capacity::Capacity, job_spec::Centre};
use trainyard_engine::{EngineError, LocalHost, Placing, Resources};

use super::{Allocations, RunningCentre};
use crate::{
    clock::Clock,
    config::CentreConfig,
    gpus::{Gpus, Numbered, number},
};

/// What a centre knows of itself.
pub(super) struct CentreFacts {
    /// Without the storages that were added through the API.
    view: Arc<Centre>,
    /// What the engine has said; `None` before its first answer.
    resources: Option<Resources>,
}

impl CentreFacts {
    /// What the configuration alone says.
    pub(super) fn before_an_answer(view: Centre) -> Self {
        Self { view: Arc::new(view), resources: None }
    }
}

impl RunningCentre {
    /// What a spec must know of the centre, without the storages that were added through the API.
    pub fn view(&self) -> Arc<Centre> {
        Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner).view)
    }

    /// Whether the engine has said what it can allocate, be it that it cannot say.
    pub(crate) fn has_said_capacity(&self) -> bool {
        self.known.read().unwrap_or_else(PoisonError::into_inner).resources.is_some()
    }

    /// Whether the capacity is known, from the engine or from the configuration.
    pub fn knows_capacity(&self) -> bool {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let is_unknown = matches!(known.resources, None | Some(Resources::Unknown));
        !is_unknown || self.config.capacity.cpu_cores.is_some()
    }

    /// What the capacity and the free amounts leave out, as sentences for users.
    pub(crate) fn notes_on_amounts(&self, live: &Allocations) -> Vec<String> {
        let unknown = "what the engine can allocate is not known, so `capacity` and `free` are 0";
        let placed =
            "the engine places jobs itself: `free` leaves out what jobs of this server hold, but not what others hold";
        let note = match self.engine.placing() {
            _ if !self.knows_capacity() => Some(unknown),
            Placing::Engine => Some(placed),
            Placing::Server => None,
        };
        // Every user may read the notes, so they name no job.
        let unreadable = live.has_unreadable(self).then_some(
            "the row of a live job cannot be read, so the job counts as holding everything; the server's log names the row",
        );
        note.into_iter().chain(unreadable).map(str::to_owned).collect()
    }

    /// Asks the engine what it can allocate, and takes over the answer.
    ///
    /// Errors: those of the engine; then the centre knows what it knew before.
    pub(crate) async fn ask_capacity(&self, clock: &Clock) -> Result<(), EngineError> {
        let answer = self.engine.capacity().await;
        self.reach.note(&answer, clock.now());
        let resources = answer?;
        let found = resources.total().unwrap_or_default();
        let mut view = Centre { capacity: found.clone(), ..Centre::clone(&self.view()) };
        let host = self.engine.local();
        let numbered = host.and_then(|_| numbered(&self.config, &view, &found));
        view.capacity = self.config.capacity.applied_to(found);
        if let Some(numbered) = &numbered {
            view.capacity.gpus.clone_from(&numbered.gpus);
        }
        if let Some(host) = host {
            self.gpus.replace(check_gpus(&view, numbered.as_ref(), host, clock).await);
        }
        *self.known.write().unwrap_or_else(PoisonError::into_inner) =
            CentreFacts { view: Arc::new(view), resources: Some(resources) };
        Ok(())
    }

    /// Asks the host for the numbers of its GPUs, where it could not list them when the server started.
    pub(crate) async fn number_gpus(&self) {
        let Ok(Some(found)) = self.engine.capacity().await.map(|resources| resources.total()) else { return };
        let view = self.view();
        let host = Centre { capacity: found.clone(), ..Centre::clone(&view) };
        if let Some(numbered) = numbered(&self.config, &host, &found) {
            self.gpus.learn_numbers(&view.capacity.gpus, numbered);
        }
    }
}

/// What the host says about its GPUs when the centre learns of them.
async fn check_gpus(view: &Centre, numbered: Option<&Numbered>, host: &dyn LocalHost, clock: &Clock) -> Gpus {
    let has_gpus = !view.capacity.gpus.is_empty();
    let answer = if has_gpus { host.busy_gpus().await } else { Ok(None) };
    let centre = view.id;
    match &answer {
        Err(why) => tracing::warn!("centre {centre}: no GPU is allocated until the host lists them: {why}"),
        Ok(None) if has_gpus => {
            tracing::warn!("centre {centre}: nvidia-smi not found: assuming all declared GPUs are present and idle");
        }
        Ok(_) => {}
    }
    Gpus::new(&view.capacity, numbered, answer, clock.steady())
}

/// The GPUs of a centre with the host's numbers; `None` where the host lists none. `host` is the centre with the capacity
/// that was found.
fn numbered(config: &CentreConfig, host: &Centre, found: &Capacity) -> Option<Numbered> {
    if found.gpus.is_empty() {
        return None;
    }
    if config.capacity.gpus.is_none() {
        return Some(Numbered { gpus: found.gpus.clone(), ..Numbered::default() });
    }
    let declared = config.capacity.applied_to(Capacity::default()).gpus;
    let numbered = number(&declared, &found.gpus, |model| host.own_model(model).map(str::to_owned));
    for guess in &numbered.guesses {
        tracing::warn!("centre {}: {guess}; state the model with `aliases` in the configuration", config.id);
    }
    for (index, why) in &numbered.absent {
        tracing::warn!("centre {}: GPU {index} is not allocated: {why}", config.id);
    }
    Some(numbered)
}
