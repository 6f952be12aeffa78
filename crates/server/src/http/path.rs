//! The path parameters of the calls. They are read as text: for a text that is not a valid id,
//! the use case fails with `NotFound`.

use serde::Deserialize;
use utoipa::IntoParams;

/// The path of a call about one template.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct TemplatePath {
    /// Id of the template.
    pub(super) id: String,
}

/// The path of a call about one version of a template.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct VersionPath {
    /// Id of the template.
    pub(super) id: String,
    /// Number of the version, from 1.
    #[param(value_type = u32)]
    pub(super) n: String,
}

/// The path of a call about one job.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct JobPath {
    /// Id of the job.
    pub(super) id: String,
}

/// The path of a call about one worker of a job.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
pub(super) struct WorkerPath {
    /// Id of the job.
    pub(super) id: String,
    /// Name of the worker.
    pub(super) pod_name: String,
}

/// The path of a call about one compute centre.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct CentrePath {
    /// Id of the centre.
    pub(super) id: String,
}

/// The path of a call about one storage of a compute centre.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
pub(super) struct StoragePath {
    /// Id of the centre.
    pub(super) id: String,
    /// Id of the storage.
    pub(super) storage_id: String,
}

/// The path of a call about one secret.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct SecretPath {
    /// Name of the secret.
    pub(super) name: String,
}

/// The path of a call about one API key.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct KeyPath {
    /// Id of the key.
    pub(super) id: String,
}
