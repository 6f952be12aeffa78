//! One method for each call. Each returns the documented response, or a `ClientError`.
#![expect(clippy::missing_errors_doc, reason = "ClientError lists the errors of all calls")]

use reqwest::{Method, header::IF_MATCH};
use serde::Serialize;

use super::{Answer, Client, ClientError};
use crate::{
    centre::{Centre, CentreQuery, Product, Storage, StorageCreate},
    envelope::Empty,
    event::{Event, EventListQuery},
    job::{JobCreated, JobDetail, JobListQuery, JobRecord, JobTimeout},
    key::{KeyCreate, KeyCreated, KeyRecord},
    log::{LogChunk, LogHit, LogQuery, LogSearchQuery},
    page::{Page, PageQuery},
    paths::{self, fill},
    pod::{OpenPorts, Pod, PodBasic},
    secret::{SecretCreate, SecretDeleteQuery, SecretRecord},
    template::{
        TemplateDetail, TemplateRecord, TemplateUpdated,
        copy::{SaveAsTemplate, TemplateCopy},
        find::{NameAvailable, NameQuery, TemplateListQuery},
        import_export::{ExportQuery, Exported, Imported, TemplateImport},
        preview::Preview,
        version::{DefaultVersion, Diff, DiffQuery, VersionDetail, VersionRecord},
    },
};

/// Calls for templates.
impl Client {
    /// Creates a template; its id is in `Location`. A repeated call with equal content creates nothing new.
    pub async fn template_create(&self, body: &impl Serialize) -> Result<Answer<Empty>, ClientError> {
        self.call(self.request(Method::POST, paths::TEMPLATE_CREATE).json(body)).await
    }

    /// Lists templates, by default newest first.
    pub async fn template_list(&self, query: &TemplateListQuery) -> Result<Answer<Page<TemplateRecord>>, ClientError> {
        self.get(paths::TEMPLATE_LIST, query).await
    }

    /// Says whether a template name is free in the caller's project.
    pub async fn name_available(&self, name: &str) -> Result<Answer<NameAvailable>, ClientError> {
        self.get(paths::NAME_AVAILABLE, &NameQuery { name: name.to_owned() }).await
    }

    /// Reads one template.
    pub async fn template_detail(&self, id: &str) -> Result<Answer<TemplateDetail>, ClientError> {
        self.get(&fill(paths::TEMPLATE_DETAIL, &[id]), &()).await
    }

    /// Replaces the content of a template. Fails with 412 if `revision` is not the current one.
    pub async fn template_update(
        &self,
        id: &str,
        revision: u64,
        body: &impl Serialize,
    ) -> Result<Answer<TemplateUpdated>, ClientError> {
        let request = self.request(Method::PUT, &fill(paths::TEMPLATE_UPDATE, &[id]));
        self.call(request.header(IF_MATCH, format!("\"{revision}\"")).json(body)).await
    }

    /// Deletes a template; its jobs stay.
    pub async fn template_delete(&self, id: &str) -> Result<Answer<Empty>, ClientError> {
        self.call(self.request(Method::DELETE, &fill(paths::TEMPLATE_DELETE, &[id]))).await
    }
}

/// Calls for versions, previews, copies, import and export.
impl Client {
    /// Shows the job that a template would create with this body; creates nothing.
    pub async fn template_preview(&self, id: &str, body: &impl Serialize) -> Result<Answer<Preview>, ClientError> {
        self.call(self.request(Method::POST, &fill(paths::TEMPLATE_PREVIEW, &[id])).json(body)).await
    }

    /// Lists the versions of a template, newest first.
    pub async fn version_list(&self, id: &str, query: &PageQuery) -> Result<Answer<Page<VersionRecord>>, ClientError> {
        self.get(&fill(paths::VERSION_LIST, &[id]), query).await
    }

    /// Reads one version of a template.
    pub async fn version_detail(&self, id: &str, version: u64) -> Result<Answer<VersionDetail>, ClientError> {
        self.get(&fill(paths::VERSION_DETAIL, &[id, &version.to_string()]), &()).await
    }

    /// Compares two versions of a template.
    pub async fn template_diff(&self, id: &str, query: DiffQuery) -> Result<Answer<Diff>, ClientError> {
        self.get(&fill(paths::TEMPLATE_DIFF, &[id]), &query).await
    }

