//! The template calls over HTTP.

use serde_json::{Value, json};

use crate::harness::{Host, ROOMY};

fn sample() -> Value {
    json!({
        "name": "my training task", "desc": "my training task", "aidcId": 2, "trainingType": "PRE_TRAINING",
        "trainingFramwork": "TensorFlow", "imageType": "general", "image": "registry.example/tensorflow:2.16",
        "env": {"ENV_MODE": "production", "MAX_CONN": "200"},
        "resource": {"type": "worker", "gpuName": "NVIDIA-L40S-PCIE-48G", "cpuCores": "1", "gpuCount": "1",
            "memoryGB": "2", "productCode": "PRD-QTT", "productName": "量子训练", "workerCount": 1, "productPrice": "0.0002B"},
        "enableAutoRetry": true,
        "storageConfigs": [{"storageId": "0000-0000-0000-0000", "storageType": "nas-capacity",
            "fileDirectory": "nas123", "mountPath": "/root/nas/123", "onlyRead": true}],
        "maxRetryCount": 3, "enableTimeoutCancel": true, "timeoutHours": 1,
        "startCommand": "python train.py --data /root/nas/123/data", "priority": 3
    })
}

#[tokio::test]
async fn a_template_comes_back_as_it_was_sent() {
    let host = Host::start_still(ROOMY).await;
    let reply = host.post("/v1/training/template/create", &sample()).await;
    assert_eq!(reply.body, json!({"status": 200, "message": "OK", "data": {}}));
    let id = reply.made();
    let again = host.post("/v1/training/template/create", &sample()).await;
    assert_eq!(again.made(), id);
    let listed = host.get("/v1/training/template/list").await.ok();
    assert_eq!(listed["totalRows"], 1);
    for (key, value) in sample().as_object().unwrap() {
        assert_eq!(&listed["records"][0][key], value, "{key}");
    }
    let detail = host.get(&format!("/v1/training/template/{id}/detail")).await.ok();
    assert_eq!(detail["runnable"], false);
    let warned: Vec<_> = detail["warnings"].as_array().unwrap().iter().map(|w| w["path"].as_str().unwrap()).collect();
    assert!(warned.contains(&"aidcId"), "{warned:?}");
}
