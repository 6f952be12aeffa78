//! Backups of the database, and putting one back.
//!
//! A backup is a copy of one moment. What a server did after it is not in it, so a job that waits there may have run
//! since. In the data directory it was made in, the jobs' own folders say so: an attempt that has begun is found and
//! never begun again. In another one nobody can say, and then nothing that waits is run.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use trainyard_domain::job::{Event, Status};
use trainyard_store::backup;

use crate::{App, DATABASE, ServeError, clock::random, failure::Failure, lock, loops::apply, private_file};

/// Names a data directory; the database that belongs to it knows it too.
const IDENTITY_FILE: &str = "identity";
/// Where the database goes that a backup is put in place of; later ones have a number too.
const BEFORE: &str = "trainyard.db.before-restore";
/// What SQLite keeps beside its file; it would be read into whatever lies there next.
const BESIDE: [&str; 2] = ["trainyard.db-wal", "trainyard.db-shm"];
/// How long a job has that nobody knows any more.
const STRAY_GRACE_SECONDS: u32 = 30;

/// Copies the database of a data directory to a new file, whether its server runs or not.
///
/// # Errors
/// Where there is no database, where the file exists, or where it cannot be written.
pub async fn make(data_dir: &Path, file: &Path) -> Result<(), ServeError> {
    let database = data_dir.join(DATABASE);
    fs::metadata(&database).map_err(failed(&database))?;
    match fs::symlink_metadata(file) {
        Ok(_) => {
            let error = io::Error::new(io::ErrorKind::AlreadyExists, "exists; choose another name, or remove it first");
            return Err(ServeError::Files { path: file.to_owned(), error });
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(file)(error)),
    }
    backup::make(&database, file).await.map_err(Failure::from)?;
    Ok(())
}

/// Puts a backup in place of a data directory's database, which is kept beside it; answers where. The server must be
/// stopped. The backup itself stays as it is.
///
/// # Errors
/// Where the directory is in use, or the file is no whole database that this program knows.
pub async fn restore(data_dir: &Path, file: &Path) -> Result<Option<PathBuf>, ServeError> {
    backup::check(file).await.map_err(Failure::from)?;
    let lock = lock::take(data_dir).await?;
    let database = data_dir.join(DATABASE);
    let before = new_name(data_dir).map_err(failed(data_dir))?;
    let had_one = fs::exists(&database).map_err(failed(&database))?;
    if had_one {
        // Whole, with what its log holds, which is not yet in its file.
        backup::make(&database, &before).await.map_err(Failure::from)?;
    }
    // From here on there is no way back but the copies; each step may be repeated.
    for name in BESIDE {
        remove(&data_dir.join(name))?;
    }
    backup::put(file, &database).await.map_err(Failure::from)?;
    lock::release(&lock);
    Ok(had_one.then_some(before))
}

/// Whatever was kept before stays: it may be all that is left of what somebody misses.
fn new_name(data_dir: &Path) -> io::Result<PathBuf> {
    let mut name = data_dir.join(BEFORE);
    for number in 2_u32.. {
        if !fs::exists(&name)? {
            break;
        }
        name = data_dir.join(format!("{BEFORE}-{number}"));
    }
    Ok(name)
}

fn remove(path: &Path) -> Result<(), ServeError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(path)(error)),
        _ => Ok(()),
    }
}

fn failed(path: &Path) -> impl Fn(io::Error) -> ServeError {
    let path = path.to_owned();
    move |error| ServeError::Files { path: path.clone(), error }
}

/// Brings rows and reality together before the loops start, and makes database and data directory know each other.
///
/// # Errors
/// Those of the store and of the directory.
pub(crate) async fn settle(app: &App) -> Result<(), ServeError> {
    let own = identity(&app.data_dir)?;
    let before = app.store.belongs_to().await.map_err(Failure::from)?;
    if before.as_ref().is_some_and(|before| *before != own) {
        end_what_may_have_run(app).await?;
    }
    end_strays(app).await?;
    if before.as_ref() != Some(&own) {
        // Last, so that a server that is killed before it begins again.
        app.store.belong_to(&own).await.map_err(Failure::from)?;
    }
    Ok(())
}

/// The name of this data directory, given when it is first asked for.
fn identity(data_dir: &Path) -> Result<String, ServeError> {
    let path = data_dir.join(IDENTITY_FILE);
    match fs::read_to_string(&path) {
        Ok(text) => return Ok(text.trim().to_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(&path)(error)),
    }
    let random = random::<16>().map_err(Failure::from)?;
    let identity: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    private_file::write(&path, &identity).map_err(failed(&path))?;
    Ok(identity)
}

/// What waits in a database from elsewhere may have run there since.
async fn end_what_may_have_run(app: &App) -> Result<(), Failure> {
    let waiting = app.store.jobs_in(&[Status::Queued, Status::Retrying, Status::Starting]).await?;
    for job in waiting.iter().filter(|job| job.attempt.as_ref().is_none_or(|attempt| attempt.handle.is_none())) {
        let message = "the database was brought here from another data directory, where the job may have run since; \
                       restart it if it has not";
        tracing::warn!(job = %job.id, "not run: {message}");
        apply(app, job, Event::Unaccounted(message.to_owned())).await?;
    }
    Ok(())
}

/// What runs here without a row was made after the backup that was put back: nobody could see or stop it, and what it
/// takes would be handed out again. It is stopped; its files stay.
async fn end_strays(app: &App) -> Result<(), Failure> {
    for centre in app.centres.iter() {
        let here = centre.engine.found().await?;
        for id in app.store.unknown_of(&here).await? {
            match centre.engine.abandon(&id, STRAY_GRACE_SECONDS).await {
                Ok(0) => {}
                Ok(_) => tracing::warn!(job = %id, "stopped: it runs, and the database knows nothing of it"),
                Err(error) => {
                    tracing::error!(job = %id, "cannot be stopped, and the database knows nothing of it: {error}")
                }
            }
        }
    }
    Ok(())
}
