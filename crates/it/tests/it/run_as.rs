//! Jobs that run as the user that the configuration names.

use std::{fs, os::unix::fs::PermissionsExt as _};

use serde_json::json;

use crate::harness::Host;

const AS_NOBODY: &str = r#"
[[centre]]
id = 1
name = "this machine"
run_as = "nobody"
capacity = { cpu_cores = 64, memory_gb = 64, gpus = [] }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn jobs_run_as_the_user_that_the_configuration_names() {
    if !rustix::process::geteuid().is_root() {
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
