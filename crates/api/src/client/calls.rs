//! One method per call. Each answers what the API documents for it, or a `ClientError`.
#![expect(clippy::missing_errors_doc, reason = "all of them fail as ClientError says")]

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
    template::{
        TemplateDetail, TemplateRecord, TemplateUpdated,
        copy::{SaveAsTemplate, TemplateCopy},
        find::{NameAvailable, NameQuery, TemplateListQuery},
        import_export::{ExportQuery, Exported, Imported, TemplateImport},
        preview::Preview,
        version::{DefaultVersion, Diff, DiffQuery, VersionDetail, VersionRecord},
    },
};

/// Templates.
impl Client {
    /// Saves a template; its id is in the answer's `Location`. Repeating it with equal content makes nothing new.
    pub async fn template_create(&self, body: &impl Serialize) -> Result<Answer<Empty>, ClientError> {
        self.call(self.request(Method::POST, paths::TEMPLATE_CREATE).json(body)).await
    }

    /// A page of templates, the newest first unless the query says otherwise.
    pub async fn template_list(&self, query: &TemplateListQuery) -> Result<Answer<Page<TemplateRecord>>, ClientError> {
        self.get(paths::TEMPLATE_LIST, query).await
    }

    /// Whether a template could be saved under a name in the caller's project.
    pub async fn name_available(&self, name: &str) -> Result<Answer<NameAvailable>, ClientError> {
        self.get(paths::NAME_AVAILABLE, &NameQuery { name: name.to_owned() }).await
    }

    /// One template.
    pub async fn template_detail(&self, id: &str) -> Result<Answer<TemplateDetail>, ClientError> {
        self.get(&fill(paths::TEMPLATE_DETAIL, &[id]), &()).await
    }

    /// Replaces a template's content if `revision` is still its current one.
    pub async fn template_update(
        &self,
        id: &str,
        revision: u64,
        body: &impl Serialize,
    ) -> Result<Answer<TemplateUpdated>, ClientError> {
        let request = self.request(Method::PUT, &fill(paths::TEMPLATE_UPDATE, &[id]));
        self.call(request.header(IF_MATCH, format!("\"{revision}\"")).json(body)).await
    }

    /// Deletes a template; jobs made from it are not touched.
    pub async fn template_delete(&self, id: &str) -> Result<Answer<Empty>, ClientError> {
        self.call(self.request(Method::DELETE, &fill(paths::TEMPLATE_DELETE, &[id]))).await
    }
}

/// Versions of templates, previews, and templates on their way.
impl Client {
    /// What a job made from a template with this body would be.
    pub async fn template_preview(&self, id: &str, body: &impl Serialize) -> Result<Answer<Preview>, ClientError> {
        self.call(self.request(Method::POST, &fill(paths::TEMPLATE_PREVIEW, &[id])).json(body)).await
    }

    /// A page of a template's versions, the newest first.
    pub async fn version_list(&self, id: &str, query: &PageQuery) -> Result<Answer<Page<VersionRecord>>, ClientError> {
        self.get(&fill(paths::VERSION_LIST, &[id]), query).await
    }

    /// One version of a template.
    pub async fn version_detail(&self, id: &str, version: u64) -> Result<Answer<VersionDetail>, ClientError> {
        self.get(&fill(paths::VERSION_DETAIL, &[id, &version.to_string()]), &()).await
    }

    /// How two versions of a template differ.
    pub async fn template_diff(&self, id: &str, query: DiffQuery) -> Result<Answer<Diff>, ClientError> {
        self.get(&fill(paths::TEMPLATE_DIFF, &[id]), &query).await
    }

    /// Chooses the version of a template that is used where none is named.
    pub async fn set_default_version(&self, id: &str, version: u64) -> Result<Answer<Empty>, ClientError> {
        self.call(self.request(Method::POST, &fill(paths::DEFAULT_VERSION, &[id])).json(&DefaultVersion { version }))
            .await
    }

    /// Copies a template; the copy's id is in the answer's `Location`.
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

    /// A template, written down.
    pub async fn template_export(&self, id: &str, query: &ExportQuery) -> Result<Answer<Exported>, ClientError> {
        self.get(&fill(paths::TEMPLATE_EXPORT, &[id]), query).await
    }

    /// Makes a template of a text; its id is in the answer's `Location`, unless it was a dry run.
    pub async fn template_import(&self, body: &TemplateImport) -> Result<Answer<Imported>, ClientError> {
        self.call(self.request(Method::POST, paths::TEMPLATE_IMPORT).json(body)).await
    }

    /// Makes a template of what a job was asked to be; its id is in the answer's `Location`.
    pub async fn job_save(&self, id: &str, body: &SaveAsTemplate) -> Result<Answer<Empty>, ClientError> {
        self.call(self.request(Method::POST, &fill(paths::JOB_SAVE, &[id])).json(body)).await
    }
}

/// Jobs.
impl Client {
    /// Makes a job.
    pub async fn job_create(&self, body: &impl Serialize) -> Result<Answer<JobCreated>, ClientError> {
        self.call(self.request(Method::POST, paths::JOB_CREATE).json(body)).await
    }

    /// A page of jobs, the newest first.
    pub async fn job_list(&self, query: &JobListQuery) -> Result<Answer<Page<JobRecord>>, ClientError> {
        self.get(paths::JOB_LIST, query).await
    }

