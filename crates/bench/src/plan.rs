//! The time of one plan of a long queue, compared with sorting it. Reading and writing the database is not included.

use std::time::{Duration, Instant};

use trainyard_domain::{
    capacity::{Capacity, GB, Gpu, WorkerSize},
    id::JobId,
    queue::{Allocation, Candidate, Decision, Length, Rules, Situation, plan},
    time::{Span, WallTime},
};

use crate::table;

const WAITING: u32 = 10_000;
const RUNNING: u32 = 60;
const ROUNDS: usize = 30;
const NOW: WallTime = WallTime::from_ms(100 * 3_600_000);

/// Prints the median time of the plan for each kind of queue, and its ratio to sorting the same number of jobs.
pub(crate) fn measure() {
    table::line(format!("\nPlan of a queue of {} waiting jobs, with {RUNNING} running jobs", table::grouped(WAITING)));
    let capacity = capacity();
    for (name, limited) in [("all with a limit", 10), ("half with a limit", 5), ("none with a limit", 0)] {
        let waiting: Vec<Candidate> = (0..WAITING).map(|number| candidate(number, limited)).collect();
        let allocations: Vec<Allocation> = (0..RUNNING).map(|number| allocation(number, limited)).collect();
        let situation = Situation { now: NOW, capacity: &capacity, rules: Rules::default(), allocations: &allocations };
        let starts = plan(situation, &waiting).iter().filter(|one| matches!(one.1, Decision::Start(_))).count();
        let (planned, fastest) = times(|| plan(situation, &waiting).len());
        let (sorted, _) = times(|| {
            let mut all: Vec<&Candidate> = waiting.iter().collect();
            all.sort_by_key(|one| (std::cmp::Reverse(one.priority), one.since, &one.job));
            all.len()
        });
        let ratio = planned.as_secs_f64() / sorted.as_secs_f64();
        let [planned, fastest, sorted] = [planned, fastest, sorted].map(table::millis);
        let sorting = format!("{ratio:.1} times sorting ({sorted} ms)");
        table::line(format!("  {name:<18} {planned:>6} ms (fastest {fastest}), {sorting}; {starts} jobs start"));
    }
}

/// The median and the minimum of the measured times.
fn times(work: impl Fn() -> usize) -> (Duration, Duration) {
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            std::hint::black_box(work());
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    let at = |place: usize| times.get(place).copied().unwrap_or_default();
    (at(ROUNDS / 2), at(0))
}

fn capacity() -> Capacity {
    let gpu = |index| Gpu { index, model: if index < 48 { "NVIDIA H100" } else { "NVIDIA L40S" }.to_owned() };
    Capacity { cpu_milli: 512_000, memory_bytes: 4096 * GB, gpus: (0..64).map(gpu).collect() }
}

/// A pseudo-random number below `of`, the same in each run.
fn scatter(number: u32, of: u32) -> u32 {
    let mixed = u64::from(number).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29) ^ u64::from(number);
    u32::try_from(mixed.wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 33).unwrap_or_default() % of
}

fn size(number: u32) -> WorkerSize {
    let gpu_model = match scatter(number, 3) {
        0 => Some("NVIDIA-H100".to_owned()),
        1 => Some("nvidia l40s".to_owned()),
        _ => None,
    };
    WorkerSize {
        cpu_milli: u64::from(1 + scatter(number + 1, 16)) * 1000,
        memory_bytes: u64::from(1 + scatter(number + 2, 64)) * GB,
        gpus: scatter(number + 3, 5),
        gpu_model,
    }
}

fn length(number: u32, limited: u32) -> Length {
    let minutes = || i64::from(1 + scatter(number + 5, 72 * 60));
    let limit = (scatter(number + 4, 10) < limited).then(|| Span::from_seconds(minutes() * 60));
    Length { limit, grace: Span::from_seconds(30) }
}

fn id(number: u32) -> JobId {
    let mut bytes = [0; trainyard_domain::id::ID_BYTES];
    for (place, byte) in bytes.iter_mut().zip(number.to_be_bytes()) {
        *place = byte;
    }
    JobId::from_random(bytes)
}

fn candidate(number: u32, limited: u32) -> Candidate {
    Candidate {
        job: id(scatter(number, u32::MAX)),
        priority: 1 + u8::try_from(scatter(number + 6, 3)).unwrap_or_default(),
        since: WallTime::from_ms(i64::from(scatter(number + 7, 100 * 3600)) * 1000),
        ran: Span::ZERO,
        size: size(number),
        workers: 1 + scatter(number + 8, 4),
        length: length(number, limited),
    }
}

/// A running job with 8 cores, 60 GB and one GPU. All running jobs together leave few of each free.
fn allocation(number: u32, limited: u32) -> Allocation {
    Allocation {
        size: WorkerSize { cpu_milli: 8_000, memory_bytes: 60 * GB, gpus: 1, gpu_model: None },
        workers: 1,
        gpus: vec![number],
        placed: NOW - Span::from_seconds(i64::from(scatter(number, 3600))),
        started: None,
        length: length(number + 100_000, limited),
    }
}
