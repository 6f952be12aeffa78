//! The reference for creates: a handler that parses the same body into the same 17 fields and only responds.

use std::{collections::BTreeMap, io::Read as _};

use axum::{Json, Router, http::StatusCode, routing::post};
use serde::Deserialize;
use serde_json::{Value, json};
use trainyard_api::paths;

use crate::table;

/// The published fields and `labels`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields {
    name: String,
    desc: String,
    aidc_id: i64,
    training_type: String,
    training_framwork: String,
    image_type: String,
    image: String,
    env: BTreeMap<String, Value>,
    resource: BTreeMap<String, Value>,
    storage_configs: Vec<BTreeMap<String, Value>>,
    enable_auto_retry: bool,
    max_retry_count: u32,
    enable_timeout_cancel: bool,
    timeout_hours: u32,
    start_command: String,
    priority: u8,
    labels: BTreeMap<String, String>,
}

/// Prints its address and serves until standard input ends, which happens when the parent process ends.
pub(crate) fn run() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        table::line(listener.local_addr()?);
        let router = Router::new().route(paths::TEMPLATE_CREATE, post(answer));
        let parent_ends = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
        tokio::select! {
            result = axum::serve(listener, router).into_future() => Ok(result?),
            _ = parent_ends => Ok(()),
        }
    })
}

async fn answer(Json(fields): Json<Fields>) -> Result<Json<Value>, StatusCode> {
    // Uses every field, so that the compiler cannot remove the parsing of any.
    let Fields { name, desc, aidc_id, training_type, training_framwork, image_type, image, env, resource, .. } =
        &fields;
    let Fields { storage_configs, enable_auto_retry, max_retry_count, enable_timeout_cancel, .. } = &fields;
    let Fields { timeout_hours, start_command, priority, labels, .. } = &fields;
    let texts = [name, desc, training_type, training_framwork, image_type, image, start_command];
    let numbers = i64::from(*max_retry_count) + i64::from(*timeout_hours) + i64::from(*priority) + *aidc_id;
    let lists = env.len() + resource.len() + storage_configs.len() + labels.len();
    let is_whole = texts.iter().all(|text| !text.is_empty()) && numbers > 0 && lists > 0;
    match is_whole && *enable_auto_retry && *enable_timeout_cancel {
        true => Ok(Json(json!({"status": 200, "message": "OK", "data": {}}))),
        false => Err(StatusCode::BAD_REQUEST),
    }
}
