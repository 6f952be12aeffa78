//! The model of templates, jobs, the queue and the launch environment, and every decision about them.
//!
//! Pure: no input or output, no async, no clock, no randomness; all of these are arguments. The modules form layers: no
//! two of them use each other.

pub mod access;
pub mod attempt;
pub mod capacity;
mod choice;
pub mod document;
pub mod fault;
pub mod framework;
pub mod hex;
pub mod id;
pub mod job;
pub mod job_spec;
pub mod json;
pub mod launch;
pub mod merge;
pub mod parameter;
pub mod path;
pub mod queue;
pub mod reason;
#[cfg(any(test, feature = "samples"))]
pub mod samples;
pub mod secret;
pub mod storage;
pub mod template;
pub mod text;
pub mod time;
pub mod workers;
