//! The size of a worker, read from the many options with which a script can ask Slurm for resources.
//!
//! A worker is a node and has the resources of all tasks of the node. Only if `mpirun` starts the tasks, each task is a
//! worker, like a rank of MPI.

use serde_json::{Map, Value};
use trainyard_domain::job_spec::decimal_text;

use super::{
    account::{Account, Entry},
    amount, render,
};

/// What the tasks of a node become in a template.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Tasks {
    /// Processes of one worker, which has the resources of all of them.
    ShareANode,
    /// Workers of their own, each with its share of the node.
    AreWorkers,
}

/// Reads the options for sizes as the members of `resource`.
pub(super) fn read(account: &mut Account<'_>, tasks: Tasks) -> Map<String, Value> {
    let layout = layout(account);
    let gpus = gpus(account, &layout);
    let cores = cores(account, &layout, gpus.as_ref().map(|(count, _)| *count));
    let megabytes = memory(account, cores, gpus.as_ref().map(|(count, _)| *count));
    // Each task becomes a worker only if cores and GPUs divide evenly.
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
        layout.explain_tasks(account);
    }
    resource
}

/// Converts MiB to GB with three decimals, so that an export of the result asks for the same MiB again. The result can be up
/// to 1 MiB less.
fn gigabytes(megabytes: u64) -> String {
    let below = u64::try_from(u128::from(megabytes) * 1000 / 1024).unwrap_or(u64::MAX);
    let is_less = render::megabytes(below) < megabytes;
    decimal_text(below.saturating_add(u64::from(is_less)))
}

/// The number of nodes, and of tasks on each node.
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
        if low == high {
            account.mark_translated(entry)
        } else {
            account.explain(entry, "a template has one number of workers; the smaller one is used")
        }
    }
    let mut counted = |name: &str| {
        let entry = account.last(name)?;
        let count = amount::count(entry.value)?;
        account.mark_translated(entry);
        Some((entry, count))
    };
    let (all, of_node) = (counted("ntasks"), counted("ntasks-per-node"));
    let per_node = of_node.map(|(_, count)| count);
    let spread = all.zip(per_node).map(|((_, all), per_node)| all.div_ceil(per_node));
    let nodes = bounds.map(|(low, _)| low).or(spread);
    if let (Some((entry, count)), None) = (all, nodes)
        && count > 1
    {
        account.explain(
            entry,
            "Slurm may spread these tasks over several nodes; here they are one worker with the resources of all",
        );
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
    /// Lists the options for tasks: a worker runs its command once, not once for each task.
    fn explain_tasks(&self, account: &mut Account<'_>) {
        let why = format!(
            "a worker is a node, runs its command once, and has the resources of {} tasks; start that many processes \
             in it, for example with `torchrun --nproc_per_node={}`",
            self.tasks, self.tasks
        );
        self.from.iter().for_each(|entry| account.explain(*entry, why.clone()));
    }
}

/// The cores of a node.
fn cores(account: &mut Account<'_>, layout: &Layout<'_>, gpus: Option<u64>) -> Option<u64> {
    let mut counted = |name: &str, times: Option<u64>| {
        let entry = account.last(name)?;
        let cores = amount::count(entry.value)?.checked_mul(times?)?;
        account.mark_translated(entry);
        Some(cores)
    };
    let of_tasks = counted("cpus-per-task", Some(layout.tasks));
    let of_gpus = if of_tasks.is_none() { counted("cpus-per-gpu", gpus.filter(|count| *count > 0)) } else { None };
    of_tasks.or(of_gpus).or(layout.tasks_said.then_some(layout.tasks))
}

/// The memory of a node in MiB.
fn memory(account: &mut Account<'_>, cores: Option<u64>, gpus: Option<u64>) -> Option<u64> {
    for (name, times) in [("mem", Some(1)), ("mem-per-cpu", cores.or(Some(1))), ("mem-per-gpu", gpus)] {
        let Some(entry) = account.last(name) else {
            continue;
        };
        match amount::megabytes(entry.value).zip(times).and_then(|(each, times)| each.checked_mul(times)) {
            Some(0) => {
                account.explain(entry, "asks for all memory of a node; set `resource.memoryGB` to what a worker needs")
            }
            Some(megabytes) => {
                account.mark_translated(entry);
                return Some(megabytes);
            }
            None => account.explain(entry, "is not a readable amount; set `resource.memoryGB`"),
        }
    }
    None
}

/// The GPUs of a node, and their model.
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
                account.explain(entry, "all GPUs of a worker have one model; set `gpuCount` and `gpuName`");
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
            account.explain(entry, "another option also sets the GPUs of a worker and is used");
            continue;
        }
        before.1 = before.1.take().or_else(|| model.clone());
        if entries.len() == 1 {
            account.mark_translated(entry);
        } else {
            account.explain(entry, "only the GPUs are used; a worker has no other such resources");
        }
    }
    found
}
