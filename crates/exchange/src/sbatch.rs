//! Batch scripts for Slurm: exports that run on a cluster, and imports of any script.
//!
//! A worker is one node of the allocation. The launch part identifies a script that an export wrote: while it is unchanged,
//! the rest is read back field by field, edits included. Any other script is a list of options and a command.

mod account;
mod amount;
mod commands;
mod directive;
mod launch;
mod option;
mod own_script;
mod read;
mod reason;
mod render;
mod sizes;
mod write;

pub(super) use read::read;
pub(super) use write::write;

/// The start of a directive, at the beginning of a line.
const DIRECTIVE: &str = "#SBATCH";
/// The start of a comment with a value of the template that the rest of the script does not express.
const FIELD_MARK: &str = "#= ";
/// The line that opens the list of the workers' variables.
const VARIABLES: &str = "variables=(";
/// The line that opens the list of the parameters' defaults.
const PARAMETERS: &str = "parameters=(";
/// The text before the workers' command, which is one word of bash.
const COMMAND: &str = "command=";
/// The line that closes a list.
const END_OF_LIST: &str = ")";
/// The file for the output of the workers, as `--output` names it; Slurm replaces `%j`.
const OUTPUT: &str = "slurm-%j.out";

/// The long names of all options of `sbatch`.
#[cfg(test)]
pub(super) fn option_names() -> impl Iterator<Item = &'static str> {
    option::all().map(|option| option.name)
}
