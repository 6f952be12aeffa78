//! The decisions of the plan in the simplest way: a table of the free resources in each second, filled job by job.

use super::{world::World, *};
use crate::capacity::plain_model;

/// The number of seconds in the table; a longer time counts as without end.
const SECONDS: usize = 400;

/// The free amounts in one second: cores, memory, and each model.
type Row = Vec<i64>;

/// The jobs that start now. All known ends are on whole seconds.
pub(super) fn starts(world: &World) -> Vec<JobId> {
    let mut models: Vec<String> = Vec::new();
    for gpu in &world.capacity.gpus {
        let plain = plain_model(&gpu.model);
        if !models.contains(&plain) {
            models.push(plain);
        }
    }
    let count = |model: &String, wanted: &dyn Fn(u32) -> bool| {
        let of_model = world.capacity.gpus.iter().filter(|gpu| plain_model(&gpu.model) == *model);
        of_model.filter(|gpu| wanted(gpu.index)).count() as i64
    };
    let whole = |number: u64| i64::try_from(number).unwrap();
    let mut all: Row = vec![whole(world.capacity.cpu_milli), whole(world.capacity.memory_bytes)];
    all.extend(models.iter().map(|model| count(model, &|_| true)));
    let mut table: Vec<Row> = vec![all.clone(); SECONDS];
    for run in &world.running {
        let length = run.allocation.length;
        let left = length.lasts(world.rules).map(|lasts| run.allocation.placed + lasts - world.now);
        let seconds = left.map_or(SECONDS, |left| usize::try_from(left.as_seconds()).unwrap().min(SECONDS));
        let workers = whole(u64::from(run.allocation.workers));
        let mut held: Row =
            vec![whole(run.allocation.size.cpu_milli) * workers, whole(run.allocation.size.memory_bytes) * workers];
        held.extend(models.iter().map(|model| count(model, &|index| run.allocation.gpus.contains(&index))));
        lower(&mut table[..seconds], &held);
    }
    let mut kept: Row = vec![0; all.len()];
    let mut starts = Vec::new();
    for candidate in world.order() {
        let workers = whole(u64::from(candidate.workers));
        let gpus = i64::from(candidate.size.gpus) * workers;
        let plain = candidate.size.gpu_model.as_deref().map(plain_model);
        let suits = |model: &String| plain.as_ref().is_none_or(|plain| plain == model);
        let size = [whole(candidate.size.cpu_milli) * workers, whole(candidate.size.memory_bytes) * workers];
        // The amounts that the job takes from a row, which is the minimum over the job's whole time.
        let takes = |least: &Row| -> Option<Row> {
            let mut taken: Row = size.to_vec();
            let mut missing = gpus;
            for (place, model) in models.iter().enumerate() {
                let most = if suits(model) { (least[place + 2] - kept[place + 2]).max(0) } else { 0 };
                taken.push(most.min(missing));
                missing -= most.min(missing);
            }
            let fits = (0..2).all(|thing| taken[thing] + kept[thing] <= least[thing]) && missing == 0;
            fits.then_some(taken)
        };
        let fits_at_all = size[0] <= all[0]
            && size[1] <= all[1]
            && gpus <= models.iter().zip(&all[2..]).filter(|(model, _)| suits(model)).map(|(_, n)| n).sum();
        if !fits_at_all {
            continue;
        }
        let lasts = candidate.length.lasts(world.rules).map(|lasts| usize::try_from(lasts.as_seconds()).unwrap());
        let place = (0..SECONDS).find_map(|from| {
            let to = lasts.map_or(SECONDS, |lasts| (from + lasts).min(SECONDS));
            let least = (0..all.len()).map(|thing| table[from..to].iter().map(|row| row[thing]).min().unwrap());
            takes(&least.collect()).map(|taken| (from, to, taken))
        });
        match place {
            Some((from, to, taken)) => {
                lower(&mut table[from..to], &taken);
                if from == 0 {
                    starts.push(candidate.job.clone());
                }
            }
            None => {
                kept[0] += size[0];
                kept[1] += size[1];
                for (place, model) in models.iter().enumerate() {
                    kept[place + 2] += if suits(model) { gpus } else { 0 };
                }
            }
        }
    }
    starts
}

fn lower(rows: &mut [Row], by: &Row) {
    for row in rows {
        for (free, held) in row.iter_mut().zip(by) {
            *free -= held;
        }
    }
}
