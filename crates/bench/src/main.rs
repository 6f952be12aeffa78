//! `make bench`: how fast the server is, as ratios to a no-op handler, to the disk, to a small number of templates, to a
//! bare program and to Slurm; and how long the plan of a long queue takes.
//!
//! Everything that is compared is measured in one run on one machine. Slow figures are no failure: the exit status only
//! says whether the run came to its end.

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
    /// The server's program [default: `trainyard` beside this program]
    #[arg(long, value_name = "FILE")]
    server: Option<PathBuf>,
    /// Where the data directories are made; should lie on the disk that is to be measured [default: beside this program]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// How long each measurement of creates takes
    #[arg(long, value_name = "SECONDS", default_value_t = 4)]
    seconds: u64,
    /// How many templates the large list has
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    templates: u64,
    /// How many trivial jobs go through their whole life
    #[arg(long, value_name = "N", default_value_t = 2000)]
    jobs: u64,
    /// How many jobs run while the server is started again
    #[arg(long, value_name = "N", default_value_t = 1000)]
    running: u64,
    /// Only one part
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
    /// Answers every call after parsing its body; run by this program itself.
    #[command(hide = true)]
    Noop,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    if matches!(args.role, Some(Role::Noop)) {
        return noop::run();
    }
    // One thread, so that the driver takes as little as it can of the cores that it shares with the server.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(measure(args))
}

async fn measure(args: Args) -> anyhow::Result<()> {
    let own = std::env::current_exe()?;
    let beside = own.parent().context("this program lies in no directory")?;
    let program = args.server.unwrap_or_else(|| beside.join("trainyard"));
    let parent = args.dir.unwrap_or_else(|| beside.to_owned());
    let dir = tempfile::Builder::new().prefix("bench-").tempdir_in(&parent).context("no place for the data")?;
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
