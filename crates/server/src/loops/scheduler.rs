//! Decides who starts: reads the queue, asks the plan, applies each decision.

use std::collections::{BTreeSet, HashSet};

use trainyard_domain::{
    id::CentreId,
    job::{Event, Job, JobState, Placement, Status},
    launch::ports_needed,
    queue::{Candidate, Decision, WaitCode, WaitingReason, plan},
    spec::gb_text,
};

use super::apply;
use crate::{
    App,
    centres::{RunningCentre, holders, live_jobs},
    failure::Failure,
};

/// One pass over all centres.
///
/// # Errors
/// Those of the store; what was applied before stays.
pub async fn pass(app: &App) -> Result<(), Failure> {
    wake_retries(app).await?;
    let queued = app.store.jobs_in(&[Status::Queued]).await?;
    if queued.is_empty() {
        return Ok(());
    }
    let live = live_jobs(app).await?;
    let mut ports: BTreeSet<u16> = live
        .iter()
        .filter_map(|job| job.attempt.as_ref())
        .flat_map(|attempt| attempt.placement.ports.iter().copied())
        .collect();
    let blocked = low_disk(app);
    let numbers: BTreeSet<CentreId> = queued.iter().map(Job::centre).collect();
    for number in numbers {
        let mine: Vec<&Job> = queued.iter().filter(|job| job.centre() == number).collect();
        let Some(centre) = app.centres.get(number) else {
            let reason = WaitingReason::new(WaitCode::Centre, format!("centre {number} is not in the configuration"));
            wait_all(app, &mine, &[reason]).await?;
            continue;
        };
        if let Some(reason) = &blocked {
            wait_all(app, &mine, std::slice::from_ref(reason)).await?;
            continue;
        }
        let candidates = mine.iter().map(|job| candidate(job)).collect();
        for (id, decision) in plan(centre.capacity(), &holders(&live, number), candidates) {
            let Some(job) = mine.iter().find(|job| job.id == id) else {
                continue;
            };
            match decision {
                Decision::Wait(reasons) => wait(app, job, reasons).await?,
                Decision::Start(placement) => start(app, centre, job, placement, &mut ports).await?,
            }
        }
    }
    Ok(())
}

fn candidate(job: &Job) -> Candidate {
    Candidate {
        job: job.id.clone(),
        priority: job.spec.priority,
        created: job.created,
        size: job.spec.size.clone(),
        workers: job.spec.workers,
    }
}

/// Jobs whose delay is over go back into the queue.
async fn wake_retries(app: &App) -> Result<(), Failure> {
    let mut waiting = HashSet::new();
    for job in app.store.jobs_in(&[Status::Retrying]).await? {
        let JobState::Retrying { until, delay_ms } = job.state else { continue };
        let key = (job.id.clone(), job.attempt.as_ref().map_or(0, |attempt| attempt.number));
        if app.waits.is_due(&key, until, delay_ms, &app.clock) {
            apply(app, &job, Event::RetryDue).await?;
        } else {
            waiting.insert(key);
        }
    }
    app.waits.keep_retries(&waiting);
    Ok(())
}

/// A reason to start nothing, where the data directory's disk is nearly full.
fn low_disk(app: &App) -> Option<WaitingReason> {
    let stat = rustix::fs::statvfs(app.data_dir.as_path()).ok()?;
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    (free < app.min_free_bytes).then(|| {
        let (free, wanted) = (gb_text(free), gb_text(app.min_free_bytes));
        WaitingReason::new(
            WaitCode::Disk,
            format!("the data directory has {free} GB free and nothing starts below {wanted} GB; make room there"),
        )
    })
}

async fn start(
    app: &App,
    centre: &RunningCentre,
    job: &Job,
    mut placement: Placement,
    taken: &mut BTreeSet<u16>,
) -> Result<(), Failure> {
    let count = ports_needed(job.spec.framework, job.spec.workers);
    match centre.engine.free_ports(count, taken).await {
        Ok(ports) => {
            taken.extend(ports.iter().copied());
            placement.ports = ports;
        }
        Err(error) => {
            return wait(app, job, vec![WaitingReason::new(WaitCode::Ports, error.to_string())]).await;
        }
    }
    apply(app, job, Event::Placed(placement)).await?;
    app.runner.notify_one();
    Ok(())
}

async fn wait_all(app: &App, jobs: &[&Job], reasons: &[WaitingReason]) -> Result<(), Failure> {
    for job in jobs {
        wait(app, job, reasons.to_vec()).await?;
    }
    Ok(())
}

async fn wait(app: &App, job: &Job, reasons: Vec<WaitingReason>) -> Result<(), Failure> {
    if matches!(&job.state, JobState::Queued { waiting } if *waiting == reasons) {
        return Ok(());
    }
    apply(app, job, Event::Waits(reasons)).await
}
