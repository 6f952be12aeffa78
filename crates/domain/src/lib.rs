//! What things are and what may happen to them.
//!
//! Pure: no input or output, no async, no clock, no randomness; all of these are arguments. Everything that is
//! decided about templates, jobs, the queue and the launch environment is decided here and tested here.

pub mod access;
pub mod attempt;
pub mod capacity;
pub mod fault;
pub mod id;
pub mod job;
pub mod job_spec;
pub mod json;
pub mod launch;
pub mod merge;
pub mod path;
pub mod queue;
#[cfg(test)]
mod samples;
pub mod storage;
pub mod template;
pub mod text;
