//! A queue without backfill, written independently of the plan: strictly in order.

use std::collections::BTreeSet;

use super::{world::World, *};
use crate::{
    capacity::same_model,
    job::{Placement, WorkerPlace},
};

pub(super) fn by_order(world: &World) -> Vec<(JobId, Placement)> {
    let sum = |of: fn(&WorkerSize) -> u64| {
        world.running.iter().map(|run| of(&run.allocation.size) * u64::from(run.allocation.workers)).sum::<u64>()
    };
    let mut cpu = world.capacity.cpu_milli - sum(|size| size.cpu_milli);
    let mut memory = world.capacity.memory_bytes - sum(|size| size.memory_bytes);
    let mut taken: BTreeSet<u32> = world.running.iter().flat_map(|run| run.allocation.gpus.iter().copied()).collect();
    let mut starts = Vec::new();
    for candidate in world.order() {
        let workers = u64::from(candidate.workers);
        let mut gpus: Vec<_> = world.capacity.gpus.iter().filter(|gpu| !taken.contains(&gpu.index)).collect();
        gpus.retain(|gpu| candidate.size.gpu_model.as_ref().is_none_or(|model| same_model(model, &gpu.model)));
        let wanted = candidate.size.gpus as usize * candidate.workers as usize;
        let fits = candidate.size.cpu_milli * workers <= cpu
            && candidate.size.memory_bytes * workers <= memory
            && wanted <= gpus.len();
        if !fits {
            break;
        }
        cpu -= candidate.size.cpu_milli * workers;
        memory -= candidate.size.memory_bytes * workers;
        let mut own = gpus.into_iter().map(|gpu| gpu.index).take(wanted).collect::<Vec<_>>().into_iter();
        let each = candidate.size.gpus as usize;
        let places: Vec<_> = (0..workers).map(|_| WorkerPlace { gpus: own.by_ref().take(each).collect() }).collect();
        taken.extend(places.iter().flat_map(|place| place.gpus.iter().copied()));
        starts.push((candidate.job.clone(), Placement { workers: places, ports: Vec::new() }));
    }
    starts
}
