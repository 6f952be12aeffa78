//! `centre …`: show compute centres; `storage` below it manages what jobs can mount.

mod storage;

use clap::Subcommand;
use serde_json::Value;
use trainyard_api::centre::{Amounts, BlockedFolder, Centre, IsolationMeans, Limits, QuarantinedGpu, limits_in_words};

use self::storage::StorageCommand;
use crate::{connect, exit::Failure, lookup, options::GlobalOptions, out, table, times};

/// Arguments of `centre`.
#[derive(Debug, clap::Args)]
pub(crate) struct CentreArgs {
    #[command(subcommand)]
    command: CentreCommand,
    #[command(flatten)]
    options: GlobalOptions,
}

#[derive(Debug, Subcommand)]
enum CentreCommand {
    /// List the compute centres
    List,
    /// Show one centre: capacity, free resources, isolation, limits, storages
    Show {
        /// Id or name [default: the centre with the lowest id, which is also the default of jobs]
        centre: Option<String>,
    },
    /// Add, list or remove the storages that jobs can mount
    Storage {
        #[command(subcommand)]
        command: StorageCommand,
    },
}

/// Runs the command.
pub(crate) async fn run(args: CentreArgs) -> Result<(), Failure> {
    match args.command {
        CentreCommand::List => {
            let answer = connect::client(&args.options)?.centre_list().await?;
            out::show(args.options.output, &answer.raw, || list(&answer.data))
        }
        CentreCommand::Show { centre } => {
            let answer = connect::client(&args.options)?.centre_list().await?;
            let at = lookup::centre(&answer.data, centre.as_deref());
            let raw = at.and_then(|at| answer.raw.get(at)).unwrap_or(&Value::Null);
            match at.and_then(|at| answer.data.get(at)) {
                Some(one) => out::show(args.options.output, raw, || show(one)),
                None => Err(lookup::unknown_centre(centre.as_deref())),
            }
        }
        CentreCommand::Storage { command } => storage::run(&args.options, command).await,
    }
}

fn list(centres: &[Centre]) -> String {
    let rows = centres.iter().map(|centre| {
        vec![
            centre.id.to_string(),
            centre.name.clone(),
            centre.engine.clone(),
            centre.runtime.clone(),
            if centre.enabled { "yes" } else { "no" }.to_owned(),
            amount(centre.free.cpu_cores, centre.capacity.cpu_cores),
            amount(centre.free.memory_gb, centre.capacity.memory_gb),
            gpus(&centre.free, &centre.capacity),
        ]
    });
    table::rows(&["id", "name", "engine", "runtime", "enabled", "free cores", "free GB", "free GPUs"], rows)
}

fn show(centre: &Centre) -> String {
    let mut fields = vec![
        ("id", centre.id.to_string()),
        ("name", centre.name.clone()),
        ("engine", format!("{}, runtime {}", centre.engine, centre.runtime)),
        ("enabled", if centre.enabled { "yes" } else { "no: jobs cannot be created for it now" }.to_owned()),
        ("cores", amount(centre.free.cpu_cores, centre.capacity.cpu_cores)),
        ("memory GB", amount(centre.free.memory_gb, centre.capacity.memory_gb)),
        ("GPUs", gpus(&centre.free, &centre.capacity)),
        ("quarantined GPUs", quarantined(centre)),
        ("isolation", centre.isolation.clone()),
        ("jobs run as", centre.run_as.clone()),
        ("isolated by", isolated_by(centre)),
        ("kill method", format!("{}: {}", centre.killing.means, centre.killing.note)),
        ("limits", limits(&centre.limits)),
        (
            "server restart",
            match centre.survives_restart {
                true => "running jobs continue".to_owned(),
                false => "running jobs END".to_owned(),
            },
        ),
    ];
    let storages = centre.storages.iter().map(|storage| {
        let access = if storage.read_only { ", read only" } else { "" };
        format!("{} at {} ({}{access})", storage.storage_id, storage.path, storage.storage_type)
    });
    fields.push(("storages", storages.collect::<Vec<_>>().join("\n")));
    fields.push(("blocked folders", blocked(centre)));
    fields.push(("notes", centre.notes.join("\n")));
    table::fields(&fields)
}

/// One line for each means of isolating jobs.
fn isolated_by(centre: &Centre) -> String {
    let line = |one: &IsolationMeans| match one.used {
        true => format!("{}: {}", one.means, one.note),
        false => format!("{}: NOT USED ({})", one.means, table::safe(&one.note)),
    };
    centre.isolation_means.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn limits(limits: &Limits) -> String {
    let Limits { cpu, memory, pids, note } = limits;
    limits_in_words([cpu, memory, pids], note)
}

/// One line for each GPU that the scheduler does not allocate because it is still in use.
fn quarantined(centre: &Centre) -> String {
    let line = |gpu: &QuarantinedGpu| {
        let duration = if gpu.stuck { "for over a minute" } else { "for less than a minute" };
        format!("{} ({}), {duration}: {}", gpu.index, gpu.name, table::safe(&gpu.reason))
    };
    centre.quarantined_gpus.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// One line for each folder of a deleted job that is still on the disk.
fn blocked(centre: &Centre) -> String {
    let line = |folder: &BlockedFolder| {
        let (path, reason) = (table::safe(&folder.path), table::safe(&folder.reason));
        format!("{path}, since {}: {reason}", times::local(Some(folder.since_time_ms)))
    };
    centre.blocked_folders.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn amount(free: f64, capacity: f64) -> String {
    let short = |amount: f64| (amount * 10.0).round() / 10.0;
    format!("{} of {}", short(free), short(capacity))
}

fn gpus(free: &Amounts, capacity: &Amounts) -> String {
    let lines = capacity.gpus.iter().map(|gpu| {
        let left = free.gpus.iter().find(|other| other.name == gpu.name).map_or(0, |other| other.count);
        format!("{left} of {} {}", gpu.count, gpu.name)
    });
    lines.collect::<Vec<_>>().join("\n")
}
