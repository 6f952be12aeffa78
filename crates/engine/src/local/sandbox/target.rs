//! The place at which workers see a mount: whether it may be one, and making it where it is missing.

use std::{
    fs::{self, DirBuilder},
    io,
    os::{fd::OwnedFd, unix::fs::DirBuilderExt as _},
    path::{Path, PathBuf},
};

use rustix::fs::{Access, AtFlags, CWD, Mode, OFlags, accessat, openat};

/// What is not a directory of files, or is needed as it is by every process.
const KERNELS: [&str; 3] = ["/proc", "/sys", "/dev"];

/// Whether a mount may lie at this real path.
fn allowed(data: &Path, real: &Path) -> Result<(), String> {
    let shown = real.display();
    let kernels = KERNELS.into_iter().find(|dir| real.starts_with(dir));
    if real == Path::new("/") {
        Err("nothing can be mounted over `/`".to_owned())
    } else if let Some(dir) = kernels {
        Err(format!("leads to {shown}: nothing can be mounted at {dir} or below"))
    } else if real.starts_with(data) || data.starts_with(real) {
        Err(format!("leads to {shown}: nothing can be mounted over the server's data directory or inside it"))
    } else {
        Ok(())
    }
}

/// Whether it could be made now: what exists of it is a directory, and the rest can be made below.
pub(super) fn check(data: &Path, target: &Path) -> Result<(), String> {
    let mut existing = target;
    loop {
        match fs::metadata(existing) {
            Ok(found) if found.is_dir() => break,
            Ok(_) if existing == target => return Err("is a file on this host: choose another place".to_owned()),
            Ok(_) => return Err(format!("{} is a file on this host, not a directory", existing.display())),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                if fs::symlink_metadata(existing).is_ok() {
                    return Err(format!("{} is a link that leads nowhere", existing.display()));
                }
                existing = existing.parent().unwrap_or(Path::new("/"));
            }
            Err(error) => return Err(format!("{} cannot be looked at: {error}", existing.display())),
        }
    }
    let real = fs::canonicalize(existing).map_err(|error| format!("{} has no end: {error}", existing.display()))?;
    let rest = target.strip_prefix(existing).unwrap_or(Path::new(""));
    allowed(data, &if rest.as_os_str().is_empty() { real } else { real.join(rest) })?;
    let is_missing = existing != target;
    if is_missing && accessat(CWD, existing, Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS).is_err() {
        let shown = existing.display();
        return Err(format!("does not exist on this host, and the server may not make it in {shown}"));
    }
    Ok(())
}

/// Opens the place, which is made where it is missing: directories only, and they stay. Answers its real path too.
pub(super) fn open(data: &Path, target: &Path) -> Result<(OwnedFd, PathBuf), String> {
    let shown = target.display();
    let made = DirBuilder::new().recursive(true).mode(0o755).create(target);
    made.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => format!("{shown} is a file on this host, where nothing can be mounted"),
        _ => format!("the directory {shown} cannot be made: {error}"),
    })?;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let open =
        openat(CWD, target, flags, Mode::empty()).map_err(|error| format!("{shown} cannot be opened: {error}"))?;
    let real = super::tree::real_path(&open).map_err(|error| format!("{shown} has no path: {error}"))?;
    allowed(data, &real).map_err(|why| format!("{shown} {why}"))?;
    Ok((open, real))
}
