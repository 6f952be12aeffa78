//! The samples of the published page, in three languages: they work after only the address and the key are changed.

use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::harness::{Host, ROOMY};

/// The address and the key as the published page has them.
const PUBLISHED_URL: &str = "https://api.alayanew.com";
const PUBLISHED_KEY: &str = "[YOUR_API_KEY]";

/// A sample: its text, its interpreter, and the output of its language after a success and after a refusal.
struct Sample {
    text: &'static str,
    program: fn() -> &'static str,
    flag: &'static str,
    success: &'static str,
    refusal: &'static str,
}

const SAMPLES: [Sample; 3] = [
    Sample {
        text: include_str!("samples/create.sh"),
        program: shell,
        flag: "-c",
        success: r#"{"status":200,"message":"OK","data":{}}"#,
        refusal: r#"{"status":401,"message":"Unauthorized: "#,
    },
    Sample {
        text: include_str!("samples/create.py"),
        program: python,
        flag: "-c",
        success: "{'status': 200, 'message': 'OK', 'data': {}}",
        refusal: "HTTPError: 401 Client Error: Unauthorized",
    },
    Sample {
        text: include_str!("samples/create.js"),
        program: node,
        flag: "-e",
        success: "{ status: 200, message: 'OK', data: {} }",
        refusal: "HTTP error! status: 401",
    },
];

fn succeeds(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

fn shell() -> &'static str {
    assert!(succeeds(Command::new("curl").arg("--version")), "curl is missing: install the package curl");
    "sh"
}

fn python() -> &'static str {
    let found = ["/usr/bin/python3", "python3"];
    let found = found.into_iter().find(|python| succeeds(Command::new(python).args(["-c", "import requests"])));
    found.expect("no Python can import requests: install the package python3-requests")
}

fn node() -> &'static str {
    let has_fetch = succeeds(Command::new("node").args(["-e", "process.exit(typeof fetch === 'function' ? 0 : 1)"]));
    assert!(has_fetch, "node 18 or later is missing: install the package nodejs");
    "node"
}

/// Runs a sample as a reader of the page would, and returns its output.
async fn run(sample: &'static Sample, host: &Host, key: &str) -> String {
    let text = sample.text.replace(PUBLISHED_URL, &host.url).replace(PUBLISHED_KEY, key);
    assert!(text.contains(&host.url) && text.contains(key), "the sample names neither address nor key");
    let ran = tokio::task::spawn_blocking(move || {
        let mut command = Command::new((sample.program)());
        // Local calls must not use a proxy of this machine.
        command.args([sample.flag, &text]).env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1");
        command.output().unwrap()
    });
    let Output { stdout, stderr, .. } = ran.await.unwrap();
    String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_published_samples_create_two_templates_also_when_repeated() {
    let host = Host::start_without_loops(ROOMY).await;
    for round in 1..=2 {
        for sample in &SAMPLES {
            let printed = run(sample, &host, &host.admin).await;
            assert!(printed.contains(sample.success), "round {round}: {printed}");
        }
    }
    let page = host.get("/v1/training/template/list").await.ok();
    assert_eq!(page["totalRows"], 2);
    let records = page["records"].as_array().unwrap();
    for (record, (name, desc)) in
        records.iter().zip([("pytorch-2gpu-template", "常用2卡训练模板"), ("my training task", "my training task")])
    {
        let mut sent = common_values();
        sent["name"] = json!(name);
        sent["desc"] = json!(desc);
        assert_eq!(only_the_fields_of(&sent, record), sent);
        assert_eq!((&record["version"], &record["revision"]), (&json!(1), &json!(1)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_sample_reports_a_wrong_key() {
    let host = Host::start_without_loops(ROOMY).await;
    let mut wrong = host.admin.clone();
    let last = if wrong.pop() == Some('0') { '1' } else { '0' };
    wrong.push(last);
    for sample in &SAMPLES {
        let printed = run(sample, &host, &wrong).await;
        assert!(printed.contains(sample.refusal), "{printed}");
        assert!(!printed.contains(sample.success), "{printed}");
    }
    assert_eq!(host.get("/v1/training/template/list").await.ok()["totalRows"], 0);
}

/// The fields that all three samples send, apart from name and description.
fn common_values() -> Value {
    json!({
        "aidcId": 2, "trainingType": "PRE_TRAINING", "trainingFramwork": "TensorFlow", "imageType": "general",
        "image": "harbor.zetyun.cn/anc-public/general/tensorflow:2.16.1-gpu-jupyter",
        "env": {"ENV_MODE": "production", "MAX_CONN": "200"},
        "resource": {"type": "worker", "gpuName": "NVIDIA-L40S-PCIE-48G", "cpuCores": "1", "gpuCount": "1",
            "memoryGB": "2", "productCode": "PRD-QTT", "productName": "量子训练", "workerCount": 1,
            "productPrice": "0.0002B"},
        "enableAutoRetry": true,
        "storageConfigs": [{"storageId": "0000-0000-0000-0000", "storageType": "nas-capacity",
            "fileDirectory": "nas123", "mountPath": "/root/nas/123", "onlyRead": true}],
        "maxRetryCount": 3, "enableTimeoutCancel": true, "timeoutHours": 1,
        "startCommand": "python train.py --data /root/nas/123/data", "priority": 3
    })
}

/// Returns a record without the fields that the server adds. The record must have exactly the fields that were sent.
fn only_the_fields_of(sent: &Value, record: &Value) -> Value {
    const ADDED: [&str; 12] = [
        "id",
        "version",
        "latestVersion",
        "revision",
        "archived",
        "jobsMade",
        "project",
        "createBy",
        "createdTime",
        "createdTimeMs",
        "updatedTime",
        "updatedTimeMs",
    ];
    let mut fields = record.as_object().unwrap().clone();
    fields.retain(|name, _| !ADDED.contains(&name.as_str()));
    assert_eq!(fields.len(), sent.as_object().unwrap().len(), "{record}");
    Value::Object(fields)
}
