//! The calls about the storages of a compute centre.

use serde_json::Value;
use trainyard_api::{
    Empty, Envelope,
    centre::{Storage as WireStorage, StorageCreate},
    failures::{ActionFailures, ChangeFailures, Fails, ReadFailures},
    paths,
};
use trainyard_domain::{
    access::Action,
    id::StorageId,
    job_spec::{Storage, StorageType},
    storage::parse_storage_path,
    text::Name,
};

use super::{
    answer::{Answer, done, ok},
    body_fields::{BodyFields, malformed, one_of},
    extract::{Call, JsonBody, NoBody, NoQuery},
    path::{CentrePath, StoragePath},
};
use crate::{App, app::allow, centres::RunningCentre, clock::new_id, failure::Failure, storages};

/// Add a storage to a centre
///
/// Jobs of the centre can then mount the storage, and can access it only by a mount. The directory must exist. A
/// repeated call with equal content creates nothing new. Admins only.
#[utoipa::path(
    post, path = paths::STORAGE_CREATE, operation_id = "createStorage", tag = "centres", request_body = StorageCreate,
    params(CentrePath),
    responses((status = 200, description = "The storage was added.", body = Envelope<WireStorage>), ChangeFailures, Fails<409>)
)]
pub(crate) async fn create(
    Call { app, actor, path }: Call<CentrePath>,
    _: NoQuery,
    JsonBody(body): JsonBody,
) -> Answer<WireStorage> {
    allow(&actor, Action::ManageCentres)?;
    let new = new_storage(&app, &body)?;
    let added = storages::add(&app, &actor, &path.id, new).await?;
    ok(show(storages::centre(&app, &path.id)?, added))
}

/// List the storages of a centre
///
/// The storages of the configuration first, then the added ones.
#[utoipa::path(
    get, path = paths::STORAGE_LIST, operation_id = "listStorages", tag = "centres",
    params(CentrePath),
    responses((status = 200, description = "The storages.", body = Envelope<Vec<WireStorage>>), ReadFailures)
)]
pub(crate) async fn list(Call { app, path, .. }: Call<CentrePath>, _: NoQuery, _: NoBody) -> Answer<Vec<WireStorage>> {
    ok(all(storages::centre(&app, &path.id)?))
}

/// Delete a storage of a centre
///
/// The files in the storage stay. A storage that is mounted by a job that has not ended cannot be deleted, nor can a
/// storage of the configuration file. Admins only.
#[utoipa::path(
    delete, path = paths::STORAGE_DELETE, operation_id = "deleteStorage", tag = "centres",
    params(StoragePath),
    responses((status = 200, description = "The storage was deleted.", body = Envelope<Empty>), ActionFailures, Fails<409>)
)]
pub(crate) async fn delete(Call { app, actor, path }: Call<StoragePath>, _: NoQuery, _: NoBody) -> Answer<Empty> {
    storages::remove(&app, &actor, &path.id, &path.storage_id).await?;
    done()
}

/// All storages of a centre in wire form.
pub(super) fn all(centre: &RunningCentre) -> Vec<WireStorage> {
    centre.storages().into_iter().map(|storage| show(centre, storage)).collect()
}

fn show(centre: &RunningCentre, storage: Storage) -> WireStorage {
    WireStorage {
        configured: centre.is_configured(&storage.id),
        storage_id: storage.id,
        storage_type: storage.kind.as_str().to_owned(),
        path: storage.path,
        read_only: storage.read_only,
        name: storage.name,
    }
}

/// Reads the body with all its faults.
fn new_storage(app: &App, body: &Value) -> Result<Storage, Failure> {
    let mut fields = BodyFields::of(body, &["storageId", "storageType", "path", "readOnly", "name"])?;
    let name = |text: &str| Name::parse(text).map(|name| name.as_str().to_owned()).map_err(malformed);
    let id = fields.optional("storageId", name);
    let kind = fields.required("storageType", |word| one_of(word, StorageType::WORDS, StorageType::parse));
    let data_dir = std::path::absolute(&app.data_dir).unwrap_or_else(|_| app.data_dir.clone());
    let data_dir = data_dir.to_string_lossy();
    let path = fields.required("path", |text| parse_storage_path(text, &data_dir).map_err(|why| malformed(&why)));
    let read_only = fields.flag("readOnly");
    let name = fields.optional("name", name);
    match (kind, path) {
        (Some(kind), Some(path)) => {
            let id = match id {
                Some(id) => id,
                None => StorageId::from_random(new_id(app.clock.now())?).to_string(),
            };
            fields.finish(Storage { id, name, kind, path, read_only })
        }
        _ => Err(fields.into_failure()),
    }
}
