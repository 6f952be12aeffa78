//! The command line of a shim that is a copy of the starter: the list of processes shows its attempt, as if the shim had
//! been started with that argument.

use std::{
    fs::{self, OpenOptions},
    os::unix::fs::FileExt as _,
};

use super::STARTER;

/// The place of the arguments in this process's memory, from the starter's own argument on.
#[derive(Clone, Copy, Debug)]
pub(super) struct ProcessTitle {
    address: u64,
    length: usize,
}

impl ProcessTitle {
    /// Finds the arguments; `None` if the kernel does not report where they are.
    pub(super) fn find() -> Option<Self> {
        let arguments = fs::read("/proc/self/cmdline").ok()?;
        let word = STARTER.as_bytes();
        let mut offset = 0;
        for argument in arguments.split(|byte| *byte == 0) {
            if argument == word {
                let stat = fs::read_to_string("/proc/self/stat").ok()?;
                return Some(Self {
                    address: start_of_arguments(&stat)? + offset as u64,
                    length: arguments.len() - offset,
                });
            }
            offset += argument.len() + 1;
        }
        None
    }

    /// Overwrites the arguments with this text, as far as it fits. Nothing else depends on it.
    pub(super) fn show(&self, text: &[u8]) {
        let mut shown = text.to_vec();
        // The last zero stays: it shows the kernel where the arguments end.
        shown.truncate(self.length.saturating_sub(1));
        shown.resize(self.length, 0);
        let memory = OpenOptions::new().write(true).open("/proc/self/mem");
        let _ = memory.and_then(|memory| memory.write_all_at(&shown, self.address));
    }
}

/// Field 48 of `/proc/<pid>/stat`, see proc(5).
fn start_of_arguments(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_ascii_whitespace().nth(45)?.parse().ok()
}