    /// Sets the default version of a template, which requests without a version use.
    pub async fn set_default_version(&self, id: &str, version: u64) -> Result<Answer<Empty>, ClientError> {
        self.call(self.request(Method::POST, &fill(paths::DEFAULT_VERSION, &[id])).json(&DefaultVersion { version }))
            .await
    }

    /// Copies a template; the id of the copy is in `Location`.
    pub async fn template_copy(&self, id: &str, body: &TemplateCopy) -> Result<Answer<Empty>, ClientError> {
        self.call(self.request(Method::POST, &fill(paths::TEMPLATE_COPY, &[id])).json(body)).await
    }

    /// Hides a template from lists.
    pub async fn template_archive(&self, id: &str) -> Result<Answer<Empty>, ClientError> {
        self.call(self.request(Method::POST, &fill(paths::TEMPLATE_ARCHIVE, &[id]))).await
    }

    /// Shows a template in lists again.
    pub async fn template_unarchive(&self, id: &str) -> Result<Answer<Empty>, ClientError> {
        self.call(self.request(Method::POST, &fill(paths::TEMPLATE_UNARCHIVE, &[id]))).await
    }

    /// Exports a template as text.
    pub async fn template_export(&self, id: &str, query: &ExportQuery) -> Result<Answer<Exported>, ClientError> {
        self.get(&fill(paths::TEMPLATE_EXPORT, &[id]), query).await
    }

    /// Creates a template from a text; its id is in `Location`, except in a dry run.
    pub async fn template_import(&self, body: &TemplateImport) -> Result<Answer<Imported>, ClientError> {
        self.call(self.request(Method::POST, paths::TEMPLATE_IMPORT).json(body)).await
    }

    /// Saves the requested settings of a job as a template; its id is in `Location`.
    pub async fn job_save(&self, id: &str, body: &SaveAsTemplate) -> Result<Answer<Empty>, ClientError> {
        self.call(self.request(Method::POST, &fill(paths::JOB_SAVE, &[id])).json(body)).await
    }
}

/// Calls for jobs.
impl Client {
    /// Creates a job and returns its id.
    pub async fn job_create(&self, body: &impl Serialize) -> Result<Answer<JobCreated>, ClientError> {
        self.call(self.request(Method::POST, paths::JOB_CREATE).json(body)).await
    }

    /// Lists jobs, newest first.
    pub async fn job_list(&self, query: &JobListQuery) -> Result<Answer<Page<JobRecord>>, ClientError> {
        self.get(paths::JOB_LIST, query).await
    }

    /// Reads one job with its attempts.
    pub async fn job_detail(&self, id: &str) -> Result<Answer<JobDetail>, ClientError> {
        self.get(&fill(paths::JOB_DETAIL, &[id]), &()).await
    }

    /// Stops a job. Returns before its workers have ended.
    pub async fn job_stop(&self, id: &str) -> Result<Answer<Empty>, ClientError> {
        self.call(self.request(Method::POST, &fill(paths::JOB_STOP, &[id]))).await
    }

    /// Runs a finished job again.
    pub async fn job_restart(&self, id: &str) -> Result<Answer<Empty>, ClientError> {
        self.call(self.request(Method::POST, &fill(paths::JOB_RESTART, &[id]))).await
    }

    /// Changes the time limit of a job.
    pub async fn job_timeout(&self, id: &str, body: JobTimeout) -> Result<Answer<Empty>, ClientError> {
        self.call(self.request(Method::PUT, &fill(paths::JOB_TIMEOUT, &[id])).json(&body)).await
    }

    /// Deletes a job that has ended, with its logs and files.
    pub async fn job_delete(&self, id: &str) -> Result<Answer<Empty>, ClientError> {
        self.call(self.request(Method::DELETE, &fill(paths::JOB_DELETE, &[id]))).await
    }

    /// Lists the events of a job, oldest first.
    pub async fn event_list(&self, id: &str, query: &EventListQuery) -> Result<Answer<Page<Event>>, ClientError> {
        self.get(&fill(paths::EVENT_LIST, &[id]), query).await
    }

    /// Lists the workers of a job's last attempt, by rank.
    pub async fn pod_list(&self, id: &str) -> Result<Answer<Vec<Pod>>, ClientError> {
        self.get(&fill(paths::POD_LIST, &[id]), &()).await
    }

    /// Reads where a worker runs.
    pub async fn pod_basic(&self, id: &str, pod_name: &str) -> Result<Answer<PodBasic>, ClientError> {
        self.get(&fill(paths::POD_BASIC, &[id, pod_name]), &()).await
    }

