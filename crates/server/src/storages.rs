//! The storages of a centre: those of the configuration, which never change while the server runs, and those that calls
//! add and delete. Also the mounts of a job: which directories the engine mounts, and whether they exist.

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
use trainyard_store::{JobMounts, StorageRow, StoreError};

use crate::{App, app::allow, centres::RunningCentre, failure::Failure};

/// Every state of a job that has not ended and may still need its mounts.
const NOT_ENDED: &[Status] =
    &[Status::Queued, Status::Pending, Status::Starting, Status::Running, Status::Stopping, Status::Retrying];

/// The centre with an id, as written in the path of a call.
///
/// Errors: `NotFound`.
pub fn centre<'a>(app: &'a App, id: &str) -> Result<&'a RunningCentre, Failure> {
    let number = id.parse().ok().map(CentreId);
    number.and_then(|number| app.centres.get(number)).ok_or_else(|| Failure::not_found("compute centre", id))
}

/// Adds a storage. A repeated call with equal content changes nothing.
///
/// Errors: `Forbidden`, `NotFound`, `BadBody` if jobs cannot mount the path, `StorageExists`.
pub async fn add(app: &App, actor: &Actor, centre_id: &str, mut new: Storage) -> Result<Storage, Failure> {
    allow(actor, Action::ManageCentres)?;
    let centre = centre(app, centre_id)?;
    let bad_path = |message| {
        let path = "path".to_owned();
        Failure::BadBody(vec![Fault { path, code: FaultCode::Malformed, message }])
    };
    if let Some(host) = centre.engine.local() {
        new.path = host.find_storage(&new.path).await?.map_err(bad_path)?;
        host.check_storage(Path::new(&new.path)).await?.map_err(bad_path)?;
    } else {
        new.path = parse_storage_path(&new.path, &app.data_dir.to_string_lossy()).map_err(bad_path)?;
    }
    let _one_at_a_time = centre.changing.lock().await;
    if let Some(other) = centre.storages().into_iter().find(|other| other.id == new.id) {
        return if other == new { Ok(new) } else { Err(Failure::StorageExists(new.id)) };
    }
    let row = StorageRow {
        centre: centre.id(),
        storage: new.clone(),
        created_by: actor.user.clone(),
        created: app.clock.now(),
    };
    match app.store.insert_storage(&row).await {
        // The row of an added storage that a configured storage with the same id hides.
        Err(StoreError::Exists) => return Err(Failure::StorageExists(new.id)),
        other => other?,
    }
    centre.add_storage(new.clone());
    Ok(new)
}

/// Deletes a storage that a call has added; the files in it stay.
///
/// Errors: `Forbidden`, `NotFound`, `StorageConfigured`, `StorageInUse`.
pub async fn remove(app: &App, actor: &Actor, centre_id: &str, id: &str) -> Result<(), Failure> {
    allow(actor, Action::ManageCentres)?;
    let centre = centre(app, centre_id)?;
    let _one_at_a_time = centre.changing.lock().await;
    if centre.is_configured(id) {
        return Err(Failure::StorageConfigured);
    }
    let uses = |mount: &Mount| mount.storage_id.as_deref() == Some(id);
    // A job that does not say what it mounts, or where, may use any storage.
    let may_use = |job: &JobMounts| {
        job.centre.is_none_or(|at| at == centre.id())
            && job.mounts.as_ref().is_none_or(|mounts| mounts.iter().any(uses))
    };
    if let Some(job) = app.store.mounts_in(NOT_ENDED).await?.into_iter().find(may_use) {
        return Err(Failure::StorageInUse(job.job));
    }
    match app.store.delete_storage(centre.id(), id).await {
        Err(StoreError::NotFound) => return Err(Failure::not_found("storage", id)),
        other => other?,
    }
    centre.remove_storage(id);
    Ok(())
}

/// The mounts of a job, for its engine.
///
/// Error: a message that names a storage that was deleted after the job was created.
pub fn launch_mounts(centre: &RunningCentre, spec: &JobSpec) -> Result<Vec<LaunchMount>, String> {
    let storages = if spec.mounts.is_empty() { Vec::new() } else { centre.storages() };
    let one = |mount: &Mount| {
        let id = mount.storage_id.as_deref().unwrap_or_default();
        let storage = storages.iter().find(|storage| storage.id == id);
        let storage = storage.ok_or_else(|| format!("the centre no longer has the storage {id}"))?;
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

/// The storages of all centres: a sandbox hides each from jobs that do not mount it.
pub fn hidden_paths(app: &App) -> Vec<PathBuf> {
    let known = app.centres.iter().flat_map(RunningCentre::storages).map(|storage| PathBuf::from(storage.path));
    known.chain(app.centres.unreadable_storages().iter().map(|storage| PathBuf::from(&storage.path))).collect()
}

/// The read-only storages of a centre. No job writes to such a directory, even if another storage of the same directory
/// allows writing.
pub fn read_only_paths(app: &App, centre: &RunningCentre) -> Vec<PathBuf> {
    let read_only = centre.storages().into_iter().filter(|storage| storage.read_only);
    let unreadable = app.centres.unreadable_storages().iter().filter(|storage| storage.read_only);
    let known = read_only.map(|storage| PathBuf::from(storage.path));
    known.chain(unreadable.map(|storage| PathBuf::from(&storage.path))).collect()
}

/// The faults of the mounts of this owner's job that its engine finds now.
///
/// Errors: those of the engine.
pub async fn faults(app: &App, owner: &str, spec: &JobSpec) -> Result<Vec<Fault>, Failure> {
    let Some(centre) = app.centres.get(spec.centre).filter(|_| !spec.mounts.is_empty()) else {
        return Ok(Vec::new());
    };
    let mounts = launch_mounts(centre, spec).map_err(Failure::Internal)?;
    let Some(host) = centre.engine.local() else {
        return Ok(Vec::new());
    };
    let found = host.check_mounts(&centre.previewed_user(owner), &mounts).await?;
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
