//! The root of the command line: the list of commands. The module of each command has its arguments.

use clap::{Parser, Subcommand};

use crate::{centre, demo::DemoArgs, job, key, login, secret, server, template};

const KEY_AND_EXIT_CODES: &str = "\
A command calls the server of --server, of the saved login, or of this machine.
It calls the server of this machine over its Unix socket: root and the user of
the server need no API key there. Otherwise the key is the value of
TRAINYARD_API_KEY, or the key of the saved login.

Exit codes:
  0    success; with --follow, the job succeeded
  1    the server refused the call or failed: its message is on standard error,
       one line for each faulty field; or a preview found problems
  2    the command line, or a file named on it, is wrong
  3    no server answers
  4    the followed job failed
  5    the followed job was stopped
  130  interrupted
  141  standard output was closed early";

/// Run distributed training jobs on your own machines, from templates.
#[derive(Debug, Parser)]
#[command(name = "trainyard", version, after_help = KEY_AND_EXIT_CODES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// All commands except the hidden `shim`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the server
    Serve(server::ServeArgs),
    /// Show a complete run: start a server, save a template, train a real model on two workers
    Demo(DemoArgs),
    /// Save the address of a server and an API key for later commands
    Login(login::LoginArgs),
    /// Create, change, compare, import and export templates
    #[command(after_help = KEY_AND_EXIT_CODES)]
    Template(template::TemplateArgs),
    /// Create, follow, stop and restart jobs
    #[command(after_help = KEY_AND_EXIT_CODES)]
    Job(job::JobArgs),
    /// Show compute centres and manage their storages
    #[command(after_help = KEY_AND_EXIT_CODES)]
    Centre(centre::CentreArgs),
    /// Create, list and delete the secrets of a project
    #[command(after_help = KEY_AND_EXIT_CODES)]
    Secret(secret::SecretArgs),
    /// Create, list and revoke API keys
    #[command(after_help = KEY_AND_EXIT_CODES)]
    Key(key::KeyArgs),
    /// Copy the database to a new file; the server may be running
    #[command(after_help = "Reads the data directory and does not use the API. The backup contains no logs, no \
        checkpoints and no other files of jobs.")]
    Backup(server::BackupArgs),
    /// Replace the database by a backup; the server must be stopped
    #[command(after_help = "The previous database stays beside the new one, under another name.")]
    Restore(server::BackupArgs),
    /// Print a completion script for a shell
    Completions {
        /// Shell that reads the script
        shell: clap_complete::Shell,
    },
}
