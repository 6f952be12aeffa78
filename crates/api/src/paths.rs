//! Every path of the API: constants with `{placeholders}` for routes, and `fill` for calls.

#[cfg(test)]
mod tests;

/// `GET`: whether the process lives; needs no key.
pub const HEALTHZ: &str = "/healthz";
/// `GET`: whether calls are answered; needs no key.
pub const READYZ: &str = "/readyz";
/// `GET`: this API as an OpenAPI document; needs no key.
pub const OPENAPI: &str = "/openapi.json";
/// `GET`: the document to browse; needs no key.
pub const DOCS: &str = "/docs";

/// `POST`: save a template.
pub const TEMPLATE_CREATE: &str = "/v1/training/template/create";
/// `GET`: list templates.
pub const TEMPLATE_LIST: &str = "/v1/training/template/list";
/// `GET`: whether a name is free.
pub const NAME_AVAILABLE: &str = "/v1/training/template/name-available";
/// `GET`: one template.
pub const TEMPLATE_DETAIL: &str = "/v1/training/template/{id}/detail";
/// `PUT`: replace a template's content.
pub const TEMPLATE_UPDATE: &str = "/v1/training/template/{id}/update";
/// `DELETE`: delete a template.
pub const TEMPLATE_DELETE: &str = "/v1/training/template/{id}/delete";

/// `POST`: what a job made from a template would be.
pub const TEMPLATE_PREVIEW: &str = "/v1/training/template/{id}/preview";
/// `GET`: a template's versions.
pub const VERSION_LIST: &str = "/v1/training/template/{id}/version/list";
/// `GET`: one version of a template.
pub const VERSION_DETAIL: &str = "/v1/training/template/{id}/version/{n}/detail";
/// `GET`: how two versions of a template differ.
pub const TEMPLATE_DIFF: &str = "/v1/training/template/{id}/diff";
/// `POST`: choose the version that is used where none is named.
pub const DEFAULT_VERSION: &str = "/v1/training/template/{id}/default-version";
/// `POST`: copy a template.
pub const TEMPLATE_COPY: &str = "/v1/training/template/{id}/copy";
/// `POST`: hide a template from lists.
pub const TEMPLATE_ARCHIVE: &str = "/v1/training/template/{id}/archive";
/// `POST`: show it in lists again.
pub const TEMPLATE_UNARCHIVE: &str = "/v1/training/template/{id}/unarchive";
/// `GET`: a template, written down.
pub const TEMPLATE_EXPORT: &str = "/v1/training/template/{id}/export";
/// `POST`: make a template of a text.
pub const TEMPLATE_IMPORT: &str = "/v1/training/template/import";

/// `POST`: make a job.
pub const JOB_CREATE: &str = "/v1/training/instance/create";
/// `GET`: list jobs.
pub const JOB_LIST: &str = "/v1/training/instance/list";
/// `GET`: one job.
pub const JOB_DETAIL: &str = "/v1/training/instance/{id}/detail";
/// `POST`: stop a job.
pub const JOB_STOP: &str = "/v1/training/instance/{id}/stop";
/// `POST`: have a job that has ended run once more.
pub const JOB_RESTART: &str = "/v1/training/instance/{id}/restart";
/// `PUT`: give a job another limit of running time.
pub const JOB_TIMEOUT: &str = "/v1/training/instance/{id}/timeout";
/// `POST`: make a template of what a job was asked to be.
pub const JOB_SAVE: &str = "/v1/training/instance/{id}/save-as-template";
/// `DELETE`: delete a job that has ended.
pub const JOB_DELETE: &str = "/v1/training/instance/{id}/delete";
/// `GET`: what happened to a job; follows as `text/event-stream`.
pub const EVENT_LIST: &str = "/v1/training/instance/{id}/event/list";
/// `GET`: a job's workers.
pub const POD_LIST: &str = "/v1/training/instance/{id}/pod/list";
/// `GET`: where a worker runs.
pub const POD_BASIC: &str = "/v1/training/instance/{id}/{podName}/basic";
/// `GET`: a worker's log; follows as `text/event-stream`, raw as `text/plain`.
pub const POD_LOG: &str = "/v1/training/instance/{id}/{podName}/log";
/// `GET`: the lines of a worker's log that hold a text.
pub const POD_LOG_SEARCH: &str = "/v1/training/instance/{id}/{podName}/log/search";
/// `GET`: the ports that a worker listens on.
pub const POD_PORTS: &str = "/v1/training/instance/{id}/{podName}/open-port/list";
/// `GET`: whether jobs can be made for a centre.
pub const CHECK_IS_ENABLED: &str = "/v1/training/instance/checkIsEnabled";

/// `GET`: what centres offer.
pub const PRODUCT_LIST: &str = "/v1/product/list-for-training-task";
/// `GET`: the compute centres.
pub const CENTRE_LIST: &str = "/v1/aidc/list";

/// `POST`: add a storage to a centre.
pub const STORAGE_CREATE: &str = "/v1/aidc/{id}/storage/create";
/// `GET`: the storages of a centre.
pub const STORAGE_LIST: &str = "/v1/aidc/{id}/storage/list";
/// `DELETE`: remove a storage from a centre.
pub const STORAGE_DELETE: &str = "/v1/aidc/{id}/storage/{storageId}/delete";

/// `POST`: make a key.
pub const KEY_CREATE: &str = "/v1/api-key/create";
/// `GET`: list keys.
pub const KEY_LIST: &str = "/v1/api-key/list";
/// `DELETE`: revoke a key.
pub const KEY_DELETE: &str = "/v1/api-key/{id}/delete";

/// A path with its placeholders filled in, from left to right; each value is one encoded segment.
pub fn fill(path: &str, values: &[&str]) -> String {
    let mut values = values.iter();
    let segments = path.split('/').map(|segment| match segment.starts_with('{') {
        true => values.next().map(|value| encoded(value)).unwrap_or_default(),
        false => segment.to_owned(),
    });
    segments.collect::<Vec<_>>().join("/")
}

/// The `Location` of a template.
pub fn template_detail(id: &str) -> String {
    fill(TEMPLATE_DETAIL, &[id])
}

/// The `Location` of a job.
pub fn job_detail(id: &str) -> String {
    fill(JOB_DETAIL, &[id])
}

/// One path segment with everything but letters, digits and `-_.~` encoded; dots alone would be a step in the path.
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
