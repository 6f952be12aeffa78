//! The user of the host that jobs run as, by the configuration of their centre.

use std::{fs, os::unix::fs::PermissionsExt as _};

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Host, Reply};

const AS_NOBODY: &str = r#"
[[centre]]
id = 1
name = "this machine"
run_as = "nobody"
capacity = { cpu_cores = 64, memory_gb = 64, gpus = [] }
"#;

const CREATE: &str = "/v1/training/instance/create";

/// One centre with further lines of configuration. Mapped accounts may belong to the system.
fn centre(more: &str) -> String {
    format!(
        "[[centre]]\nid = 1\nname = \"this machine\"\ncapacity = {{ cpu_cores = 64, memory_gb = 64, gpus = [] }}\n{more}\n"
    )
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Tries to create a job with a key.
async fn create(host: &Host, key: &str, command: &str) -> Reply {
    let body = json!({"createType": "CUSTOM", "name": "test", "startCommand": command});
    host.send(host.request(Method::POST, CREATE, key).json(&body)).await
}

/// Runs a job with a key; returns what it printed.
async fn printed(host: &Host, key: &str, command: &str) -> String {
    let created = create(host, key, command).await.ok();
    let job = created["id"].as_str().unwrap();
    let detail = host.wait_for_end(job).await;
    assert_eq!(detail["status"], "Succeeded", "{detail:#}");
    host.log(job, 0).await
}

fn message(reply: &Reply) -> String {
    reply.body["message"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_runs_as_the_account_of_its_user_or_as_the_mapped_account() {
    if !is_root() {
        return;
    }
    let host = Host::start(&centre("run_as = \"submitter\"\naccounts = { alice = \"daemon\" }")).await;
    assert_eq!(host.get("/v1/aidc/list").await.ok()[0]["runAs"], "submitter");
    let [alice, nobody, bin, bob, root] = [
        host.key("alice", "default", "member").await,
        host.key("nobody", "default", "member").await,
        host.key("bin", "default", "member").await,
        host.key("bob-of-no-account", "default", "member").await,
        host.key("root", "default", "member").await,
    ];
    assert_eq!(printed(&host, &alice, "id -un; echo $USER").await, "daemon\ndaemon\n");
    assert_eq!(printed(&host, &nobody, "id -un; id -G; echo $HOME").await, "nobody\n65534\n/nonexistent\n");
    for (key, why) in [
        (&bob, "no account bob-of-no-account"),
        (&bin, "belongs to the system"),
        (&root, "must not be root"),
        // The admin is no account of the host either.
        (&host.admin, "no account admin"),
    ] {
        let refused = create(&host, key, "true").await;
        assert_eq!(refused.status, 400, "{:#}", refused.body);
        assert!(message(&refused).contains(why) && message(&refused).contains("`accounts`"), "{:#}", refused.body);
        assert_eq!(refused.body["data"]["errors"][0]["field"], "aidcId");
    }
    let created = host.post("/v1/training/template/create", &json!({"name": "t", "startCommand": "true"})).await;
    let path = created.headers["location"].to_str().unwrap().replace("/detail", "/preview");
    let body = json!({});
    let preview = host.send(host.request(Method::POST, &path, &bob).json(&body)).await.ok();
    assert_eq!(preview["runnable"], false);
    assert!(preview["problems"].to_string().contains("no account bob-of-no-account"), "{preview:#}");
    let preview = host.send(host.request(Method::POST, &path, &alice).json(&body)).await.ok();
    assert_eq!(preview["workers"][0]["env"]["USER"], "daemon", "{preview:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_user_of_the_pool_keeps_its_own_id() {
    if !is_root() {
        return;
    }
    let config = format!("pool_uids = [210000, 210001]\n{}", centre("run_as = \"pool\""));
    let host = Host::start(&config).await;
    let alice = host.key("alice", "default", "member").await;
    let bob = host.key("bob", "default", "member").await;
    let ids = "id -u; id -g; id -G; echo $USER; test \"$HOME\" = \"$PWD\"; touch mine; stat -c %u mine";
    assert_eq!(printed(&host, &alice, ids).await, "210000\n210000\n210000\nalice\n210000\n");
    assert_eq!(printed(&host, &bob, ids).await, "210001\n210001\n210001\nbob\n210001\n");
    let refused = create(&host, &host.key("carol", "default", "member").await, "true").await;
    assert!(refused.status == 400 && message(&refused).contains("`pool_uids`"), "{:#}", refused.body);
    let dir = host.close().await;
    let host = Host::open(dir, &config.replace("210001]", "210005]")).await;
    host.server.start_loops();
    assert_eq!(printed(&host, &bob, "id -u").await, "210001\n");
    let carol = host.key("carol", "default", "member").await;
    assert_eq!(printed(&host, &carol, "id -u").await, "210002\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_root_serves_its_admin_alone_until_the_configuration_names_a_user() {
    if !is_root() {
        return;
    }
    let host = Host::start(&centre("run_as = \"root\"")).await;
    let member = host.key("alice", "default", "member").await;
    assert_eq!(printed(&host, &member, "id -u").await, "0\n");
    let dir = host.close().await;
    let host = Host::open(dir, &centre("run_as = \"server\"")).await;
    host.server.start_loops();
    assert_eq!(printed(&host, &host.admin, "id -u").await, "0\n");
    let refused = create(&host, &member, "true").await;
    assert_eq!(refused.status, 400, "{:#}", refused.body);
    for part in ["run as root", "only admins", "run_as"] {
        assert!(message(&refused).contains(part), "{:#}", refused.body);
    }
    let ended = host.send(host.request(Method::GET, "/v1/training/instance/list?status=Succeeded", &member)).await.ok();
    let theirs: Vec<&Value> = ended["records"].as_array().unwrap().iter().collect();
    assert!(theirs.len() == 2, "{ended:#}");
    for job in theirs {
        let path = format!("/v1/training/instance/{}/restart", job["id"].as_str().unwrap());
        let restarted = host.send(host.request(Method::POST, &path, &member)).await;
        assert!([400, 403].contains(&restarted.status), "{:#}", restarted.body);
    }
    let body = json!({"name": "test", "user": "bob", "project": "default", "role": "member"});
    let refused = host.post("/v1/api-key/create", &body).await;
    assert_eq!((refused.status, &refused.body["data"]["errors"][0]["field"]), (400, &json!("user")));
    assert!(message(&refused).contains("run_as"), "{:#}", refused.body);
    let own = json!({"name": "second", "user": "admin", "project": "default", "role": "admin"});
    host.post("/v1/api-key/create", &own).await.ok();
    let notes = host.get("/v1/aidc/list").await.ok()[0]["notes"].to_string();
    assert!(notes.contains("only admins may create jobs"), "{notes}");
}

#[tokio::test]
async fn a_user_that_the_host_cannot_give_is_refused_at_the_start() {
    let cases = match is_root() {
        true => vec![("run_as = \"nobody-here\"".to_owned(), "run_as: this host has no account nobody-here")],
        false => {
            let lines = ["root", "pool", "submitter", "nobody"].map(|word| format!("run_as = \"{word}\""));
            lines.map(|line| (line, "runs as root")).to_vec()
        }
    };
    for (line, why) in cases {
        let (_, opened) = Host::try_open(tempfile::TempDir::new().unwrap(), &centre(&line)).await;
        assert!(opened.as_ref().is_err_and(|error| error.contains(why)), "{opened:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_run_as_the_user_that_the_configuration_names() {
    if !is_root() {
        return;
    }
    let host = Host::start(AS_NOBODY).await;
    let centres = host.get("/v1/aidc/list").await.ok();
    assert_eq!(centres[0]["isolation"], "own user");
    let (nas, mount) = (host.dir.path().join("nas"), host.dir.path().join("place"));
    fs::create_dir(&nas).unwrap();
    fs::write(nas.join("theirs"), "").unwrap();
    fs::write(nas.join("secret"), "secret\n").unwrap();
    fs::set_permissions(nas.join("secret"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(nas.join("theirs"), fs::Permissions::from_mode(0o666)).unwrap();
    let body = json!({"storageId": "nas", "storageType": "nas-capacity", "path": nas});
    host.post("/v1/aidc/1/storage/create", &body).await.ok();
    let command = "id -un; echo $USER; echo $TRAINYARD_ATTEMPT > $TRAINYARD_CHECKPOINT_DIR/mine; cat $TRAINYARD_HOSTFILE
        exec 2>/dev/null; cat $KEY $PLACE/secret /etc/shadow; echo mine > $PLACE/theirs; touch $PLACE/new; mktemp >/dev/null && echo done";
    let key = host.dir.path().join("data/admin.key");
    let wants = json!({"storageConfigs": [{"mountPath": mount}], "env": {"KEY": key, "PLACE": mount}});
    let job = host.job(command, wants).await;
    let detail = host.wait_for_end(&job).await;
    assert_eq!(detail["status"], "Succeeded", "{detail:#}");
    assert_eq!(host.log(&job, 0).await, "nobody\nnobody\nlocalhost slots=1\ndone\n");
    assert_eq!(fs::read_to_string(nas.join("theirs")).unwrap(), "mine\n");
    assert!(!nas.join("new").exists());
}
