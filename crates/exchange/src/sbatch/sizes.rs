//! What a worker takes, from the many ways in which Slurm can be asked for it.
//!
//! A worker is a node, and has what the tasks of a node have together; only where `mpirun` starts the tasks is each of
//! them a worker, as a rank of MPI is.

use serde_json::{Map, Value};
use trainyard_domain::job_spec::decimal_text;

use super::{
    account::{Account, Entry},
    amount, render,
};

/// What the tasks of a node are to a template.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Tasks {
    /// Processes of one worker.
    ShareANode,
    /// Workers of their own.
    AreWorkers,
}

/// Reads the sizes as the members of `resource`.
pub(super) fn read(account: &mut Account<'_>, tasks: Tasks) -> Map<String, Value> {
    let layout = layout(account);
    let gpus = gpus(account, &layout);
    let cores = cores(account, &layout, gpus.as_ref().map(|(count, _)| *count));
    let megabytes = memory(account, cores, gpus.as_ref().map(|(count, _)| *count));
    // A rank gets its part of the node, where the parts come out even.
    let each = |of: u64| of.is_multiple_of(layout.tasks);
    let is_even = cores.is_none_or(each) && gpus.as_ref().is_none_or(|(count, _)| each(*count));
    let parts = if tasks == Tasks::AreWorkers && is_even { layout.tasks } else { 1 };
    let mut resource = Map::new();
    let mut put = |key: &str, value: Value| resource.insert(key.to_owned(), value);
    if layout.is_said {
        put("workerCount", Value::from(layout.nodes.saturating_mul(parts)));
    }
    if let Some(cores) = cores {
        put("cpuCores", Value::from((cores / parts).to_string()));
    }
    if let Some(megabytes) = megabytes {
        put("memoryGB", Value::from(gigabytes(megabytes.div_ceil(parts))));
    }
    if let Some((count, model)) = gpus {
        put("gpuCount", Value::from((count / parts).to_string()));
        if let Some(model) = model {
            put("gpuName", Value::from(model));
        }
    }
    if parts == 1 && layout.tasks > 1 {
        layout.say_tasks(account);
    }
    resource
}

/// MiB as GB with three places, which are up to 1 MiB less: the number of a template whose script asks for these again.
fn gigabytes(megabytes: u64) -> String {
    let below = u64::try_from(u128::from(megabytes) * 1000 / 1024).unwrap_or(u64::MAX);
    let is_less = render::megabytes(below) < megabytes;
    decimal_text(below.saturating_add(u64::from(is_less)))
}

/// How many nodes, and how many tasks on each.
struct Layout<'s> {
    nodes: u64,
    tasks: u64,
    is_said: bool,
    tasks_said: bool,
    from: Vec<Entry<'s>>,
}

fn layout<'s>(account: &mut Account<'s>) -> Layout<'s> {
    let nodes = account.last("nodes");
    let bounds = nodes.and_then(|entry| amount::nodes(entry.value));
    if let (Some(entry), Some((low, high))) = (nodes, bounds) {
        if low == high { account.carry(entry) } else { account.say(entry, "the smaller number of nodes is taken") }
    }
    let mut counted = |name: &str| {
        let entry = account.last(name)?;
        let count = amount::count(entry.value)?;
        account.carry(entry);
        Some((entry, count))
    };
    let (all, of_node) = (counted("ntasks"), counted("ntasks-per-node"));
    let per_node = of_node.map(|(_, count)| count);
    let spread = all.zip(per_node).map(|((_, all), per_node)| all.div_ceil(per_node));
    let nodes = bounds.map(|(low, _)| low).or(spread);
    if let (Some((entry, count)), None) = (all, nodes)
        && count > 1
    {
        account
            .say(entry, "Slurm spreads these over nodes as it likes; here they are one worker's, which has all of it");
    }
    let tasks = per_node.or(all.map(|(_, all)| all.div_ceil(nodes.unwrap_or(1)))).unwrap_or(1);
    Layout {
        nodes: nodes.unwrap_or(1),
        tasks,
        is_said: nodes.is_some() || all.is_some() || per_node.is_some(),
        tasks_said: all.is_some() || per_node.is_some(),
        from: all.into_iter().chain(of_node).map(|(entry, _)| entry).collect(),
    }
}

