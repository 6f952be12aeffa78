//! All paths of the API: constants with `{placeholders}` for routes, and `fill` for calls.

#[cfg(test)]
mod tests;

/// `GET`: says that the process runs; needs no key.
pub const HEALTHZ: &str = "/healthz";
/// `GET`: says whether the server can answer calls; needs no key.
pub const READYZ: &str = "/readyz";
/// `GET`: returns the OpenAPI document; needs no key.
pub const OPENAPI: &str = "/openapi.json";
/// `GET`: shows the OpenAPI document in a browser; needs no key.
pub const DOCS: &str = "/docs";

/// `POST`: creates a template.
pub const TEMPLATE_CREATE: &str = "/v1/training/template/create";
/// `GET`: lists templates.
pub const TEMPLATE_LIST: &str = "/v1/training/template/list";
/// `GET`: says whether a template name is free.
pub const NAME_AVAILABLE: &str = "/v1/training/template/name-available";
/// `GET`: reads one template.
pub const TEMPLATE_DETAIL: &str = "/v1/training/template/{id}/detail";
/// `PUT`: replaces the content of a template.
pub const TEMPLATE_UPDATE: &str = "/v1/training/template/{id}/update";
/// `DELETE`: deletes a template.
pub const TEMPLATE_DELETE: &str = "/v1/training/template/{id}/delete";

/// `POST`: shows the job that a template would create.
pub const TEMPLATE_PREVIEW: &str = "/v1/training/template/{id}/preview";
/// `GET`: lists the versions of a template.
pub const VERSION_LIST: &str = "/v1/training/template/{id}/version/list";
/// `GET`: reads one version of a template.
pub const VERSION_DETAIL: &str = "/v1/training/template/{id}/version/{n}/detail";
/// `GET`: compares two versions of a template.
pub const TEMPLATE_DIFF: &str = "/v1/training/template/{id}/diff";
/// `POST`: sets the default version of a template.
pub const DEFAULT_VERSION: &str = "/v1/training/template/{id}/default-version";
/// `POST`: copies a template.
pub const TEMPLATE_COPY: &str = "/v1/training/template/{id}/copy";
/// `POST`: hides a template from lists.
pub const TEMPLATE_ARCHIVE: &str = "/v1/training/template/{id}/archive";
/// `POST`: shows a template in lists again.
pub const TEMPLATE_UNARCHIVE: &str = "/v1/training/template/{id}/unarchive";
/// `GET`: exports a template as text.
pub const TEMPLATE_EXPORT: &str = "/v1/training/template/{id}/export";
/// `POST`: creates a template from a text.
pub const TEMPLATE_IMPORT: &str = "/v1/training/template/import";

/// `POST`: creates a job.
pub const JOB_CREATE: &str = "/v1/training/instance/create";
/// `GET`: lists jobs.
pub const JOB_LIST: &str = "/v1/training/instance/list";
/// `GET`: reads one job.
pub const JOB_DETAIL: &str = "/v1/training/instance/{id}/detail";
/// `POST`: stops a job.
pub const JOB_STOP: &str = "/v1/training/instance/{id}/stop";
/// `POST`: runs a finished job again.
pub const JOB_RESTART: &str = "/v1/training/instance/{id}/restart";
/// `PUT`: changes the time limit of a job.
pub const JOB_TIMEOUT: &str = "/v1/training/instance/{id}/timeout";
/// `POST`: saves the requested settings of a job as a template.
pub const JOB_SAVE: &str = "/v1/training/instance/{id}/save-as-template";
/// `DELETE`: deletes a job that has ended.
pub const JOB_DELETE: &str = "/v1/training/instance/{id}/delete";
/// `GET`: lists the events of a job; `text/event-stream` follows them.
pub const EVENT_LIST: &str = "/v1/training/instance/{id}/event/list";
/// `GET`: lists the workers of a job.
pub const POD_LIST: &str = "/v1/training/instance/{id}/pod/list";
/// `GET`: reads where a worker runs.
pub const POD_BASIC: &str = "/v1/training/instance/{id}/{podName}/basic";
/// `GET`: reads the log of a worker; `text/event-stream` follows it, `text/plain` is the raw file.
pub const POD_LOG: &str = "/v1/training/instance/{id}/{podName}/log";
/// `GET`: lists the lines of a worker's log that contain a text.
pub const POD_LOG_SEARCH: &str = "/v1/training/instance/{id}/{podName}/log/search";
/// `GET`: lists the ports of a worker.
pub const POD_PORTS: &str = "/v1/training/instance/{id}/{podName}/open-port/list";
/// `GET`: says whether jobs can be created for a centre.
pub const CHECK_IS_ENABLED: &str = "/v1/training/instance/checkIsEnabled";

/// `GET`: lists the products of centres.
pub const PRODUCT_LIST: &str = "/v1/product/list-for-training-task";
/// `GET`: lists the compute centres.
pub const CENTRE_LIST: &str = "/v1/aidc/list";

/// `POST`: adds a storage to a centre.
pub const STORAGE_CREATE: &str = "/v1/aidc/{id}/storage/create";
/// `GET`: lists the storages of a centre.
pub const STORAGE_LIST: &str = "/v1/aidc/{id}/storage/list";
/// `DELETE`: removes a storage from a centre.
pub const STORAGE_DELETE: &str = "/v1/aidc/{id}/storage/{storageId}/delete";

/// `POST`: creates a secret, or replaces its value.
pub const SECRET_CREATE: &str = "/v1/secret/create";
/// `GET`: lists secrets without their values.
pub const SECRET_LIST: &str = "/v1/secret/list";
/// `DELETE`: deletes a secret.
pub const SECRET_DELETE: &str = "/v1/secret/{name}/delete";

/// `POST`: creates a key.
pub const KEY_CREATE: &str = "/v1/api-key/create";
/// `GET`: lists keys.
pub const KEY_LIST: &str = "/v1/api-key/list";
/// `DELETE`: revokes a key.
pub const KEY_DELETE: &str = "/v1/api-key/{id}/delete";

/// Replaces the placeholders of a path from left to right. Each value becomes one percent-encoded segment.
pub fn fill(path: &str, values: &[&str]) -> String {
    let mut values = values.iter();
    let segments = path.split('/').map(|segment| match segment.starts_with('{') {
        true => values.next().map(|value| encoded(value)).unwrap_or_default(),
        false => segment.to_owned(),
    });
    segments.collect::<Vec<_>>().join("/")
}

/// The path for `Location` of a template.
pub fn template_detail(id: &str) -> String {
    fill(TEMPLATE_DETAIL, &[id])
}

/// The path for `Location` of a job.
pub fn job_detail(id: &str) -> String {
    fill(JOB_DETAIL, &[id])
}

/// Percent-encodes all but letters, digits and `-_.~`.
/// A value that consists of dots is encoded as well, because `..` would change the path.
fn encoded(segment: &str) -> String {
    let only_dots = segment.bytes().all(|byte| byte == b'.');
    segment.bytes().fold(String::new(), |mut text, byte| {
        let plain = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'~') || (byte == b'.' && !only_dots);
        match plain {
            true => text.push(char::from(byte)),
            false => text.push_str(&format!("%{byte:02X}")),
        }
        text
    })
}
