//! Who starts, where, and why the others wait.

mod backfill;
mod gpus;
mod order;
mod ports;
mod quarantine;
mod waiting_reasons;
