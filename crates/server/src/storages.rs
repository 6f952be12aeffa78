//! The storages of a centre: those of the configuration, which never change while the server runs, and those that were
//! added to it; and whether what a job wants mounted is there.

use std::path::{Path, PathBuf};

use trainyard_domain::{
    access::{Action, Actor},
    fault::{Fault, FaultCode},
    id::CentreId,
    job::Status,
    job_spec::{JobSpec, Mount, Storage},
    path,
    storage::parse_storage_path,
};
use trainyard_engine::{LaunchMount, MountPart};
use trainyard_store::{StorageRow, StoreError};

use crate::{App, app::allow, centres::RunningCentre, failure::Failure};

/// Every state in which a job may still need its mounts.
const NOT_ENDED: &[Status] = &[Status::Queued, Status::Starting, Status::Running, Status::Stopping, Status::Retrying];

/// The centre of a number, as callers write it.
///
/// # Errors
/// `NotFound`.
pub fn centre<'a>(app: &'a App, id: &str) -> Result<&'a RunningCentre, Failure> {
    let number = id.parse().ok().map(CentreId);
    number.and_then(|number| app.centres.get(number)).ok_or_else(|| Failure::not_found("compute centre", id))
}

/// Adds a storage. Said twice with equal content it is added once.
///
/// # Errors
/// `Forbidden`, `NotFound`, `BadBody` where nothing can be mounted from its path, `StorageExists`.
pub async fn add(app: &App, actor: &Actor, centre_id: &str, mut new: Storage) -> Result<Storage, Failure> {
    allow(actor, Action::ManageCentres)?;
    let centre = centre(app, centre_id)?;
    let wrong = |message| {
        let path = "path".to_owned();
        Failure::BadBody(vec![Fault { path, code: FaultCode::Malformed, message }])
    };
    new.path = real_path(&app.data_dir, &new.path).await.map_err(wrong)?;
    centre.engine.check_storage(Path::new(&new.path)).await?.map_err(wrong)?;
    let _one_at_a_time = centre.changing.lock().await;
    if let Some(other) = centre.storages().into_iter().find(|other| other.id == new.id) {
        return if other == new { Ok(new) } else { Err(Failure::StorageExists(new.id)) };
    }
    let row = StorageRow {
        centre: centre.view.id,
        storage: new.clone(),
        created_by: actor.user.clone(),
        created: app.clock.now(),
    };
    match app.store.insert_storage(&row).await {
        // A row that the configuration's own storage of this id hid.
        Err(StoreError::Exists) => return Err(Failure::StorageExists(new.id)),
        other => other?,
    }
    centre.add_storage(new.clone());
    Ok(new)
}

/// Removes a storage that was added; what lies in it stays.
///
/// # Errors
/// `Forbidden`, `NotFound`, `StorageConfigured`, `StorageInUse`.
pub async fn remove(app: &App, actor: &Actor, centre_id: &str, id: &str) -> Result<(), Failure> {
    allow(actor, Action::ManageCentres)?;
    let centre = centre(app, centre_id)?;
    let _one_at_a_time = centre.changing.lock().await;
    if centre.is_configured(id) {
        return Err(Failure::StorageConfigured);
    }
    let jobs = app.store.jobs_in(NOT_ENDED).await?;
    let uses = |mount: &Mount| mount.storage_id.as_deref() == Some(id);
    let user = jobs.into_iter().find(|job| job.centre() == centre.view.id && job.spec.mounts.iter().any(uses));
    if let Some(job) = user {
        return Err(Failure::StorageInUse(job.id));
    }
    match app.store.delete_storage(centre.view.id, id).await {
        Err(StoreError::NotFound) => return Err(Failure::not_found("storage", id)),
        other => other?,
    }
    centre.remove_storage(id);
    Ok(())
}

/// The path under which a storage is kept: its real one.
async fn real_path(data_dir: &Path, text: &str) -> Result<String, String> {
    let data = tokio::fs::canonicalize(data_dir).await.map_err(|error| format!("cannot be compared: {error}"))?;
    let data = data.to_string_lossy();
    let wanted = parse_storage_path(text, &data)?;
    let real = tokio::fs::canonicalize(&wanted).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => "does not exist on the centre's host: make or mount it first".to_owned(),
        _ => format!("cannot be looked at: {error}"),
    })?;
    if !real.is_dir() {
        return Err("is not a directory".to_owned());
    }
    let real = real.to_str().ok_or("leads to a path that is no UTF-8 text")?;
    parse_storage_path(real, &data).map_err(|why| format!("leads to {real}, which {why}"))
}

/// What the engine is to mount for a job; a sentence where a storage has gone since the job was made.
///
/// # Errors
/// Which storage is missing.
pub fn launch_mounts(centre: &RunningCentre, spec: &JobSpec) -> Result<Vec<LaunchMount>, String> {
    let storages = if spec.mounts.is_empty() { Vec::new() } else { centre.storages() };
    let one = |mount: &Mount| {
        let id = mount.storage_id.as_deref().unwrap_or_default();
        let storage = storages.iter().find(|storage| storage.id == id);
        let storage = storage.ok_or_else(|| format!("the centre has no storage {id} any more"))?;
        Ok(LaunchMount {
            storage: storage.id.clone(),
            root: PathBuf::from(&storage.path),
            directory: mount.directory.clone(),
            target: PathBuf::from(&mount.mount_path),
            read_only: mount.read_only || storage.read_only,
        })
    };
    spec.mounts.iter().map(one).collect()
}

/// What is hidden from jobs that do not mount it: every storage of this server's centres.
pub fn hidden_paths(app: &App) -> Vec<PathBuf> {
    app.centres.iter().flat_map(RunningCentre::storages).map(|storage| PathBuf::from(storage.path)).collect()
}

/// What jobs of a centre may only read: a directory that was registered read-only and, by another id or path, not so is
/// written by nobody.
pub fn read_only_paths(centre: &RunningCentre) -> Vec<PathBuf> {
    let read_only = centre.storages().into_iter().filter(|storage| storage.read_only);
    read_only.map(|storage| PathBuf::from(storage.path)).collect()
}

/// Everything that keeps a job's mounts from being made now, as its engine sees it.
///
/// # Errors
/// Those of the engine.
pub async fn faults(app: &App, spec: &JobSpec) -> Result<Vec<Fault>, Failure> {
    let Some(centre) = app.centres.get(spec.centre).filter(|_| !spec.mounts.is_empty()) else {
        return Ok(Vec::new());
    };
    let wanted = launch_mounts(centre, spec).map_err(Failure::Internal)?;
    let found = centre.engine.check_mounts(&wanted).await?;
    let faults = spec.mounts.iter().zip(found).filter_map(|(mount, found)| {
        let fault = found.err()?;
        let (member, code) = match fault.part {
            MountPart::Storage => ("storageId", FaultCode::NotSupported),
            MountPart::Directory => ("fileDirectory", FaultCode::Unknown),
            MountPart::Target => ("mountPath", FaultCode::NotSupported),
        };
        let path = path::member(&path::keyed("storageConfigs", &mount.mount_path), member);
        Some(Fault { path, code, message: fault.message })
    });
    Ok(faults.collect())
}
