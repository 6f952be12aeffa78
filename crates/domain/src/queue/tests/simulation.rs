//! Random queues, run to their end in virtual time.
//!
//! What is held against the plan stands in `promises`; `world` carries the time on, `strict` is a queue without
//! backfill, and `naive` decides the same as the plan in the slowest and plainest way.

mod naive;
mod promises;
mod strict;
mod world;

use super::*;
