//! Random queues, run to their end in virtual time.
//!
//! `promises` has the properties that the plan must have; `world` advances the time, `strict` is a queue without backfill,
//! and `naive` makes the same decisions as the plan in the simplest and slowest way.

mod naive;
mod promises;
mod strict;
mod world;

use super::*;
