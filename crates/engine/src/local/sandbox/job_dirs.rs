//! The job's own part of the hidden data directory: its three directories, and the files that the launch names.
//!
//! Each is a mount of its own in an otherwise empty, read-only tree. So workers can neither read nor forge the records of
//! their attempt, nor create those of a later one.

use std::{
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use super::{
    dir_identity::DirIdentity,
    mask::Visible,
    mount::{Access, DetachedMount, open_path},
};
use crate::local::{dirs::AttemptDir, mountinfo::MountEntry};

/// Detached mounts of all that the job keeps of the data directory.
pub(super) struct JobDirs {
    /// The data directory, by its real path.
    pub(super) data: PathBuf,
    directories: Vec<Own>,
    files: Vec<Own>,
}

/// A directory or file of the job.
struct Own {
    /// The real path at which the workers see it.
    path: PathBuf,
    mount: DetachedMount,
    identity: DirIdentity,
}

impl JobDirs {
    /// Copies the mounts while the data directory is still visible.
    pub(super) fn detach(mounts: &[MountEntry], attempt: &AttemptDir, files: &[PathBuf]) -> Result<Self, String> {
        Self::try_detach(mounts, attempt, files).map_err(|error| format!("cannot open the job's directories: {error}"))
    }

    fn try_detach(mounts: &[MountEntry], attempt: &AttemptDir, files: &[PathBuf]) -> io::Result<Self> {
        let misplaced = || io::Error::other("the attempt's directory is not in a data directory");
        let (job, data) = (attempt.job().ok_or_else(misplaced)?, attempt.data().ok_or_else(misplaced)?);
        let real = fs::canonicalize(data)?;
        let detach = |path: &Path| -> io::Result<Own> {
            let inner = path.strip_prefix(data).map_err(io::Error::other)?;
            let open = open_path(path)?;
            let (mount, identity) = (DetachedMount::copy_of(&open)?, DirIdentity::of(mounts, &open)?);
            Ok(Own { path: real.join(inner), mount, identity })
        };
        let directories = ["work", "checkpoint", "tmp"].iter().map(|name| detach(&job.join(name)));
        let directories = directories.collect::<io::Result<Vec<_>>>()?;
        let files = files.iter().map(|file| detach(file)).collect::<io::Result<Vec<_>>>()?;
        Ok(Self { data: real, directories, files })
    }

    /// Attaches the mounts in the mask that now covers the data directory.
    pub(super) fn attach(self) -> Result<Vec<Visible>, String> {
        self.try_attach().map_err(|error| format!("cannot mount the job's directories: {error}"))
    }

    fn try_attach(self) -> io::Result<Vec<Visible>> {
        let mut visible = Vec::new();
        let create = |dir: &Path| DirBuilder::new().recursive(true).mode(0o755).create(dir);
        for Own { path, mount, identity } in self.directories {
            create(&path)?;
            mount.attach(open_path(&path)?, Access::Full)?;
            visible.push(Visible { mount: mount.id()?, dir: identity });
        }
        for Own { path, mount, identity } in self.files {
            path.parent().map_or(Ok(()), create)?;
            File::create(&path)?;
            mount.attach(open_path(&path)?, Access::ReadOnly)?;
            visible.push(Visible { mount: mount.id()?, dir: identity });
        }
        Ok(visible)
    }
}
