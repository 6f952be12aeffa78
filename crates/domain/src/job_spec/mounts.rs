//! Checks the mounts of a document against the storages of its compute centre: the storage of each mount, and whether its
//! mount path is allowed. Whether a directory exists is checked on the host, not here.

use serde_json::{Map, Value, json};

use super::{Centre, Mount, Storage, resolve::Resolver};
use crate::{fault::FaultCode, merge::Source, path, text::mount_key};

/// The directories that the kernel provides; every process needs them unchanged.
const KERNELS: [&str; 3] = ["/proc", "/sys", "/dev"];

/// The directories that almost every program needs. A storage may contain all of their files, so a mount gets a warning.
const SYSTEM: [&str; 6] = ["/bin", "/etc", "/lib", "/lib64", "/sbin", "/usr"];

impl Resolver {
    /// The mounts of the document; adds their problems and warnings.
    pub(super) fn mounts(&mut self, centre: Option<&Centre>) -> Vec<Mount> {
        self.fill("", "storageConfigs", json!([]), Source::Default);
        let items = match self.document.get("storageConfigs") {
            Some(Value::Array(items)) => items.iter().filter_map(Value::as_object).cloned().collect::<Vec<_>>(),
            _ => Vec::new(),
        };
        let data_dir = centre.and_then(|centre| centre.data_dir.as_deref());
        let mut mounts: Vec<Mount> = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let Some(mount_path) = text(item, "mountPath").map(mount_key) else { continue };
            let base = path::mount(item);
            let at = path::member(&base, "mountPath");
            if let Some(why) = mount_path_refusal(&mount_path, data_dir) {
                self.problems.add(&at, FaultCode::NotSupported, why);
            } else if SYSTEM.contains(&mount_path.as_str()) {
                let message = format!("the mount hides the host's {mount_path}, which almost every command needs");
                self.warnings.add(&at, FaultCode::Suspicious, message);
            }
            if let Some(other) = mounts.iter().find(|other| overlap(&other.mount_path, &mount_path)) {
                let message = format!("overlaps with the mount at {}; choose separate paths", other.mount_path);
                self.problems.add(&at, FaultCode::Duplicate, message);
            }
            let storage = self.storage(centre, index, item, &base);
            mounts.push(Mount {
                storage_id: storage.map(|storage| storage.id.clone()),
                directory: text(item, "fileDirectory").map(str::to_owned),
                mount_path,
                read_only: item.get("onlyRead") == Some(&json!(true)) || storage.is_some_and(|one| one.read_only),
            });
        }
        mounts
    }

    /// The storage of a mount. A mount need not name it if the centre has only one. If the engine mounts nothing, only
    /// that is reported.
    fn storage<'c>(
        &mut self,
        centre: Option<&'c Centre>,
        index: usize,
        item: &Map<String, Value>,
        base: &str,
    ) -> Option<&'c Storage> {
        let centre = centre.filter(|centre| centre.can_mount)?;
        let at = path::member(base, "storageId");
        let known = || {
            let ids: Vec<&str> = centre.storages.iter().map(|storage| storage.id.as_str()).collect();
            if ids.is_empty() { "none".to_owned() } else { ids.join(", ") }
        };
        let found = match (text(item, "storageId").filter(|id| !id.is_empty()), centre.storages.as_slice()) {
            (Some(id), storages) => {
                let found = storages.iter().find(|storage| storage.id == id);
                if found.is_none() {
                    let message = format!("compute centre {} has no storage {id:?}; it has {}", centre.id, known());
                    self.problems.add(at, FaultCode::Unknown, message);
                }
                found?
            }
            (None, [only]) => {
                self.name_storage(index, &only.id, at);
                only
            }
            (None, _) => {
                let message = format!("must name a storage of compute centre {}; it has {}", centre.id, known());
                self.problems.add(at, FaultCode::Required, message);
                return None;
            }
        };
        if let Some(sent) = text(item, "storageType").filter(|kind| *kind != found.kind.as_str()) {
            let message = format!("the storage is {}, not {sent}; it is mounted anyway", found.kind.as_str());
            self.warnings.add(path::member(base, "storageType"), FaultCode::Suspicious, message);
        }
        if found.read_only && item.get("onlyRead") == Some(&json!(false)) {
            let message = "the storage is read-only, so this mount is read-only too";
            self.warnings.add(path::member(base, "onlyRead"), FaultCode::Suspicious, message);
        }
        Some(found)
    }

    fn name_storage(&mut self, index: usize, id: &str, at: String) {
        let item = self.document.get_mut("storageConfigs").and_then(|items| items.get_mut(index));
        if let Some(item) = item.and_then(Value::as_object_mut) {
            item.insert("storageId".to_owned(), json!(id));
            self.provenance.insert(at, Source::Default);
        }
    }
}

/// The reason why a mount path is not allowed; `None` if it is allowed.
pub fn mount_path_refusal(mount_path: &str, data_dir: Option<&str>) -> Option<String> {
    let within = |dir: &&str| *dir == mount_path || is_below(mount_path, dir);
    if mount_path == "/" {
        return Some("nothing can be mounted over `/`".to_owned());
    }
    if let Some(dir) = KERNELS.iter().find(|dir| within(dir)) {
        return Some(format!("nothing can be mounted at {dir} or below"));
    }
    let data = data_dir.map(mount_key)?;
    (mount_path == data || overlap(mount_path, &data))
        .then(|| "nothing can be mounted over the server's data directory or inside it".to_owned())
}

fn text<'i>(item: &'i Map<String, Value>, key: &str) -> Option<&'i str> {
    item.get(key).and_then(Value::as_str)
}

fn is_below(path: &str, dir: &str) -> bool {
    path.strip_prefix(dir).is_some_and(|rest| rest.starts_with('/'))
}

fn overlap(one: &str, other: &str) -> bool {
    is_below(one, other) || is_below(other, one)
}
