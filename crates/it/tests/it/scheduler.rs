//! Which jobs start, on which resources, and why the others wait.

mod backfill;
mod gpus;
mod order;
mod ports;
mod quarantine;
mod waiting_reasons;
