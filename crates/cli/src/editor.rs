//! Opening a file in the user's editor. Apart from the demo, only this file starts a program.

use std::{path::Path, process::Command};

use crate::exit::Failure;

/// Opens a file in `$VISUAL`, else `$EDITOR`, else `vi`, and waits until the editor ends.
///
/// The variable may contain arguments (`code --wait`). A shell splits them, as git and other programs do.
pub(crate) fn open(path: &Path) -> Result<(), Failure> {
    let given = |name: &str| std::env::var(name).ok().filter(|text| !text.trim().is_empty());
    let editor = given("VISUAL").or_else(|| given("EDITOR")).unwrap_or_else(|| "vi".to_owned());
    let status = Command::new("/bin/sh").arg("-c").arg(format!("{editor} \"$1\"")).arg("sh").arg(path).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure::Other(format!("the editor ({editor}) ended with {status}; nothing was saved"))),
        Err(error) => {
            Err(Failure::because(&format!("cannot start the editor ({editor}); set EDITOR to another one"), error))
        }
    }
}