    /// One job.
    pub async fn job_detail(&self, id: &str) -> Result<Answer<JobDetail>, ClientError> {
        self.get(&fill(paths::JOB_DETAIL, &[id]), &()).await
    }

    /// Asks a job to end.
    pub async fn job_stop(&self, id: &str) -> Result<Answer<Empty>, ClientError> {
        self.call(self.request(Method::POST, &fill(paths::JOB_STOP, &[id]))).await
    }

    /// Has a job that has ended run once more.
    pub async fn job_restart(&self, id: &str) -> Result<Answer<Empty>, ClientError> {
        self.call(self.request(Method::POST, &fill(paths::JOB_RESTART, &[id]))).await
    }

    /// Gives a job another limit of running time.
    pub async fn job_timeout(&self, id: &str, body: JobTimeout) -> Result<Answer<Empty>, ClientError> {
        self.call(self.request(Method::PUT, &fill(paths::JOB_TIMEOUT, &[id])).json(&body)).await
    }

    /// Deletes a job that has ended.
    pub async fn job_delete(&self, id: &str) -> Result<Answer<Empty>, ClientError> {
        self.call(self.request(Method::DELETE, &fill(paths::JOB_DELETE, &[id]))).await
    }

    /// A page of what happened to a job, the oldest first.
    pub async fn event_list(&self, id: &str, query: &EventListQuery) -> Result<Answer<Page<Event>>, ClientError> {
        self.get(&fill(paths::EVENT_LIST, &[id]), query).await
    }

    /// A job's workers by rank.
    pub async fn pod_list(&self, id: &str) -> Result<Answer<Vec<Pod>>, ClientError> {
        self.get(&fill(paths::POD_LIST, &[id]), &()).await
    }

    /// Where a worker runs.
    pub async fn pod_basic(&self, id: &str, pod_name: &str) -> Result<Answer<PodBasic>, ClientError> {
        self.get(&fill(paths::POD_BASIC, &[id, pod_name]), &()).await
    }

    /// The ports that a worker listens on.
    pub async fn pod_ports(&self, id: &str, pod_name: &str) -> Result<Answer<OpenPorts>, ClientError> {
        self.get(&fill(paths::POD_PORTS, &[id, pod_name]), &()).await
    }

    /// A page of the lines of a worker's log that hold a text.
    pub async fn log_search(
        &self,
        id: &str,
        pod_name: &str,
        query: &LogSearchQuery,
    ) -> Result<Answer<Page<LogHit>>, ClientError> {
        self.get(&fill(paths::POD_LOG_SEARCH, &[id, pod_name]), query).await
    }

    /// A piece of a worker's log.
    pub async fn pod_log(&self, id: &str, pod_name: &str, query: &LogQuery) -> Result<Answer<LogChunk>, ClientError> {
        self.get(&fill(paths::POD_LOG, &[id, pod_name]), query).await
    }
}

/// Centres and keys.
impl Client {
    /// Whether jobs can be made for a centre.
    pub async fn check_is_enabled(&self, centre: Option<i64>) -> Result<Answer<bool>, ClientError> {
        self.get(paths::CHECK_IS_ENABLED, &CentreQuery { aidc_id: centre }).await
    }

    /// What a centre, or all centres, offer.
    pub async fn product_list(&self, centre: Option<i64>) -> Result<Answer<Vec<Product>>, ClientError> {
        self.get(paths::PRODUCT_LIST, &CentreQuery { aidc_id: centre }).await
    }

    /// The compute centres.
    pub async fn centre_list(&self) -> Result<Answer<Vec<Centre>>, ClientError> {
        self.get(paths::CENTRE_LIST, &()).await
    }

    /// Adds a storage to a centre.
    pub async fn storage_create(&self, centre: i64, body: &StorageCreate) -> Result<Answer<Storage>, ClientError> {
        self.call(self.request(Method::POST, &fill(paths::STORAGE_CREATE, &[&centre.to_string()])).json(body)).await
    }

    /// The storages of a centre.
    pub async fn storage_list(&self, centre: i64) -> Result<Answer<Vec<Storage>>, ClientError> {
        self.get(&fill(paths::STORAGE_LIST, &[&centre.to_string()]), &()).await
    }

    /// Removes a storage from a centre; what lies in it stays.
    pub async fn storage_delete(&self, centre: i64, id: &str) -> Result<Answer<Empty>, ClientError> {
        self.call(self.request(Method::DELETE, &fill(paths::STORAGE_DELETE, &[&centre.to_string(), id]))).await
    }

    /// Makes a key; its text is in this answer and never again.
    pub async fn key_create(&self, body: &KeyCreate) -> Result<Answer<KeyCreated>, ClientError> {
        self.call(self.request(Method::POST, paths::KEY_CREATE).json(body)).await
    }

    /// A page of keys.
    pub async fn key_list(&self, query: &PageQuery) -> Result<Answer<Page<KeyRecord>>, ClientError> {
        self.get(paths::KEY_LIST, query).await
    }

    /// Revokes a key.
    pub async fn key_delete(&self, id: &str) -> Result<Answer<Empty>, ClientError> {
        self.call(self.request(Method::DELETE, &fill(paths::KEY_DELETE, &[id]))).await
    }

    /// Whether the server answers calls.
    pub async fn ready(&self) -> Result<(), ClientError> {
        self.get::<serde_json::Value>(paths::READYZ, &()).await.map(drop)
    }
}