    /// Lists the ports on which a worker listens, and the ports reserved for it.
    pub async fn pod_ports(&self, id: &str, pod_name: &str) -> Result<Answer<OpenPorts>, ClientError> {
        self.get(&fill(paths::POD_PORTS, &[id, pod_name]), &()).await
    }

    /// Lists the lines of a worker's log that contain a text.
    pub async fn log_search(
        &self,
        id: &str,
        pod_name: &str,
        query: &LogSearchQuery,
    ) -> Result<Answer<Page<LogHit>>, ClientError> {
        self.get(&fill(paths::POD_LOG_SEARCH, &[id, pod_name]), query).await
    }

    /// Reads a piece of a worker's log.
    pub async fn pod_log(&self, id: &str, pod_name: &str, query: &LogQuery) -> Result<Answer<LogChunk>, ClientError> {
        self.get(&fill(paths::POD_LOG, &[id, pod_name]), query).await
    }
}

/// Calls for centres, storages, secrets, keys and the state of the server.
impl Client {
    /// Says whether jobs can be created for a centre.
    pub async fn check_is_enabled(&self, centre: Option<i64>) -> Result<Answer<bool>, ClientError> {
        self.get(paths::CHECK_IS_ENABLED, &CentreQuery { aidc_id: centre }).await
    }

    /// Lists the products of a centre, or of all centres.
    pub async fn product_list(&self, centre: Option<i64>) -> Result<Answer<Vec<Product>>, ClientError> {
        self.get(paths::PRODUCT_LIST, &CentreQuery { aidc_id: centre }).await
    }

    /// Lists the compute centres.
    pub async fn centre_list(&self) -> Result<Answer<Vec<Centre>>, ClientError> {
        self.get(paths::CENTRE_LIST, &()).await
    }

    /// Adds a storage to a centre.
    pub async fn storage_create(&self, centre: i64, body: &StorageCreate) -> Result<Answer<Storage>, ClientError> {
        self.call(self.request(Method::POST, &fill(paths::STORAGE_CREATE, &[&centre.to_string()])).json(body)).await
    }

    /// Lists the storages of a centre.
    pub async fn storage_list(&self, centre: i64) -> Result<Answer<Vec<Storage>>, ClientError> {
        self.get(&fill(paths::STORAGE_LIST, &[&centre.to_string()]), &()).await
    }

    /// Removes a storage from a centre; its files stay.
    pub async fn storage_delete(&self, centre: i64, id: &str) -> Result<Answer<Empty>, ClientError> {
        self.call(self.request(Method::DELETE, &fill(paths::STORAGE_DELETE, &[&centre.to_string(), id]))).await
    }

    /// Creates a secret, or replaces its value. No response contains a value.
    pub async fn secret_create(&self, body: &SecretCreate) -> Result<Answer<SecretRecord>, ClientError> {
        self.call(self.request(Method::POST, paths::SECRET_CREATE).json(body)).await
    }

    /// Lists secrets, without their values.
    pub async fn secret_list(&self, query: &PageQuery) -> Result<Answer<Page<SecretRecord>>, ClientError> {
        self.get(paths::SECRET_LIST, query).await
    }

    /// Deletes a secret. Running jobs keep it.
    pub async fn secret_delete(&self, name: &str, query: &SecretDeleteQuery) -> Result<Answer<Empty>, ClientError> {
        self.call(self.request(Method::DELETE, &fill(paths::SECRET_DELETE, &[name])).query(query)).await
    }

    /// Creates a key. Only this response contains its text.
    pub async fn key_create(&self, body: &KeyCreate) -> Result<Answer<KeyCreated>, ClientError> {
        self.call(self.request(Method::POST, paths::KEY_CREATE).json(body)).await
    }

    /// Lists keys, without their text.
    pub async fn key_list(&self, query: &PageQuery) -> Result<Answer<Page<KeyRecord>>, ClientError> {
        self.get(paths::KEY_LIST, query).await
    }

    /// Revokes a key; calls with it fail from then on.
    pub async fn key_delete(&self, id: &str) -> Result<Answer<Empty>, ClientError> {
        self.call(self.request(Method::DELETE, &fill(paths::KEY_DELETE, &[id]))).await
    }

    /// Succeeds if the server can answer calls.
    pub async fn ready(&self) -> Result<(), ClientError> {
        self.get::<serde_json::Value>(paths::READYZ, &()).await.map(drop)
    }
}
