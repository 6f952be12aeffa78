//! Who starts, where, and why the others wait.

mod gpus;
mod order;
mod ports;
mod reasons;
