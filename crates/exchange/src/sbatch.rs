//! Batch scripts for Slurm: written so that they run, and read from anybody's.
//!
//! A worker is one node of the allocation. A script that we wrote is known by its launch part: as long as that is
//! untouched, the rest is read back field by field, with whatever was edited; else it is a script like any other.

mod account;
mod amount;
mod body;
mod directive;
mod launch;
mod option;
mod own;
mod read;
mod reason;
mod render;
mod sizes;
mod write;

pub(super) use read::read;
pub(super) use write::write;

/// With what a comment begins that holds a value of the template which the rest of the script does not say.
const FIELD_MARK: &str = "#= ";
/// The line with which the workers' variables begin.
const VARIABLES: &str = "variables=(";
/// The line with which the parameters' defaults begin.
const PARAMETERS: &str = "parameters=(";
/// With what the workers' command begins.
const COMMAND: &str = "command=";
/// The line that ends a list.
const END_OF_LIST: &str = ")";
/// Where a script of ours writes what its workers say.
const OUTPUT: &str = "slurm-%j.out";

/// The long names of the options of `sbatch`.
#[cfg(test)]
pub(super) fn option_names() -> impl Iterator<Item = &'static str> {
    option::all().map(|option| option.name)
}
