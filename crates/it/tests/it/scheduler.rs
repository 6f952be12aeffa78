//! Who starts, where, and why the others wait.

mod clean_gpus;
mod gpus;
mod order;
mod passing;
mod ports;
mod reasons;
