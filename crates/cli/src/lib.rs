//! The `trainyard` command: the server, the client, the demo, and the shim, which runs the workers of one attempt.
//!
//! This file turns a command line into a command and a failure into an exit code. Each command has its own module.

mod args;
mod body;
mod centre;
mod connect;
mod demo;
mod editor;
mod exit;
mod job;
mod key;
mod lines;
mod login;
mod login_file;
mod lookup;
mod options;
mod out;
mod paths;
mod request;
mod secret;
mod server;
mod set;
mod table;
mod template;
mod terminal;
mod times;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use tokio::runtime::Builder;

use crate::{
    args::{Cli, Command},
    exit::Failure,
};

/// The first argument with which the server starts the shim of an attempt. Users do not call it, so help does not list it.
const SHIM: &str = "shim";

/// Runs the command line that this process was started with.
pub fn main() -> ExitCode {
    // The shim starts before any other thread exists, because some of its system calls need a single-threaded process.
    // It also starts before clap builds the tree of commands, which would take half of an attempt's start time.
    let mut words = std::env::args_os().skip(1);
    if words.next().is_some_and(|word| word == SHIM)
        && let Some(dir) = words.next()
    {
        std::process::exit(trainyard_engine::local::shim::run(dir.as_ref()));
    }
    let done = run(Cli::parse().command);
    out::finish();
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            out::report(&failure);
            ExitCode::from(failure.code())
        }
    }
}

fn run(command: Command) -> Result<(), Failure> {
    let mut runtime = match command {
        Command::Serve(_) => Builder::new_multi_thread(),
        _ => Builder::new_current_thread(),
    };
    let runtime = runtime.enable_all().build().map_err(|error| Failure::because("cannot start the runtime", error))?;
    runtime.block_on(async {
        match command {
            Command::Serve(args) => server::serve(args).await,
            Command::Demo(args) => demo::run(args).await,
            Command::Login(args) => login::run(args).await,
            Command::Template(args) => template::run(args).await,
            Command::Job(args) => job::run(args).await,
            Command::Centre(args) => centre::run(args).await,
            Command::Secret(args) => secret::run(args).await,
            Command::Key(args) => key::run(args).await,
            Command::Backup(args) => server::backup(args).await,
            Command::Restore(args) => server::restore(args).await,
            Command::Completions { shell } => completions(shell),
        }
    })
}

fn completions(shell: clap_complete::Shell) -> Result<(), Failure> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "trainyard", &mut text);
    out::bytes(&text)
}
