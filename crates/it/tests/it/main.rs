//! Tests of the whole: the real router over a real database, with real processes behind it.

mod bad_input;
mod caller;
mod contract;
mod daemon;
mod harness;
mod jobs;
mod openapi;
mod processes;
mod restart;
mod samples;
mod templates;
