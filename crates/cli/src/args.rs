//! What can be typed: the commands and what they have in options. Each command's own arguments live with it.

use clap::{Parser, Subcommand};

use crate::{centre, demo::DemoArgs, job, key, login, server, template};

const EXIT_CODES: &str = "\
Exit codes:
  0    done; where a job was followed, it succeeded
  1    the call failed: the server's message is on standard error, each fault of a field on a line of its own;
       or a preview shows that the job would be refused
  2    the command line or a file given to it is wrong
  3    no server answers
  4    the followed job failed
  5    the followed job was stopped
  130  interrupted
  141  standard output was closed early";

/// Templates and distributed training jobs on your own machines.
#[derive(Debug, Parser)]
#[command(name = "trainyard", version, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the server
    Serve(server::ServeArgs),
    /// See it work: a server, a template, and two workers that train a real model, all on this machine
    Demo(DemoArgs),
    /// Remember a server and an API key
    Login(login::LoginArgs),
    /// Save and manage templates
    #[command(after_help = EXIT_CODES)]
    Template(template::TemplateArgs),
    /// Make, watch and stop jobs
    #[command(after_help = EXIT_CODES)]
    Job(job::JobArgs),
    /// Look at the compute centres
    #[command(after_help = EXIT_CODES)]
    Centre(centre::CentreArgs),
    /// Make and revoke API keys
    #[command(after_help = EXIT_CODES)]
    Key(key::KeyArgs),
    /// Copy the database to a new file, while the server runs or not
    ///
    /// Works on the data directory, not through the API. Logs, checkpoints and the jobs' own files are not in it.
    Backup(server::BackupArgs),
    /// Put a backup in place of the database; the server must be stopped
    ///
    /// What was there before is kept beside it.
    Restore(server::BackupArgs),
    /// Print completions for a shell
    Completions {
        /// The shell to print them for
        shell: clap_complete::Shell,
    },
}
