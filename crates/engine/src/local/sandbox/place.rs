//! The job's own part of the hidden data directory: its three directories, and the files that the launch names.
//!
//! Each is a mount of its own in an otherwise empty and sealed tree, so the records of the attempt can neither be read
//! nor forged, nor can those of a later one.

use std::{
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use super::{
    cover::Meant,
    dir_identity::DirIdentity,
    list::Mounted,
    tree::{self, Access, Tree},
};
use crate::local::dirs::AttemptDir;

/// What the workers keep.
pub(super) struct Place {
    /// The data directory, by its real path.
    pub(super) data: PathBuf,
    /// Real paths with what belongs there.
    directories: Vec<Own>,
    files: Vec<Own>,
}

/// One of the job's own.
struct Own {
    path: PathBuf,
    tree: Tree,
    spot: DirIdentity,
}

impl Place {
    /// Takes them while they can be seen.
    pub(super) fn take(mounts: &[Mounted], attempt: &AttemptDir, files: &[PathBuf]) -> Result<Self, String> {
        Self::read(mounts, attempt, files)
            .map_err(|error| format!("the job's own directories cannot be opened: {error}"))
    }

    fn read(mounts: &[Mounted], attempt: &AttemptDir, files: &[PathBuf]) -> io::Result<Self> {
        let strange = || io::Error::other("the attempt's directory lies in no data directory");
        let (job, data) = (attempt.job().ok_or_else(strange)?, attempt.data().ok_or_else(strange)?);
        let real = fs::canonicalize(data)?;
        let take = |path: &Path| -> io::Result<Own> {
            let inner = path.strip_prefix(data).map_err(io::Error::other)?;
            let open = tree::open(path)?;
            Ok(Own { path: real.join(inner), tree: Tree::of(&open)?, spot: DirIdentity::of(mounts, &open)? })
        };
        let directories = ["work", "checkpoint", "tmp"].iter().map(|name| take(&job.join(name)));
        let directories = directories.collect::<io::Result<Vec<_>>>()?;
        let files = files.iter().map(|file| take(file)).collect::<io::Result<Vec<_>>>()?;
        Ok(Self { data: real, directories, files })
    }

    /// Puts them into the empty directory that now stands where the data directory was.
    pub(super) fn put(self) -> Result<Vec<Meant>, String> {
        self.write().map_err(|error| format!("the job's own directories cannot be mounted: {error}"))
    }

    fn write(self) -> io::Result<Vec<Meant>> {
        let mut meant = Vec::new();
        let make = |dir: &Path| DirBuilder::new().recursive(true).mode(0o755).create(dir);
        for Own { path, tree, spot } in self.directories {
            make(&path)?;
            tree.put(tree::open(&path)?, Access::Own)?;
            meant.push(Meant { mount: tree.number()?, spot });
        }
        for Own { path, tree, spot } in self.files {
            path.parent().map_or(Ok(()), make)?;
            File::create(&path)?;
            tree.put(tree::open(&path)?, Access::Read)?;
            meant.push(Meant { mount: tree.number()?, spot });
        }
        Ok(meant)
    }
}
