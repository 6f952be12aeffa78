//! Tests of the whole: the real router over a real database, with real processes behind it.

mod access;
mod backup;
mod bad_input;
mod caller;
mod centres;
mod clocks;
mod command_line;
mod contract;
mod crash;
mod daemon;
mod events;
mod exchange;
mod frameworks;
mod harness;
mod jobs;
mod keys;
mod limits;
mod logs;
mod openapi;
mod processes;
mod restart;
mod samples;
mod scheduler;
mod slurm;
mod stop;
mod templates;
