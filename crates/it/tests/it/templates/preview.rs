//! The preview shows what a create would do, for any request, and creates nothing.

use serde_json::{Value, json};

use super::{CREATE, body};
use crate::harness::{Host, ROOMY};

const JOBS: &str = "/v1/training/instance/create";

fn at(id: &str) -> String {
    format!("/v1/training/template/{id}/preview")
}

#[tokio::test]
async fn a_preview_shows_the_spec_its_provenance_and_the_workers() {
    let host = Host::start_without_loops(ROOMY).await;
    let template = json!({"name": "n", "trainingFramwork": "PyTorch", "startCommand": "torchrun t.py", "image": "i",
        "env": {"A": "1", "B": "2"}, "resource": {"gpuCount": 2}, "workDir": "/tmp",
        "parameters": [{"name": "N", "type": "integer", "default": 3}]});
    let id = host.post(CREATE, &template).await.created_id();
    let request =
        json!({"resource": {"workerCount": 2}, "env": {"B": "3"}, "workDir": null, "parameterValues": {"N": 4}});
    let preview = host.post(&at(&id), &request).await.ok();
    assert_eq!((&preview["runnable"], &preview["problems"]), (&json!(true), &json!([])));
    assert_eq!(preview["warnings"][0]["path"], "image", "a field that the centre does not use");
    assert_eq!(
        preview["changes"],
        json!([
            {"path": "env.B", "from": "2", "to": "3"},
            {"path": "env.N", "from": 3, "to": 4},
            {"path": "resource.workerCount", "to": 2},
            {"path": "workDir", "from": "/tmp"},
        ])
    );
    let source = format!("template {id} v1");
    for (path, expected) in [
        ("env.A", source.as_str()),
        ("env.B", "request"),
        ("env.N", "request"),
        ("resource.gpuCount", &source),
        ("resource.workerCount", "request"),
        ("resource.cpuCores", "default"),
    ] {
        assert_eq!(preview["provenance"][path], expected, "{path}");
    }
    let workers = preview["workers"].as_array().unwrap();
    assert_eq!(workers.len(), 2);
    for (rank, worker) in workers.iter().enumerate() {
        let env = &worker["env"];
        assert_eq!(
            (&worker["rank"], &env["RANK"], &env["WORLD_SIZE"]),
            (&json!(rank), &json!(rank.to_string()), &json!("2"))
        );
        assert_eq!((&env["A"], &env["B"], &env["N"]), (&json!("1"), &json!("3"), &json!("4")));
        assert_eq!(env["CUDA_VISIBLE_DEVICES"], if rank == 0 { "0,1" } else { "2,3" });
        assert!(env["MASTER_PORT"].as_str().unwrap().parse::<u16>().unwrap() >= 20_000, "{env}");
        assert_eq!(env["TRAINYARD_JOB_NAME"], "n");
        assert!(env["PATH"].is_string(), "{env}");
    }
    assert_eq!(workers[1]["podName"], "job-00000000000000000000-worker-0");

    // The created job equals the preview.
    let mut create = request.clone();
    create["createType"] = json!("TEMPLATE");
    create["templateId"] = json!(id);
    let job = host.detail(&host.post(JOBS, &create).await.created_id()).await;
    assert_eq!((&job["spec"], &job["provenance"]), (&preview["spec"], &preview["provenance"]));
}

#[tokio::test]
async fn a_preview_changes_nothing() {
    let host = Host::start(ROOMY).await;
    let id = host.post(CREATE, &json!({"name": "n", "startCommand": "true"})).await.created_id();
    let before = host.get(&super::detail_of(&id)).await.ok();
    for body in [json!({}), json!({"priority": 1}), json!({"aidcId": 9})] {
        host.post(&at(&id), &body).await.ok();
    }
    assert_eq!(host.get(&super::detail_of(&id)).await.ok(), before);
    assert_eq!(host.get("/v1/training/instance/list").await.ok()["totalRows"], 0);
    let jobs = host.dir.path().join("data/jobs");
    assert!(!jobs.exists() || std::fs::read_dir(jobs).unwrap().count() == 0);
}

