//! The engines as their users see them: real shims, real processes, real files.
//!
//! No test sleeps to wait for a state; all of them look again until a deadline that is far away.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "clippy knows test functions, and these are the functions that they share"
)]

mod aliases;
mod attacks;
mod clocks;
mod contract;
mod cooperation;
mod ends;
mod groups;
mod kill_methods;
mod limits;
mod logs;
mod lost;
mod pids;
mod sandbox;
mod secrets;
mod starter;
mod stops;
mod support;
mod survival;
mod upgrade;
