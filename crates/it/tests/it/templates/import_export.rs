//! Export and import of templates: a round trip changes nothing, and an import lists what it cannot map.

use serde_json::{Value, json};

use super::{CREATE, LIST, detail_of, update::update};
use crate::harness::{Host, ROOMY};

const IMPORT: &str = "/v1/training/template/import";

fn export_of(id: &str, query: &str) -> String {
    format!("/v1/training/template/{id}/export{query}")
}

/// Returns a template without the fields that the server adds.
fn sent_fields(detail: &Value) -> Value {
    let added = [
        "id",
        "version",
        "revision",
        "project",
        "createBy",
        "runnable",
        "warnings",
        "usage",
        "latestVersion",
        "archived",
        "jobsMade",
        "comment",
    ];
    let mut record = detail.as_object().unwrap().clone();
    record.retain(|field, _| !added.contains(&field.as_str()) && !field.contains("Time"));
    Value::Object(record)
}

#[tokio::test]
async fn exports_as_yaml_and_json_import_unchanged() {
    let host = Host::start_without_loops(ROOMY).await;
    let body = json!({
        "name": "n", "desc": "line\nbreak ", "labels": {"yes": "no", "队": "一"}, "visibility": "public",
        "resource": {"cpuCores": "1", "memoryGB": 2, "gpuCount": "0", "rack": [1.5, null, u64::MAX, "1e3"]},
        "env": {"TEXT": "", "NUMBER": -1.5, "TRUTH": false, "名字": "值", "a.b": "2026-11-02", "N": "null"},
        "storageConfigs": [{"mountPath": "/a/", "note": {"deep": [null]}}],
        "startCommand": "#!/bin/sh\nprintf 'a\tb' \"$X\" # ü\n\n", "priority": 1, "maxRetryCount": 0,
        "parameters": [{"name": "P", "type": "number", "default": 0.1}], "locked": ["env[\"a.b\"]"], "required": ["image"],
    });
    let id = host.post(CREATE, &body).await.created_id();
    for format in ["yaml", "json"] {
        let written = host.get(&export_of(&id, &format!("?format={format}"))).await.ok();
        assert_eq!(written["notes"], json!([]));
        let import = json!({"text": written["text"], "name": format!("from {format}")});
        let reply = host.post(IMPORT, &import).await;
        let imported = reply.created_id();
        let data = reply.ok();
        assert_eq!((&data["unmapped"], &data["template"]["id"]), (&json!([]), &json!(imported)));
        let mut expected = body.clone();
        expected["name"] = json!(format!("from {format}"));
        let detail = host.get(&detail_of(&imported)).await.ok();
        assert_eq!(sent_fields(&detail), expected);
        // An import under the original name is a repeated create of the same template.
        let again = host.post(IMPORT, &json!({"text": written["text"], "format": format})).await;
        assert_eq!(again.created_id(), id);
    }
    let default = host.get(&export_of(&id, "")).await.ok();
    assert!(default["text"].as_str().unwrap().starts_with("name: n\n"), "YAML is the default: {default}");
}

#[tokio::test]
async fn an_earlier_version_can_be_exported() {
    let host = Host::start_without_loops(ROOMY).await;
    let id = host.post(CREATE, &json!({"name": "n", "startCommand": "one"})).await.created_id();
    update(&host, &id, 1, &json!({"name": "n", "startCommand": "two"})).await.ok();
    for (query, command) in
        [("?format=json", "two"), ("?format=json&version=1", "one"), ("?version=2&format=json", "two")]
    {
        let written = host.get(&export_of(&id, query)).await.ok();
        let body: Value = serde_json::from_str(written["text"].as_str().unwrap()).unwrap();
        assert_eq!(body, json!({"name": "n", "startCommand": command}));
    }
    for (query, status, code) in [
        ("?version=3", 404, "not_found"),
        ("?version=0", 400, "bad_query"),
        ("?format=xml", 400, "bad_query"),
        ("?format=kubeflow", 400, "bad_query"),
    ] {
        let reply = host.get(&export_of(&id, query)).await;
        assert_eq!((reply.status, reply.code()), (status, code), "{query}");
    }
}

