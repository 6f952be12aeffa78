//! Who starts, where, and why the others wait.

mod gpus;
mod order;
mod passing;
mod ports;
mod reasons;
