//! The shim alone, as `trainyard shim DIR` runs it. Tests start this program instead of the whole product.

use std::{path::PathBuf, process::exit};

fn main() {
    let Some(dir) = std::env::args_os().nth(2).map(PathBuf::from) else { exit(2) };
    exit(trainyard_engine::local::shim::run(&dir))
}