#[tokio::test]
async fn a_script_becomes_a_template_and_unmapped_directives_are_listed() {
    let host = Host::start_without_loops(ROOMY).await;
    let script = "#!/bin/bash\n#SBATCH --job-name=digits\n#SBATCH --nodes=2\n#SBATCH --cpus-per-task=4\n\
        #SBATCH --mem=8G\n#SBATCH --time=01:30:00\n#SBATCH --qos=high\nexport A=1\npython train.py\n";
    let dry = host.post(IMPORT, &json!({"text": script, "dryRun": true})).await;
    assert!(!dry.headers.contains_key("location"));
    let shown = dry.ok();
    assert!(shown["template"].get("id").is_none());
    assert_eq!(host.get(LIST).await.ok()["totalRows"], 0, "a dry run creates nothing");

    let reply = host.post(IMPORT, &json!({"text": script, "format": "sbatch"})).await;
    let id = reply.created_id();
    let data = reply.ok();
    assert_eq!(data["unmapped"], shown["unmapped"]);
    let unmapped = data["unmapped"].as_array().unwrap();
    assert!(unmapped.iter().any(|entry| entry["path"].as_str().unwrap().contains("qos") && entry["value"] == "high"));
    let detail = host.get(&detail_of(&id)).await.ok();
    assert_eq!(detail["name"], "digits");
    assert_eq!(detail["resource"]["workerCount"], 2);
    assert_eq!((&detail["enableTimeoutCancel"], &detail["timeoutSeconds"]), (&json!(true), &json!(5400)));
    assert!(detail["startCommand"].as_str().unwrap().contains("python train.py"));
    assert_eq!(detail["runnable"], true);
    let versions = host.get(&format!("/v1/training/template/{id}/version/list")).await.ok();
    assert_eq!(versions["records"][0]["comment"], "imported from sbatch");
}

#[tokio::test]
async fn a_kubeflow_manifest_becomes_a_template() {
    let host = Host::start_without_loops(ROOMY).await;
    let manifest = r#"
apiVersion: kubeflow.org/v1
kind: PyTorchJob
metadata: {name: mnist, namespace: kubeflow}
spec:
  pytorchReplicaSpecs:
    Master:
      replicas: 1
      template: {spec: {containers: [{name: pytorch, image: "example/mnist:1", command: [python, /opt/train.py, "--epochs=1"]}]}}
    Worker:
      replicas: 2
      template: {spec: {containers: [{name: pytorch, image: "example/mnist:1", command: [python, /opt/train.py, "--epochs=1"]}]}}
"#;
    let reply = host.post(IMPORT, &json!({"text": manifest})).await;
    let id = reply.created_id();
    let detail = host.get(&detail_of(&id)).await.ok();
    assert_eq!((&detail["name"], &detail["trainingFramwork"]), (&json!("mnist"), &json!("PyTorch")));
    assert_eq!((&detail["resource"]["workerCount"], &detail["image"]), (&json!(3), &json!("example/mnist:1")));
    assert!(reply.ok()["unmapped"].to_string().contains("kubeflow"), "the namespace cannot be mapped");
}

#[tokio::test]
async fn an_unreadable_text_creates_nothing_and_the_fault_says_why() {
    let host = Host::start_without_loops(ROOMY).await;
    for (body, fault, hint) in [
        (json!({}), "text required", ""),
        (json!({"text": 1}), "text wrong_type", ""),
        (json!({"text": ""}), "text required", "empty"),
        (json!({"text": "name: [", "name": "n"}), "text malformed", ""),
        (json!({"text": "{\"name\": ", "format": "json"}), "text malformed", ""),
        (json!({"text": "- 1\n"}), "text wrong_type", "object"),
        (json!({"text": "priority: 1"}), "name required", "the text has no name"),
        (json!({"text": "name: n\npriority: 7"}), "priority out_of_range", ""),
        (json!({"text": "name: n\ntrainingFramework: MPI"}), "trainingFramework unknown_field", "trainingFramwork"),
        (json!({"text": "name: n", "format": "xml"}), "format not_a_choice", "sbatch"),
        (json!({"text": "name: n", "dryRun": "yes"}), "dryRun wrong_type", ""),
        (json!({"text": "name: n", "dryrun": true}), "dryrun unknown_field", "`dryRun`"),
        (json!({"text": "apiVersion: v1\nkind: Pod\nmetadata: {name: x}", "format": "kubeflow"}), "text", "Pod"),
    ] {
        let reply = host.post(IMPORT, &body).await;
        assert_eq!((reply.status, reply.code()), (400, "bad_body"), "{body}: {}", reply.body);
        let (field, code) = reply.faults()[0].clone();
        assert!(format!("{field} {code}").starts_with(fault), "{body}: {field} {code}");
        assert!(reply.body.to_string().contains(hint), "{body}: {}", reply.body);
    }
    assert_eq!(host.get(LIST).await.ok()["totalRows"], 0);
}