#[tokio::test]
async fn all_problems_are_listed_at_once() {
    let host = Host::start_without_loops(ROOMY).await;
    let template = json!({"name": "n", "locked": ["image"], "required": ["workDir"], "image": "i",
        "parameters": [{"name": "N", "type": "integer", "maximum": 3}, {"name": "M", "type": "string", "required": true}]});
    let id = host.post(CREATE, &template).await.created_id();
    let request = json!({"image": "j", "parameterValues": {"N": 4, "X": 1}, "resource": {"gpuCount": 9, "cpuCores": 65},
        "env": {"TRAINYARD_RANK": "0"}, "storageConfigs": [{"mountPath": "/data"}], "enableTimeoutCancel": true});
    let preview = host.post(&at(&id), &request).await.ok();
    let found: Vec<_> = preview["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| format!("{} {}", problem["path"].as_str().unwrap(), problem["code"].as_str().unwrap()))
        .collect();
    assert_eq!(
        found,
        [
            "image locked",
            "parameterValues.X unknown_field",
            "parameterValues.N out_of_range",
            "parameterValues.M required",
            "workDir required",
            "timeoutHours required",
            "startCommand required",
            "env.TRAINYARD_RANK reserved",
            "storageConfigs[0].storageId required",
            "resource.cpuCores never_fits",
            "resource.gpuCount never_fits",
        ]
    );
    let text = preview["problems"].to_string();
    assert!(
        text.contains("locked by admin in template") && text.contains("65 = 65 cores; the centre has 64"),
        "{text}"
    );
    assert_eq!((&preview["runnable"], &preview["workers"]), (&json!(false), &json!([])));
    let unknown = host.post(&at(&id), &json!({"aidcId": 7})).await.ok();
    assert!(unknown["problems"].to_string().contains("no compute centre 7; it has 1"), "{unknown}");
}

#[tokio::test]
async fn a_malformed_request_is_refused_like_a_create() {
    let host = Host::start_without_loops(ROOMY).await;
    let id = host.post(CREATE, &json!({"name": "n"})).await.created_id();
    for request in [
        json!({"priority": 4, "nam": "x"}),
        json!({"name": " x", "parameterValues": 1}),
        json!({"templateVersion": 2}),
        json!({"templateVersion": "1"}),
        json!({"visibility": "public"}),
        json!([]),
    ] {
        let preview = host.post(&at(&id), &request).await;
        let mut create = request.clone();
        if let Some(create) = create.as_object_mut() {
            create.extend([("createType".to_owned(), json!("TEMPLATE")), ("templateId".to_owned(), json!(id))]);
        }
        let create = host.post(JOBS, &create).await;
        assert_eq!((preview.status, preview.faults()), (400, create.faults()), "{request}");
    }
    for (request, field) in [
        (json!({"createType": "CUSTOM"}), "createType"),
        (json!({"templateId": "tpl_00000000000000000000"}), "templateId"),
    ] {
        assert_eq!(host.post(&at(&id), &request).await.faults()[0].0, field);
    }
    host.post(&at(&id), &json!({"createType": "TEMPLATE", "templateId": id})).await.ok();
}

/// Values for the fields of generated requests, valid ones first.
fn choices() -> Vec<(&'static str, Vec<Value>)> {
    vec![
        ("aidcId", vec![json!(1), json!(2), json!(null)]),
        ("image", vec![json!("i"), json!("j"), json!(null)]),
        (
            "env",
            vec![json!({"A": "1"}), json!({"N": "7"}), json!({"N": "x"}), json!({"MASTER_ADDR": "h"}), json!(null)],
        ),
        (
            "resource",
            vec![
                json!({"cpuCores": "1"}),
                json!({"cpuCores": 64, "workerCount": 2}),
                json!({"gpuCount": 9}),
                json!({"gpuName": "H100", "gpuCount": 1}),
                json!({"productCode": "NONE"}),
                json!({"memoryGB": null}),
            ],
        ),
        ("startCommand", vec![json!("true"), json!(""), json!(null)]),
        ("storageConfigs", vec![json!([]), json!([{"mountPath": "/data"}]), json!(null)]),
        ("enableTimeoutCancel", vec![json!(true), json!(false)]),
        ("timeoutHours", vec![json!(0), json!(1), json!(null)]),
        ("enableAutoRetry", vec![json!(true)]),
        ("maxRetryCount", vec![json!(3), json!(101)]),
        ("trainingFramwork", vec![json!("PyTorch"), json!("MPI"), json!("JAX")]),
        ("priority", vec![json!(1), json!(9)]),
        ("parameterValues", vec![json!({"N": 1}), json!({"N": 99}), json!({"O": 1})]),
        ("templateVersion", vec![json!(1), json!(2)]),
        ("colour", vec![json!("red")]),
    ]
}

/// A generator of the same pseudo-random numbers in every run (Knuth's linear congruential generator for 64 bits).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }

    /// Returns some fields with one value each, more often a valid one.
    fn fields(&mut self, most: usize) -> Value {
        let all = choices();
        let mut fields = serde_json::Map::new();
        for _ in 0..self.below(most + 1) {
            let (name, values) = &all[self.below(all.len())];
            let index = self.below(values.len()).min(self.below(values.len()));
            fields.insert((*name).to_owned(), values[index].clone());
        }
        Value::Object(fields)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn preview_and_create_never_disagree() {
    let host = Host::start_without_loops(ROOMY).await;
    let mut random = Random(7);
    let (mut accepted, mut refused, mut malformed) = (0, 0, 0);
    for number in 0..300 {
        let mut template = random.fields(4);
        if number % 4 > 0 {
            template["startCommand"] = json!("true");
        }
        for field in ["parameterValues", "templateVersion", "colour"] {
            template.as_object_mut().unwrap().remove(field);
        }
        template["parameters"] = json!([{"name": "N", "type": "integer", "default": 1, "maximum": 9}]);
        template["locked"] =
            [json!([]), json!(["image"]), json!(["env"]), json!(["resource.gpuCount"])][random.below(4)].clone();
        template["required"] = [json!([]), json!(["startCommand"]), json!(["env.A"])][random.below(3)].clone();
        let reply = host.post(CREATE, &body(&format!("n{number}"), template.clone())).await;
        if reply.status != 200 {
            continue;
        }
        let id = reply.created_id();
        let request = random.fields(4);
        let preview = host.post(&at(&id), &request).await;
        let case = format!("{template} with {request}");
        let mut create = request.clone();
        create["createType"] = json!("TEMPLATE");
        create["templateId"] = json!(id);
        let created = host.post(JOBS, &create).await;
        if preview.status != 200 {
            malformed += 1;
            assert_eq!((preview.status, preview.faults()), (created.status, created.faults()), "{case}");
            continue;
        }
        let preview = preview.ok();
        assert_eq!(preview["runnable"], created.status == 200, "{case}: {}", created.body);
        if created.status == 200 {
            accepted += 1;
            let job = host.detail(&created.created_id()).await;
            assert_eq!((&job["spec"], &job["provenance"]), (&preview["spec"], &preview["provenance"]), "{case}");
            assert_eq!(preview["workers"].as_array().unwrap().len(), job["resource"]["workerCount"], "{case}");
        } else {
            refused += 1;
            let listed: Vec<_> = preview["problems"]
                .as_array()
                .unwrap()
                .iter()
                .map(|p| (p["path"].as_str().unwrap().to_owned(), p["code"].as_str().unwrap().to_owned()))
                .collect();
            assert_eq!(listed, created.faults(), "{case}");
        }
    }
    assert!(
        accepted > 20 && refused > 20 && malformed > 20,
        "{accepted} accepted, {refused} refused, {malformed} malformed"
    );
}

#[tokio::test]
async fn the_preview_of_thousands_of_workers_stays_small() {
    let host = Host::start_without_loops(ROOMY).await;
    let template = json!({"name": "n", "trainingFramwork": "TensorFlow", "startCommand": "true",
        "resource": {"workerCount": 4000, "cpuCores": "0.01", "memoryGB": "0.01"}});
    let id = host.post(CREATE, &template).await.created_id();
    let preview = host.post(&at(&id), &json!({})).await.ok();
    let shown = preview["workers"].as_array().unwrap().len();
    assert!(shown >= 1);
    assert_eq!(preview["moreWorkers"], 4000 - shown);
    assert!(preview.to_string().len() < 3 * 1024 * 1024);
}
