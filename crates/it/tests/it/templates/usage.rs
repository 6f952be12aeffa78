//! The usage of a template, per template and per version, which deleted jobs do not change.

use serde_json::{Value, json};

use super::{CREATE, detail_of, update::update};
use crate::harness::{Host, ROOMY};

async fn job(host: &Host, template: &str, version: u32) -> String {
    let body = json!({"createType": "TEMPLATE", "templateId": template, "templateVersion": version});
    let id = host.post("/v1/training/instance/create", &body).await.created_id();
    host.wait_for_end(&id).await;
    id
}

/// Returns the counts and the success rate, without the times.
fn counts(usage: &Value) -> [Value; 5] {
    ["jobs", "succeeded", "failed", "stopped", "successRate"].map(|field| usage[field].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_counts_jobs_per_template_and_version_even_deleted_ones() {
    let host = Host::start(ROOMY).await;
    let id = host.post(CREATE, &json!({"name": "n", "startCommand": "true"})).await.created_id();
    update(&host, &id, 1, &json!({"name": "n", "startCommand": "exit 3"})).await.ok();
    let usage = async || host.get(&detail_of(&id)).await.ok()["usage"].clone();
    assert_eq!(usage().await, json!({"jobs": 0, "succeeded": 0, "failed": 0, "stopped": 0}));

    let jobs = [job(&host, &id, 1).await, job(&host, &id, 1).await, job(&host, &id, 2).await];
    let before = usage().await;
    assert_eq!(counts(&before), [json!(3), json!(2), json!(1), json!(0), json!(2.0 / 3.0)]);
    let last = host.detail(&jobs[2]).await["createdTimeMs"].clone();
    assert_eq!(before["lastUsedTimeMs"], last);
    for field in ["medianWaitMs", "medianRunMs"] {
        assert!(before[field].as_i64().is_some_and(|ms| (0..60_000).contains(&ms)), "{field}: {before}");
    }
    let versions = async || {
        let page = host.get(&format!("/v1/training/template/{id}/version/list")).await.ok();
        page["records"].as_array().unwrap().iter().map(|row| row["usage"].clone()).collect::<Vec<_>>()
    };
    let by_version = versions().await;
    assert_eq!(counts(&by_version[0]), [json!(1), json!(0), json!(1), json!(0), json!(0.0)]);
    assert_eq!(counts(&by_version[1]), [json!(2), json!(2), json!(0), json!(0), json!(1.0)]);

    for job in &jobs {
        host.delete(&format!("/v1/training/instance/{job}/delete")).await.ok();
    }
    assert_eq!(usage().await, before);
    assert_eq!(versions().await, by_version);
    let detail = host.get(&format!("/v1/training/template/{id}/version/1/detail")).await.ok();
    assert_eq!(detail["usage"], by_version[1]);
}
