//! The logs of workers: by offset, followed, and raw.

mod follow;
mod read;
mod whole;