impl Layout<'_> {
    /// A worker runs its command once, not once for each task.
    fn say_tasks(&self, account: &mut Account<'_>) {
        let why = format!(
            "a worker is a node and runs its command once; it has what {} tasks have: start that many processes in it, \
             as by `torchrun --nproc_per_node={}`",
            self.tasks, self.tasks
        );
        self.from.iter().for_each(|entry| account.say(*entry, why.clone()));
    }
}

/// Whole cores of a node.
fn cores(account: &mut Account<'_>, layout: &Layout<'_>, gpus: Option<u64>) -> Option<u64> {
    let mut counted = |name: &str, times: Option<u64>| {
        let entry = account.last(name)?;
        let cores = amount::count(entry.value)?.checked_mul(times?)?;
        account.carry(entry);
        Some(cores)
    };
    let of_tasks = counted("cpus-per-task", Some(layout.tasks));
    let of_gpus = if of_tasks.is_none() { counted("cpus-per-gpu", gpus.filter(|count| *count > 0)) } else { None };
    of_tasks.or(of_gpus).or(layout.tasks_said.then_some(layout.tasks))
}

/// MiB of a node.
fn memory(account: &mut Account<'_>, cores: Option<u64>, gpus: Option<u64>) -> Option<u64> {
    for (name, times) in [("mem", Some(1)), ("mem-per-cpu", cores.or(Some(1))), ("mem-per-gpu", gpus)] {
        let Some(entry) = account.last(name) else {
            continue;
        };
        match amount::megabytes(entry.value).zip(times).and_then(|(each, times)| each.checked_mul(times)) {
            Some(0) => {
                account.say(entry, "is all memory of a node: say how much a worker needs, in `resource.memoryGB`")
            }
            Some(megabytes) => {
                account.carry(entry);
                return Some(megabytes);
            }
            None => account.say(entry, "is no amount that can be read: set `resource.memoryGB`"),
        }
    }
    None
}

/// The accelerators of a node, and their model.
fn gpus(account: &mut Account<'_>, layout: &Layout<'_>) -> Option<(u64, Option<String>)> {
    let mut found: Option<(u64, Option<String>)> = None;
    for name in ["gres", "gpus-per-node", "gpus-per-task", "gpus"] {
        let Some(entry) = account.last(name) else {
            continue;
        };
        let entries: Vec<&str> = entry.value.split(',').map(str::trim).filter(|text| !text.is_empty()).collect();
        let read = |text: &&&str| if name == "gres" { amount::gres(text) } else { amount::gpus(text) };
        let kinds: Vec<(u64, Option<String>)> = entries.iter().filter_map(|text| read(&text)).collect();
        let [(count, model)] = kinds.as_slice() else {
            if !kinds.is_empty() {
                account.say(entry, "all accelerators of a worker are of one model: set `gpuCount` and `gpuName`");
            }
            continue;
        };
        let Some(count) = (match name {
            "gpus-per-task" => count.checked_mul(layout.tasks),
            "gpus" => Some(count.div_ceil(layout.nodes)),
            _ => Some(*count),
        }) else {
            continue;
        };
        let before = found.get_or_insert((count, None));
        let is_same_model = before.1.is_none() || model.is_none() || before.1 == *model;
        if before.0 != count || !is_same_model {
            account.say(entry, "another option says which accelerators a worker has, and that one is taken");
            continue;
        }
        before.1 = before.1.take().or_else(|| model.clone());
        if entries.len() == 1 {
            account.carry(entry);
        } else {
            account.say(entry, "of these only the accelerators are taken: a worker has no other resources");
        }
    }
    found
}
