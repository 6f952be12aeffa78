//! Creating jobs: from a template with overrides, from a complete request, and by a repeated request.

use serde_json::{Value, json};

use crate::harness::{Host, ROOMY, pod_name};

const CREATE: &str = "/v1/training/instance/create";

/// Creates a template and returns its id.
async fn template(host: &Host, content: Value) -> String {
    host.post("/v1/training/template/create", &content).await.created_id()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_merged_over_its_template_and_every_value_has_a_provenance() {
    let config =
        format!("{ROOMY}[[centre.product]]\ncode = \"SMALL\"\nname = \"small\"\ncpu_cores = 2\nmemory_gb = 3\n");
    let host = Host::start(&config).await;
    let content = json!({
        "name": "digits", "desc": "what it is", "startCommand": "echo $GREETING $NAME $STEPS; [ -z \"$GONE\" ]",
        "env": {"GREETING": "hello", "NAME": "nobody", "GONE": "x"},
        "resource": {"productCode": "SMALL", "memoryGB": "1", "workerCount": 1},
        "storageConfigs": [{"storageId": "s", "mountPath": "/data", "onlyRead": true}],
        "parameters": [{"name": "STEPS", "type": "integer", "default": 10}], "priority": 3,
    });
    let id = template(&host, content).await;
    let body = json!({
        "createType": "TEMPLATE", "templateId": id, "env": {"NAME": "world", "GONE": null},
        "resource": {"workerCount": 2}, "storageConfigs": [{"mountPath": "/data/", "remove": true}],
        "parameterValues": {"STEPS": 20}, "priority": null,
    });
    let reply = host.post(CREATE, &body).await;
    let job = reply.created_id();
    assert_eq!(reply.ok(), json!({"id": job}));
    let detail = host.wait_for_end(&job).await;
    assert_eq!(detail["status"], "Succeeded", "{detail:#}");
    assert_eq!(host.log(&job, 1).await, "hello world 20\n");

    assert_eq!(detail["name"], "digits");
    assert_eq!((&detail["templateId"], &detail["templateVersion"]), (&json!(id), &json!(1)));
    assert_eq!((&detail["createBy"], &detail["project"]), (&json!("admin"), &json!("default")));
    let spec = &detail["spec"];
    assert_eq!(spec["env"], json!({"GREETING": "hello", "NAME": "world", "STEPS": 20}));
    assert_eq!(spec["desc"], "what it is");
    assert_eq!(spec["storageConfigs"], json!([]));
    assert_eq!((&spec["priority"], &spec["aidcId"]), (&json!(2), &json!(1)));
    let of_template = format!("template {id} v1");
    for (path, source) in [
        ("startCommand", of_template.as_str()),
        ("env.GREETING", &of_template),
        ("env.NAME", "request"),
        ("env.STEPS", "request"),
        ("resource.workerCount", "request"),
        ("resource.memoryGB", &of_template),
        ("resource.cpuCores", "product"),
        ("resource.gpuCount", "product"),
        ("storageConfigs", "request"),
        ("priority", "default"),
        ("aidcId", "default"),
        ("enableAutoRetry", "default"),
    ] {
        assert_eq!(detail["provenance"][path], source, "{path}");
    }
    assert!(detail["provenance"].get("env.GONE").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_keeps_a_copy_of_its_template_version() {
    let host = Host::start(ROOMY).await;
    let id = template(&host, json!({"name": "t", "startCommand": "echo one"})).await;
    let update = host.request(reqwest::Method::PUT, &format!("/v1/training/template/{id}/update"), &host.admin);
    let second = json!({"name": "t", "startCommand": "echo two"});
    host.send(update.header("if-match", "\"1\"").json(&second)).await.ok();
    for (version, says) in [(Some(1), "one\n"), (Some(2), "two\n"), (None, "two\n")] {
        let mut body = json!({"createType": "TEMPLATE", "templateId": id, "name": "mine"});
        if let Some(version) = version {
            body["templateVersion"] = json!(version);
        }
        let job = host.post(CREATE, &body).await.created_id();
        let detail = host.wait_for_end(&job).await;
        assert_eq!(detail["templateVersion"], version.unwrap_or(2));
        assert_eq!(detail["name"], "mine");
        assert_eq!(host.log(&job, 0).await, says);
    }
    host.delete(&format!("/v1/training/template/{id}/delete")).await.ok();
    let listed = host.get(&format!("/v1/training/instance/list?templateId={id}")).await.ok();
    assert_eq!(listed["totalRows"], 3);
    for job in listed["records"].as_array().unwrap() {
        assert_eq!(host.detail(job["id"].as_str().unwrap()).await["status"], "Succeeded");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_custom_job_without_a_name_is_named_by_its_id_and_names_may_repeat() {
    let host = Host::start(ROOMY).await;
    let custom = json!({"createType": "CUSTOM", "startCommand": "true"});
    let first = host.post(CREATE, &custom).await.created_id();
    assert_eq!(host.detail(&first).await["name"], first.as_str());
    let named = json!({"createType": "CUSTOM", "startCommand": "true", "name": "same"});
    let (second, third) = (host.post(CREATE, &named).await.created_id(), host.post(CREATE, &named).await.created_id());
    assert_ne!(second, third);
    let listed = host.get("/v1/training/instance/list?name=same").await.ok();
    assert_eq!(listed["totalRows"], 2);
    let detail = host.detail(&first).await;
    assert!(detail.get("templateId").is_none() && detail.get("templateVersion").is_none(), "{detail:#}");
    assert_eq!(detail["provenance"]["startCommand"], "request");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_with_an_idempotency_key_creates_one_job() {
    let host = Host::start(ROOMY).await;
    let send = async |key: &str, body: &Value| {
        let request = host.request(reqwest::Method::POST, CREATE, &host.admin);
        host.send(request.header("Idempotency-Key", key).json(body)).await
    };
    let body = json!({"createType": "CUSTOM", "startCommand": "true", "env": {"A": "1", "B": "2"}});
    let mut ids = std::collections::BTreeSet::new();
    // Repeated both at the same time and one after the other.
    let burst = futures_util::future::join_all((0..8).map(|_| send("k", &body))).await;
    ids.extend(burst.iter().map(crate::harness::Reply::created_id));
    let reordered = json!({"env": {"B": "2", "A": "1"}, "startCommand": "true", "createType": "CUSTOM"});
    ids.insert(send("k", &reordered).await.created_id());
    assert_eq!(ids.len(), 1, "{ids:?}");

    let other = json!({"createType": "CUSTOM", "startCommand": "false"});
    let refused = send("k", &other).await;
    assert_eq!((refused.status, refused.code()), (409, "idempotency_conflict"), "{}", refused.body);
    assert!(ids.insert(send("another", &body).await.created_id()));
    // A refused request does not use up its idempotency key.
    assert_eq!(send("wrong", &json!({"createType": "CUSTOM"})).await.status, 400);
    assert!(ids.insert(send("wrong", &body).await.created_id()));
    // An idempotency key belongs to a project: the same key in another project is a new one.
    let other_project = host.key("zoe", "elsewhere", "member").await;
    let request = host.request(reqwest::Method::POST, CREATE, &other_project);
    let created = host.send(request.header("Idempotency-Key", "k").json(&body)).await;
    assert!(ids.insert(created.created_id()));

    let listed = host.get("/v1/training/instance/list").await.ok();
    assert_eq!(listed["totalRows"], 4);
    for bad in ["", "   ", &"x".repeat(256)] {
        let refused = send(bad, &body).await;
        assert_eq!((refused.status, refused.code()), (400, "bad_header"), "{}", refused.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_detail_shows_attempts_and_workers_with_times_and_log_files() {
    let host = Host::start(ROOMY).await;
    let job = host.job("sleep 0.2", json!({"resource": {"workerCount": 2, "cpuCores": 0.5}})).await;
    let detail = host.wait_for_end(&job).await;
    assert_eq!(detail["resource"], json!({"workerCount": 2, "gpuCount": 0, "gpuName": "-"}));
    assert_eq!((&detail["reason"], &detail["message"]), (&json!("Completed"), &json!("all workers succeeded (2)")));
    assert_eq!(detail["waitingFor"], json!([]));
    let ms = |value: &Value| value.as_i64().unwrap();
    let attempts = detail["attempts"].as_array().unwrap();
    assert_eq!(attempts.len(), 1);
    let attempt = &attempts[0];
    assert_eq!((&attempt["number"], &attempt["status"]), (&json!(1), &json!("Succeeded")));
    assert!(ms(&detail["createdTimeMs"]) <= ms(&attempt["startTimeMs"]));
    assert!(ms(&attempt["endTimeMs"]) - ms(&attempt["startTimeMs"]) >= 100, "{attempt:#}");
    assert_eq!(detail["startTimeMs"], attempt["startTimeMs"]);
    assert_eq!(detail["endTimeMs"], attempt["endTimeMs"]);
    for (rank, worker) in (0..).zip(attempt["workers"].as_array().unwrap()) {
        assert_eq!(worker["podName"], pod_name(&job, rank));
        assert_eq!((&worker["rank"], &worker["status"]), (&json!(rank), &json!("Succeeded")));
        assert_eq!((&worker["exitCode"], &worker["reason"]), (&json!(0), &json!("Completed")));
        assert!(worker.get("signal").is_none());
        assert!(ms(&worker["endTimeMs"]) - ms(&worker["startTimeMs"]) >= 100, "{worker:#}");
        assert!(std::path::Path::new(worker["logPath"].as_str().unwrap()).exists());
    }
    // The centre does not use the image; the job keeps it, and its detail shows a warning.
    let more = json!({"image": "registry.example/torch:2", "workDir": "/tmp"});
    let job = host.job("pwd", more).await;
    let detail = host.wait_for_end(&job).await;
    assert_eq!(detail["warnings"][0]["path"], "image", "{detail:#}");
    assert_eq!(host.log(&job, 0).await, "/tmp\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_filter_by_either_word_for_a_status_and_by_centre() {
    let host = Host::start_without_loops(ROOMY).await;
    let job = host.job("true", json!({})).await;
    for (query, rows) in [
        ("status=NotStarted", 1),
        ("status=Queued", 1),
        ("status=Running", 0),
        ("aidcId=1", 1),
        ("aidcId=2", 0),
        ("name=%25", 0),
        ("templateId=tpl_00000000000000000000", 0),
    ] {
        let listed = host.get(&format!("/v1/training/instance/list?{query}")).await.ok();
        assert_eq!(listed["totalRows"], rows, "{query}");
    }
    let listed = host.get("/v1/training/instance/list").await.ok();
    assert_eq!(listed["records"][0]["id"], job.as_str());
    assert_eq!(listed["records"][0]["status"], "NotStarted");
    let refused = host.get("/v1/training/instance/list?status=Runing").await;
    assert_eq!(refused.faults(), [("status".to_owned(), "not_a_choice".to_owned())]);
    // A job has no workers before its first attempt.
    assert_eq!(host.get(&format!("/v1/training/instance/{job}/pod/list")).await.ok(), json!([]));
    let path = format!("/v1/training/instance/{job}/{}/basic", pod_name(&job, 0));
    assert_eq!(host.get(&path).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_shows_its_host() {
    let host = Host::start(ROOMY).await;
    let job = host.job("sleep 1000", json!({"resource": {"workerCount": 2}})).await;
    host.wait_for_status(&job, "Running").await;
    let pods = host.get(&format!("/v1/training/instance/{job}/pod/list")).await.ok();
    let pods = pods.as_array().unwrap();
    assert_eq!(pods.len(), 2);
    for (rank, pod) in (0..).zip(pods) {
        assert_eq!((&pod["rank"], &pod["attempt"], &pod["status"]), (&json!(rank), &json!(1), &json!("Running")));
        assert_eq!(pod["podName"], pod_name(&job, rank));
        let path = format!("/v1/training/instance/{job}/{}/basic", pod_name(&job, rank));
        let basic = host.get(&path).await.ok();
        assert_eq!(basic["clusterName"], "this machine");
        assert_eq!((&basic["namespace"], &basic["createBy"]), (&json!("default"), &json!("admin")));
        assert_eq!((&basic["status"], &basic["restartCount"]), (&json!("Running"), &json!(0)));
        assert_eq!(basic["createTimeMs"], pod["startTimeMs"]);
        for field in ["hostName", "hostIp", "podIp", "qosClass", "createTime"] {
            assert!(basic[field].as_str().is_some_and(|text| !text.is_empty()), "{field}");
        }
    }
    let wrong = host.get(&format!("/v1/training/instance/{job}/{}/basic", pod_name(&job, 2))).await;
    assert_eq!((wrong.status, wrong.code()), (404, "not_found"));
    host.stop(&job).await.ok();
    host.wait_for_status(&job, "Stopped").await;
}
