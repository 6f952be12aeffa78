//! Finding the GPUs that are not clean: a process uses them, or their memory is in use.

use std::{collections::BTreeMap, path::Path};

use super::{Answer, ask};
use crate::BusyGpu;

/// How many MB of a clean GPU may be in use, whatever its size: what a driver and a screen take.
const ALWAYS_FREE_MB: u64 = 1024;
/// A larger GPU may have one part in this many of its memory in use.
const FREE_PART: u64 = 20;

/// The GPUs that are not clean; `None` without an `nvidia-smi`.
pub(crate) async fn busy(program: &Path) -> Result<Option<Vec<BusyGpu>>, String> {
    let cards = ["--query-gpu=index,uuid,memory.used,memory.total", "--format=csv,noheader,nounits"];
    let Answer::Lines(cards) = ask(program, &cards).await? else { return Ok(None) };
    let processes = ["--query-compute-apps=gpu_uuid,pid,process_name", "--format=csv,noheader"];
    match ask(program, &processes).await? {
        Answer::Lines(processes) => Ok(Some(judge(&cards, &processes))),
        Answer::Absent => Ok(None),
    }
}

/// Each line of `cards` has index, uuid, used MB and total MB; each line of `processes` has uuid, pid and program. Other
/// lines are remarks and are ignored. An amount that is not a number counts as 0.
pub(super) fn judge(cards: &str, processes: &str) -> Vec<BusyGpu> {
    let mut on: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for line in processes.lines() {
        let mut parts = line.splitn(3, ',').map(str::trim);
        if let (Some(card), Some(pid)) = (parts.next(), parts.next().and_then(|pid| pid.parse::<u32>().ok())) {
            let program = parts.next().filter(|program| !program.is_empty()).unwrap_or("a program");
            on.entry(card).or_default().push(format!("process {pid} ({program})"));
        }
    }
    let card = |line: &str| {
        let mut parts = line.split(',').map(str::trim);
        let (index, name) = (parts.next()?.parse().ok()?, parts.next()?);
        let mut amount = || parts.next().and_then(|mb| mb.parse::<u64>().ok());
        let (used, total) = (amount().unwrap_or_default(), amount().unwrap_or_default());
        let processes = on.get(name).map(|all| format!("used by {}", all.join(" and ")));
        let full = (used > ALWAYS_FREE_MB.max(total / FREE_PART)).then(|| format!("{used} of {total} MB in use"));
        let what: Vec<String> = processes.into_iter().chain(full).collect();
        (!what.is_empty()).then(|| BusyGpu { index, what: what.join(", ") })
    };
    cards.lines().filter_map(card).collect()
}
