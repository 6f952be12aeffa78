//! `demo`: the whole way once through, on this machine, in a minute or two.
//!
//! Finds a framework, starts a server of its own, saves a template, makes a job from it and watches it train. Whatever
//! happens, at the end nothing is left running and nothing left lying about, unless `--keep` asks for it.

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
#[command(
    after_help = "TRAINYARD_PYTHON names the Python to use; TRAINYARD_DEMO_CACHE the folder for what can be used \
    again (scripts, and for mpi a virtual environment).\n\nExit codes: 0 the training succeeded, 1 it did not, \
    130 interrupted (everything is cleaned up then, too)."
)]
pub(crate) struct DemoArgs {
    /// Leave the server running at the end, and say where it is and how to stop it
    #[arg(long)]
    keep: bool,
    /// What to train with; by default pytorch where a Python has torch and sklearn, else mpi
    #[arg(long, value_enum)]
    framework: Option<Framework>,
    /// Data directory for the server; by default a fresh one that is deleted at the end
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

/// Ends when somebody wants the demo to end.
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

/// Says one step.
fn step(text: &str) -> Result<(), Failure> {
    out::line(&format!("==> {text}"))
}
