//! `demo`: one complete run on this machine, in a minute or two.
//!
//! Finds a framework, starts its own server, saves a template, creates a job from it and follows the training. At the end
//! no process and no temporary file is left, also after a failure or a signal, unless the user asks for `--keep`.

mod checks;
mod framework;
mod own_server;
mod progress;
mod python;
mod steps;
mod summary;
mod venv;

use std::path::PathBuf;

use tokio::signal::unix::{SignalKind, signal};

use crate::{
    demo::{framework::Framework, steps::DemoResources},
    exit::Failure,
    out,
};

/// Arguments of `demo`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Environment variables:\n  \
      TRAINYARD_PYTHON      Python to use\n  \
      TRAINYARD_DEMO_CACHE  directory for files that the next demo reuses\n\n\
    Exit codes:\n  0    the training succeeded\n  1    the training did not succeed\n  130  interrupted, after cleaning up")]
pub(crate) struct DemoArgs {
    /// Leave the server running at the end, and show its address and how to stop it
    #[arg(long)]
    keep: bool,
    /// Framework: pytorch (DistributedDataParallel over gloo), or mpi (NumPy over MPI, in a virtual environment that the
    /// demo creates) [default: pytorch if a Python has torch and sklearn, else mpi]
    #[arg(long, value_enum, hide_possible_values = true)]
    framework: Option<Framework>,
    /// Data directory for the server [default: a new one, deleted at the end]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

/// Runs the command.
pub(crate) async fn run(args: DemoArgs) -> Result<(), Failure> {
    let interrupted = interrupted()?;
    let mut resources = DemoResources::default();
    let result = tokio::select! {
        result = steps::run(&args, &mut resources) => result,
        () = interrupted => Err(Failure::Interrupted),
    };
    if matches!(result, Err(Failure::Interrupted)) {
        out::note("\ninterrupted: cleaning up");
        resources.clean_up().await;
    } else if args.keep && resources.keep() {
        if let Err(failure) = &result {
            out::report(failure);
        }
        resources.print_server()?;
    } else {
        resources.clean_up().await;
    }
    result
}

/// Completes when SIGINT, SIGTERM or SIGHUP arrives.
fn interrupted() -> Result<impl Future<Output = ()>, Failure> {
    let listen = |kind| signal(kind).map_err(|error| Failure::because("cannot listen for signals", error));
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    let mut hangup = listen(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    })
}

/// Prints one step of the demo.
fn step(text: &str) -> Result<(), Failure> {
    out::line(&format!("==> {text}"))
}
