//! `make bench`: the speed of the server as ratios to a no-op handler, the disk, a small number of templates, a bare
//! program and Slurm; and the time of a plan of a long queue.
//!
//! All compared values are measured in one run on one machine. Slow results are no failure: the exit status only says
//! whether the run was complete.

mod body;
mod creates;
mod driver;
mod host;
mod jobs;
mod lists;
mod logs;
mod noop;
mod plan;
mod server;
mod table;
mod templates;
mod wire;

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Parser, Subcommand};

/// Measures the speed of a release build of `trainyard serve`.
#[derive(Debug, Parser)]
struct Args {
    #[command(subcommand)]
    role: Option<Role>,
    /// Program of the server [default: `trainyard` beside this program]
    #[arg(long, value_name = "FILE")]
    server: Option<PathBuf>,
    /// Directory for the data directories; select the disk to measure by it [default: the directory of this program]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Duration of each round of creates
    #[arg(long, value_name = "SECONDS", default_value_t = 4)]
    seconds: u64,
    /// Templates in the large list
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    templates: u64,
    /// Trivial jobs for the throughput
    #[arg(long, value_name = "N", default_value_t = 2000)]
    jobs: u64,
    /// Running jobs during the restart of the server
    #[arg(long, value_name = "N", default_value_t = 1000)]
    running: u64,
    /// Run only this part
    #[arg(long, value_enum)]
    only: Option<Part>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    Creates,
    Lists,
    Jobs,
    Logs,
    Plan,
}

#[derive(Debug, Subcommand)]
enum Role {
    /// Serve the no-op handler; the benchmark starts this itself
    #[command(hide = true)]
    Noop,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    if matches!(args.role, Some(Role::Noop)) {
        return noop::run();
    }
    // One thread, because the driver shares the cores with the server that it measures.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(measure(args))
}

async fn measure(args: Args) -> anyhow::Result<()> {
    let own = std::env::current_exe()?;
    let beside = own.parent().context("this program has no parent directory")?;
    let program = args.server.unwrap_or_else(|| beside.join("trainyard"));
    let parent = args.dir.unwrap_or_else(|| beside.to_owned());
    let dir = tempfile::Builder::new()
        .prefix("bench-")
        .tempdir_in(&parent)
        .context("cannot create a directory for the data")?;
    table::line(format!("{}; data in {}", host::describe()?, parent.display()));
    let wanted = |part| args.only.is_none_or(|only| only == part);
    if wanted(Part::Plan) {
        plan::measure();
    }
    if wanted(Part::Creates) {
        creates::measure(&program, &own, dir.path(), args.seconds).await?;
    }
    if wanted(Part::Lists) {
        lists::measure(&program, dir.path(), args.templates).await?;
    }
    if wanted(Part::Jobs) {
        jobs::measure(&program, dir.path(), args.jobs, args.running).await?;
    }
    if wanted(Part::Logs) {
        logs::measure(&program, dir.path()).await?;
    }
    Ok(())
}
