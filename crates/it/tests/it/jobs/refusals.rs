//! A job that can never run is refused when it is created, with all faults at once.

use serde_json::{Value, json};

use crate::harness::{Host, ROOMY};

/// Sends a job that must be refused, and returns the code and the faults in their order.
async fn refusal(host: &Host, body: Value) -> (String, Vec<(String, String)>) {
    let reply = host.post("/v1/training/instance/create", &body).await;
    assert_eq!(reply.status, 400, "{}", reply.body);
    let message = reply.body["message"].as_str().unwrap();
    assert!(message.starts_with("Bad Request: "), "{message}");
    (reply.code().to_owned(), reply.faults())
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(field, code)| ((*field).to_owned(), (*code).to_owned())).collect()
}

#[tokio::test]
async fn every_resource_that_can_never_fit_is_named() {
    let host = Host::start_without_loops(ROOMY).await;
    let with_resource = |resource: Value| json!({"createType": "CUSTOM", "startCommand": "true", "resource": resource});
    for (resource, expected) in [
        (json!({"cpuCores": 64.5}), vec![("resource.cpuCores", "never_fits")]),
        (json!({"cpuCores": 33, "workerCount": 2, "memoryGB": 1}), vec![("resource.cpuCores", "never_fits")]),
        (json!({"memoryGB": "65"}), vec![("resource.memoryGB", "never_fits")]),
        (json!({"gpuCount": 9}), vec![("resource.gpuCount", "never_fits")]),
        (json!({"gpuCount": 1, "gpuName": "H200"}), vec![("resource.gpuName", "never_fits")]),
        (
            json!({"cpuCores": 100, "memoryGB": 100, "gpuCount": 100}),
            vec![
                ("resource.cpuCores", "never_fits"),
                ("resource.memoryGB", "never_fits"),
                ("resource.gpuCount", "never_fits"),
            ],
        ),
    ] {
        let (code, faults) = refusal(&host, with_resource(resource.clone())).await;
        assert_eq!((code.as_str(), faults), ("cannot_run", pairs(&expected)), "{resource}");
    }
    let largest =
        json!({"cpuCores": 32, "memoryGB": 32, "gpuCount": 4, "workerCount": 2, "gpuName": "nvidia l40s pcie 48g"});
    host.post("/v1/training/instance/create", &with_resource(largest)).await.ok();
    assert_eq!(host.get("/v1/training/instance/list").await.ok()["totalRows"], 1);
}

#[tokio::test]
async fn what_the_centre_cannot_do_is_refused_with_the_field() {
    let host = Host::start_without_loops(ROOMY).await;
    for (more, expected) in [
        (json!({}), vec![("startCommand", "required")]),
        (json!({"startCommand": " \n "}), vec![("startCommand", "required")]),
        (json!({"startCommand": "true", "aidcId": 7}), vec![("aidcId", "unknown")]),
        (
            json!({"startCommand": "true", "resource": {"productCode": "NONE"}}),
            vec![("resource.productCode", "unknown")],
        ),
        (
            json!({"startCommand": "true", "storageConfigs": [{"storageId": "s", "mountPath": "/data"}]}),
            vec![("storageConfigs[0].storageId", "unknown")],
        ),
        (
            json!({"startCommand": "true", "trainingFramwork": "PyTorch", "env": {"MASTER_PORT": "1", "RANK": 2, "A": 1}}),
            vec![("env.MASTER_PORT", "reserved"), ("env.RANK", "reserved")],
        ),
        (
            json!({"startCommand": "true", "env": {"TRAINYARD_RANK": "0", "CUDA_VISIBLE_DEVICES": "0", "RANK": "1"}}),
            vec![("env.TRAINYARD_RANK", "reserved"), ("env.CUDA_VISIBLE_DEVICES", "reserved")],
        ),
        (json!({"startCommand": "true", "enableTimeoutCancel": true}), vec![("timeoutHours", "required")]),
    ] {
        let mut body = json!({"createType": "CUSTOM"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let (code, faults) = refusal(&host, body).await;
        assert_eq!((code.as_str(), faults), ("cannot_run", pairs(&expected)), "{more}");
    }
}

#[tokio::test]
async fn faults_of_the_body_and_of_the_placement_are_listed_together() {
    let host = Host::start_without_loops(ROOMY).await;
    let body = json!({
        "createType": "CUSTOM", "priority": 9, "startCommnd": "true", "startCommand": 5,
        "resource": {"cpuCores": 100, "workerCount": 0}, "env": {"TRAINYARD_RANK": "0"},
    });
    let (code, mut faults) = refusal(&host, body).await;
    faults.sort();
    assert_eq!(code, "bad_body");
    // A command of a wrong type is not reported as missing as well.
    let expected = [
        ("env.TRAINYARD_RANK", "reserved"),
        ("priority", "out_of_range"),
        ("resource.cpuCores", "never_fits"),
        ("resource.workerCount", "out_of_range"),
        ("startCommand", "wrong_type"),
        ("startCommnd", "unknown_field"),
    ];
    assert_eq!(faults, pairs(&expected));
}

#[tokio::test]
async fn a_job_needs_a_valid_source() {
    let host = Host::start_without_loops(ROOMY).await;
    let saved = json!({"name": "t", "startCommand": "true"});
    let id = host.post("/v1/training/template/create", &saved).await.created_id();
    let private = json!({"name": "private", "startCommand": "true", "visibility": "private"});
    let hidden = host.post("/v1/training/template/create", &private).await.created_id();
    for (body, expected) in [
        (json!({}), vec![("createType", "required")]),
        (json!({"createType": "template"}), vec![("createType", "not_a_choice")]),
        (json!({"createType": "TEMPLATE"}), vec![("templateId", "required")]),
        (json!({"createType": "TEMPLATE", "templateId": 5}), vec![("templateId", "wrong_type")]),
        (json!({"createType": "TEMPLATE", "templateId": "tpl_00000000000000000000"}), vec![("templateId", "unknown")]),
        (
            json!({"createType": "TEMPLATE", "templateId": id, "templateVersion": 2}),
            vec![("templateVersion", "unknown")],
        ),
        (
            json!({"createType": "TEMPLATE", "templateId": id, "parameterValues": {"X": 1}, "visibility": "public"}),
            vec![("visibility", "not_supported"), ("parameterValues.X", "unknown_field")],
        ),
        (
            json!({"createType": "CUSTOM", "templateId": id, "startCommand": "true"}),
            vec![("templateId", "not_supported")],
        ),
    ] {
        let (code, faults) = refusal(&host, body.clone()).await;
        assert_eq!((code.as_str(), faults), ("bad_body", pairs(&expected)), "{body}");
    }
    // A template that is hidden from the caller is reported as unknown.
    let member = host.key("ann", "default", "member").await;
    let body = json!({"createType": "TEMPLATE", "templateId": hidden});
    let request = host.request(reqwest::Method::POST, "/v1/training/instance/create", &member);
    assert_eq!(host.send(request.json(&body)).await.faults(), pairs(&[("templateId", "unknown")]));
    assert_eq!(host.get("/v1/training/instance/list").await.ok()["totalRows"], 0);
}

#[tokio::test]
async fn an_invalid_time_limit_is_one_fault() {
    let host = Host::start_without_loops(ROOMY).await;
    let body =
        json!({"createType": "CUSTOM", "startCommand": "true", "enableTimeoutCancel": true, "timeoutSeconds": 0});
    let (_, faults) = refusal(&host, body).await;
    assert_eq!(faults, pairs(&[("timeoutSeconds", "out_of_range")]));
}
