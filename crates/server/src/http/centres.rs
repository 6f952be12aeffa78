//! The calls about compute centres and their products.

use std::collections::BTreeMap;

use serde_json::Map;
use trainyard_api::{
    Envelope,
    centre::{
        Amounts, BlockedFolder, Centre, CentreQuery, GpuCount, IsolationMeans, Killing, Limits, Product, QuarantinedGpu,
    },
    failures::ListFailures,
    paths,
};
use trainyard_domain::{
    access::Role,
    capacity::{GB, Gpu},
};

use super::{
    answer::{Answer, ok},
    extract::{Call, NoBody, NoQuery, QueryParams},
    show::time,
    storages,
};
use crate::{
    App,
    centres::{Allocations, Description, HOW_TO_SAY, RunningCentre},
    clock::Clock,
};

/// List the compute centres
///
/// The capacity of each centre, what is free, and how the centre isolates jobs.
#[utoipa::path(
    get, path = paths::CENTRE_LIST, operation_id = "listCentres", tag = "centres",
    responses((status = 200, description = "The centres.", body = Envelope<Vec<Centre>>), ListFailures)
)]
pub(crate) async fn list(Call { app, actor, .. }: Call, _: NoQuery, _: NoBody) -> Answer<Vec<Centre>> {
    let live = app.allocations().await?;
    let mut centres: Vec<Centre> = app.centres.iter().map(|centre| show(centre, &live, &app)).collect();
    // The reasons contain names of files of deleted jobs, of any project.
    if actor.role != Role::Admin {
        centres.iter_mut().for_each(|centre| centre.blocked_folders.clear());
    }
    ok(centres)
}

/// List the products of a centre, or of all
///
/// A product is a named worker size: a spec that names its code gets the resources that it leaves out.
#[utoipa::path(
    get, path = paths::PRODUCT_LIST, operation_id = "listProducts", tag = "centres", params(CentreQuery),
    responses((status = 200, description = "The products.", body = Envelope<Vec<Product>>), ListFailures)
)]
pub(crate) async fn product_list(Call { app, .. }: Call, query: QueryParams, _: NoBody) -> Answer<Vec<Product>> {
    let only = query.only_centre()?;
    let live = app.allocations().await?;
    let centres = app.centres.iter().filter(|centre| only.is_none_or(|id| centre.config.id == id));
    ok(centres.flat_map(|centre| products(centre, &live, &app.clock)).collect())
}

fn show(centre: &RunningCentre, live: &Allocations, app: &App) -> Centre {
    let (clock, zone) = (&app.clock, &app.zone);
    let Description {
        engine,
        runtime,
        isolation,
        means,
        survives_restart,
        survives_restart_reason,
        killing,
        limits,
        limitations,
        ..
    } = centre.describe();
    let free = centre.free(live, clock);
    let view = centre.view();
    let all = &view.capacity;
    let mut notes: Vec<String> = centre.reach.reason(zone).map(|reason| reason.message).into_iter().collect();
    if centre.serves_admins_only() {
        notes.push(format!("jobs run as root, so only admins may create jobs: {HOW_TO_SAY}"));
    }
    notes.extend(centre.notes_on_amounts(live));
    notes.push(survives_restart_reason);
    notes.extend(limitations.into_iter().map(|limit| format!("{}: {}", limit.path, limit.message)));
    Centre {
        id: centre.config.id,
        name: centre.config.name.clone(),
        engine: engine.to_owned(),
        runtime,
        enabled: true,
        capacity: amounts(all.cpu_milli, all.memory_bytes, &all.gpus),
        free: amounts(free.cpu_milli, free.memory_bytes, &free.gpus),
        quarantined_gpus: quarantined(centre, live, clock),
        isolation,
        run_as: centre.config.run_as.to_string(),
        isolation_means: means
            .into_iter()
            .map(|one| IsolationMeans { means: one.means.to_owned(), used: one.is_used, note: one.note })
            .collect(),
        killing: Killing { means: killing.means.to_owned(), note: killing.note },
        limits: Limits {
            cpu: limits.cpu.to_owned(),
            memory: limits.memory.to_owned(),
            pids: limits.pids.to_owned(),
            note: limits.note,
        },
        survives_restart,
        blocked_folders: blocked_folders(centre, app),
        notes,
        storages: storages::all(centre),
    }
}

fn blocked_folders(centre: &RunningCentre, app: &App) -> Vec<BlockedFolder> {
    let show = |folder: crate::blocked_folders::BlockedFolder| BlockedFolder {
        path: folder.path.to_string_lossy().into_owned(),
        reason: folder.reason,
        since_time: time(folder.since, &app.zone),
        since_time_ms: folder.since.as_ms(),
    };
    centre.blocked_folders(&app.blocked_folders).into_iter().map(show).collect()
}

/// The GPUs that no job holds and that the scheduler gives to no job.
fn quarantined(centre: &RunningCentre, live: &Allocations, clock: &Clock) -> Vec<QuarantinedGpu> {
    let held = centre.held_gpus(live);
    let quarantined = centre.gpus.quarantined(clock.steady()).into_iter().filter(|one| !held.contains(&one.index));
    let view = centre.view();
    let name = |index| view.capacity.gpus.iter().find(|gpu| gpu.index == index).map(|gpu| gpu.model.clone());
    quarantined
        .map(|one| QuarantinedGpu {
            index: one.index,
            name: name(one.index).unwrap_or_default(),
            stuck: one.is_stuck,
            reason: one.reason,
        })
        .collect()
}

fn amounts(cpu_milli: u64, memory_bytes: u64, gpus: &[Gpu]) -> Amounts {
    let mut models: BTreeMap<&str, u32> = BTreeMap::new();
    for gpu in gpus {
        *models.entry(&gpu.model).or_default() += 1;
    }
    Amounts {
        cpu_cores: thousandths(cpu_milli),
        memory_gb: gb(memory_bytes),
        gpus: models.into_iter().map(|(name, count)| GpuCount { name: name.to_owned(), count }).collect(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "cores in thousandths are far below 2^53")]
fn thousandths(number: u64) -> f64 {
    number as f64 / 1000.0
}

/// Bytes as GB with three places, rounded down.
fn gb(bytes: u64) -> f64 {
    thousandths(bytes / (GB / 1000))
}

fn products(centre: &RunningCentre, live: &Allocations, clock: &Clock) -> Vec<Product> {
    let (free, view) = (centre.free(live, clock), centre.view());
    let configured = centre.config.product.iter().zip(&view.products);
    configured
        .map(|(config, product)| Product {
            name: config.name.clone(),
            aidc_id: centre.config.id,
            product_code: config.code.clone(),
            cpu_cores: config.cpu_cores,
            memory_gb: config.memory_gb,
            gpu_name: config.gpu_name.clone().unwrap_or_else(|| "-".to_owned()),
            gpu_count: config.gpu_count,
            disk_gb: config.disk_gb,
            price: config.price.clone().unwrap_or_default(),
            price_unit: config.price_unit.clone().unwrap_or_default(),
            remaining_count: centre.remaining(product, &free),
            ext: Map::new(),
        })
        .collect()
}
