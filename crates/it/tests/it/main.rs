//! Tests of the whole: the real router over a real database, with real processes behind it.

mod harness;
mod jobs;
mod templates;
