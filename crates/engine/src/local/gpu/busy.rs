//! Which accelerators are not clean: a process is on them, or their memory is not free.

use std::{collections::BTreeMap, path::Path};

use super::{Answer, ask};
use crate::BusyGpu;

/// The most MB that may be in use without a process, whatever the memory: what a driver and a screen take.
const ALWAYS_FREE_MB: u64 = 1024;
/// The same as a part of the memory.
const FREE_PART: u64 = 20;

/// What is not clean; `None` where there is nothing to ask, so that nobody can see anything.
pub(crate) async fn busy(program: &Path) -> Result<Option<Vec<BusyGpu>>, String> {
    let cards = ["--query-gpu=index,uuid,memory.used,memory.total", "--format=csv,noheader,nounits"];
    let Answer::Lines(cards) = ask(program, &cards).await? else { return Ok(None) };
    let processes = ["--query-compute-apps=gpu_uuid,pid,process_name", "--format=csv,noheader"];
    match ask(program, &processes).await? {
        Answer::Lines(processes) => Ok(Some(judge(&cards, &processes))),
        Answer::Absent => Ok(None),
    }
}

/// Lines of index, name of the card, and memory in MB; and lines of the card's name, process and program. What is no
/// such line is a remark; an amount that the card does not tell is none.
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
        let processes = on.get(name).map(|all| format!("{} on it", are(all)));
        let full =
            (used > ALWAYS_FREE_MB.max(total / FREE_PART)).then(|| format!("{used} of its {total} MB are in use"));
        let what: Vec<String> = processes.into_iter().chain(full).collect();
        (!what.is_empty()).then(|| BusyGpu { index, what: what.join(", ") })
    };
    cards.lines().filter_map(card).collect()
}

fn are(all: &[String]) -> String {
    let verb = if all.len() == 1 { "is" } else { "are" };
    format!("{} {verb}", all.join(" and "))
}
