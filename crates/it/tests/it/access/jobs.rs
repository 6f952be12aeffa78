//! Calls for one job by role, owner and project.

use reqwest::Method;
use serde_json::json;

use super::{H, N, ONE_JOB, World, Y};
use crate::harness::pod_name;

#[tokio::test(flavor = "multi_thread")]
async fn access_to_jobs_depends_on_role_and_relation() {
    let world = World::new().await;
    let mut jobs = Vec::new();
    for (owner, project) in [("alice", "vision"), ("bob", "vision"), ("bob", "speech"), ("alice", "speech")] {
        let body = json!({"createType": "CUSTOM", "startCommand": "true", "name": format!("{owner} {project}")});
        let request = world.host.request(Method::POST, "/v1/training/instance/create", world.owner_key(owner, project));
        jobs.push(world.host.send(request.json(&body)).await.created_id());
    }
    // The jobs have resources but no process, so they cannot have ended: an allowed delete answers 409.
    world.host.scheduler_pass().await;
    const E: u16 = 409;
    #[rustfmt::skip]
    let table = [
        //                        own  project's  another's  own in another
        ("read",       "admin",   [Y,  Y,         Y,         Y]),
        ("read",       "manager", [Y,  Y,         H,         H]),
        ("read",       "member",  [Y,  Y,         H,         H]),
        ("read",       "viewer",  [Y,  Y,         H,         H]),
        ("save",       "admin",   [Y,  Y,         Y,         Y]),
        ("save",       "manager", [Y,  Y,         H,         H]),
        ("save",       "member",  [Y,  Y,         H,         H]),
        ("save",       "viewer",  [N,  N,         H,         H]),
        ("delete",     "admin",   [E,  E,         E,         E]),
        ("delete",     "manager", [E,  E,         H,         H]),
        ("delete",     "member",  [E,  N,         H,         H]),
        ("delete",     "viewer",  [N,  N,         H,         H]),
        ("restart",    "admin",   [E,  E,         E,         E]),
        ("restart",    "manager", [E,  E,         H,         H]),
        ("restart",    "member",  [E,  N,         H,         H]),
        ("restart",    "viewer",  [N,  N,         H,         H]),
        ("timeout",    "admin",   [Y,  Y,         Y,         Y]),
        ("timeout",    "manager", [Y,  Y,         H,         H]),
        ("timeout",    "member",  [Y,  N,         H,         H]),
        ("timeout",    "viewer",  [N,  N,         H,         H]),
        ("stop",       "viewer",  [N,  N,         H,         H]),
        ("stop",       "member",  [Y,  N,         H,         H]),
        ("stop",       "manager", [Y,  Y,         H,         H]),
        ("stop",       "admin",   [Y,  Y,         Y,         Y]),
    ];
    for (action, role, verdicts) in table {
        for (job, expected) in jobs.iter().zip(verdicts) {
            let worker = pod_name(job, 0);
            let (method, paths) = match action {
                "stop" => (Method::POST, vec!["stop".to_owned()]),
                "restart" => (Method::POST, vec!["restart".to_owned()]),
                "timeout" => (Method::PUT, vec!["timeout".to_owned()]),
                "save" => (Method::POST, vec!["save-as-template".to_owned()]),
                "delete" => (Method::DELETE, vec!["delete".to_owned()]),
                _ => {
                    let of_worker = ["basic", "log", "log/search?q=x", "open-port/list"];
                    let of_worker = of_worker.map(|what| format!("{worker}/{what}"));
                    let of_job = ["detail", "event/list", "pod/list"].map(str::to_owned);
                    (Method::GET, of_job.into_iter().chain(of_worker).collect())
                }
            };
            for path in paths {
                let path = format!("/v1/training/instance/{job}/{path}");
                let body = match action {
                    "save" => Some(json!({"name": format!("{role} {job}")})),
                    "timeout" => Some(json!({"timeoutSeconds": 60})),
                    _ => None,
                };
                let (status, data) = world.call(role, method.clone(), &path, body).await;
                assert_eq!(status, expected, "{action} as {role}: {path} {data}");
            }
        }
    }
    for (role, expected) in [("admin", 4), ("manager", 2), ("member", 2), ("viewer", 2)] {
        let (_, page) = world.call(role, Method::GET, "/v1/training/instance/list", None).await;
        assert_eq!(page["totalRows"], expected, "{role}");
    }
    world.assert_all_called(|path| path.starts_with(ONE_JOB));
}
