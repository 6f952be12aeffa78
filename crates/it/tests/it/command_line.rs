//! The command line against a real server: templates, the editor, jobs, storages.

mod logs;

use std::{
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Output},
};

use serde_json::{Value, json};

use crate::harness::{Host, PROGRAM, ROOMY};

const CREATE: &str = "/v1/training/template/create";

/// Runs the command line with this editor and an empty home directory. Returns exit code, stdout and stderr.
async fn run(host: &Host, editor: &str, args: &[&str]) -> (i32, String, String) {
    run_with_key(host, &host.admin, editor, args).await
}

async fn run_with_key(host: &Host, key: &str, editor: &str, args: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(PROGRAM);
    let home = host.dir.path().join("home");
    std::fs::create_dir_all(&home).unwrap();
    command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", &home).env("TMPDIR", &home).env("TZ", "UTC");
    command.env("TRAINYARD_SERVER", &host.url).env("TRAINYARD_API_KEY", key).env("EDITOR", editor);
    command.args(args).current_dir(&home);
    let output: Output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

async fn check(host: &Host, args: &[&str], printed: &str) {
    let (code, out, err) = run(host, "false", args).await;
    assert_eq!((code, out.trim_end()), (0, printed), "{args:?}: {err}");
}

/// Writes a script as the editor; `$1` is the file to edit. Returns its path.
fn editor(host: &Host, script: &str) -> String {
    let path = host.dir.path().join("editor.sh");
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path.to_str().unwrap().to_owned()
}

async fn detail(host: &Host, id: &str) -> Value {
    host.get(&format!("/v1/training/template/{id}/detail")).await.ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_are_listed_compared_and_made_the_default() {
    let host = Host::start_without_loops(ROOMY).await;
    let id = host.post(CREATE, &json!({"name": "n", "startCommand": "one", "comment": "begun"})).await.created_id();
    let file = host.dir.path().join("two.yaml");
    std::fs::write(&file, "name: n\nstartCommand: two\nimage: i\n").unwrap();
    check(
        &host,
        &["template", "update", "n", "-f", file.to_str().unwrap(), "-m", "an image"],
        &format!("{id} is at version 2, revision 2"),
    )
    .await;
    check(&host, &["template", "diff", "n", "1"], "+ image: \"i\"\n~ startCommand: \"one\" -> \"two\"").await;
    check(&host, &["template", "diff", "n", "2", "2"], "no differences").await;
    check(&host, &["template", "default", "n", "1"], &format!("version 1 is the default of {id}")).await;
    let (_, out, _) = run(&host, "false", &["template", "versions", "n"]).await;
    let lines: Vec<Vec<&str>> = out.lines().map(|line| line.split_whitespace().collect()).collect();
    assert!(out.contains("an image"), "{out}");
    assert_eq!((lines[1][0], lines[2][..2].to_vec(), lines[2].last()), ("2", vec!["1", "*"], Some(&"begun")), "{out}");
    let (_, out, _) = run(&host, "false", &["template", "show", "n", "--version", "2"]).await;
    assert!(out.contains("startCommand: two"), "{out}");
    let (code, _, err) = run(&host, "false", &["template", "default", "n", "7"]).await;
    assert!(code == 1 && err.contains("its latest version is 2"), "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exit_code_of_a_preview_says_whether_the_job_would_run() {
    let host = Host::start_without_loops(ROOMY).await;
    let parameters = json!([{"name": "TAG", "type": "string"}, {"name": "N", "type": "integer", "maximum": 3}]);
    let body = json!({"name": "n", "startCommand": "true", "parameters": parameters, "locked": ["image"]});
    let id = host.post(CREATE, &body).await.created_id();
    let (code, out, err) = run(
        &host,
        "false",
        &["template", "preview", "n", "--set", "priority=3", "--param", "TAG=2026", "--param", "N=2"],
    )
    .await;
    assert_eq!(code, 0, "{out}{err}");
    for part in [
        "the job would be created",
        "+ priority: 3",
        "env.TAG",
        "\"2026\"",
        &format!("template {id} v1"),
        "TRAINYARD_RANK=0",
    ] {
        assert!(out.contains(part), "{part} in {out}");
    }
    let (code, out, _) =
        run(&host, "false", &["template", "preview", "n", "--set", "image=x", "--param", "N=7", "--set", "aidcId=9"])
            .await;
    assert_eq!(code, 1);
    for part in [
        "the job would be refused",
        "image: `image` is locked by admin",
        "parameterValues.N: must be at most 3",
        "aidcId",
    ] {
        assert!(out.contains(part), "{part} in {out}");
    }
    assert_eq!(host.get("/v1/training/instance/list").await.ok()["totalRows"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn templates_are_copied_archived_and_saved_from_jobs() {
    let host = Host::start_without_loops(ROOMY).await;
    let id = host.post(CREATE, &json!({"name": "n", "startCommand": "true"})).await.created_id();
    let (_, out, _) = run(&host, "false", &["template", "copy", "n", "m", "--visibility", "private"]).await;
    let copy = detail(&host, out.trim()).await;
    assert_eq!((&copy["name"], &copy["visibility"]), (&json!("m"), &json!("private")));
    check(&host, &["template", "archive", "n"], &format!("{id} is archived")).await;
    let (code, _, err) = run(&host, "false", &["template", "show", "n"]).await;
    assert!(
        code == 1 && err.contains("no template has the id or name"),
        "an archived template is not found by its name: {err}"
    );
    check(&host, &["template", "unarchive", "n"], &format!("{id} is in lists again")).await;
    let (_, job, _) = run(&host, "false", &["job", "create", "--template", &id, "--set", "priority=3"]).await;
    let (_, saved, err) = run(&host, "false", &["job", "save-as-template", job.trim(), "as it ran"]).await;
    let saved = detail(&host, saved.trim()).await;
    assert_eq!((&saved["name"], &saved["priority"]), (&json!("as it ran"), &json!(3)), "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_gets_another_time_limit_and_is_restarted() {
    let host = Host::start_without_loops(ROOMY).await;
    let job = host.job("true", json!({})).await;
    check(&host, &["job", "timeout", "test", "2h"], &format!("time limit of {job} is now 2h")).await;
    assert_eq!(host.detail(&job).await["spec"]["timeoutSeconds"], 7200);
    let (_, shown, _) = run(&host, "false", &["job", "show", &job]).await;
    assert!(shown.contains("2h, set by admin"), "{shown}");
    check(&host, &["job", "timeout", &job, "none"], &format!("{job} has no time limit now")).await;
    let (code, _, err) = run(&host, "false", &["job", "timeout", &job, "soon"]).await;
    assert!(code == 2 && err.contains("90m"), "{err}");
    let (code, _, err) = run(&host, "false", &["job", "restart", &job]).await;
    assert!(code != 0 && err.contains("stop it first"), "{err}");
    host.stop(&job).await.ok();
    check(&host, &["job", "restart", "test"], &format!("{job} is queued again")).await;
    assert_eq!(host.detail(&job).await["status"], "NotStarted");
}

#[tokio::test(flavor = "multi_thread")]
async fn templates_are_exported_and_imported() {
    let host = Host::start_without_loops(ROOMY).await;
    let body =
        json!({"name": "n", "startCommand": "true", "env": {"A": "1"}, "storageConfigs": [{"mountPath": "/data"}]});
    let id = host.post(CREATE, &body).await.created_id();
    let file = host.dir.path().join("out.yaml");
    let path = file.to_str().unwrap();
    check(&host, &["template", "export", "n", "-f", path], "").await;
    check(&host, &["template", "import", path], &id).await;
    check(&host, &["template", "import", path, "--dry-run"], std::fs::read_to_string(&file).unwrap().trim_end()).await;
    let (code, out, err) = run(&host, "false", &["template", "export", "n", "--format", "sbatch"]).await;
    assert!(code == 0 && out.starts_with("#!/bin/bash\n") && err.contains("note: storageConfigs"), "{out}\n{err}");

    let script = host.dir.path().join("train.sbatch");
    std::fs::write(&script, "#!/bin/sh\n#SBATCH -N 2 --qos high\npython train.py\n").unwrap();
    let (code, created, err) = run(&host, "false", &["template", "import", script.to_str().unwrap()]).await;
    assert!(code == 0 && err.contains("not mapped") && err.contains("high"), "{err}");
    assert_eq!(detail(&host, created.trim()).await["name"], "train", "a text without a name gets the name of its file");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_is_checked_shown_and_saved() {
    let host = Host::start_without_loops(ROOMY).await;
    let body =
        json!({"name": "n", "startCommand": "one", "resource": {"cpuCores": "1"}, "labels": {"a": "b"}, "priority": 1});
    let id = host.post(CREATE, &body).await.created_id();
    let nothing = editor(&host, "true");
    let (code, out, _) = run(&host, &nothing, &["template", "edit", "n"]).await;
    assert_eq!((code, out.trim_end()), (0, "nothing has changed"));

    let change = editor(&host, "sed -i 's/one/two/; /^labels/,/^  a:/d' \"$1\"");
    let (code, out, err) = run(&host, &change, &["template", "edit", "n", "-m", "faster"]).await;
    let expected = format!("- labels.a: \"b\"\n~ startCommand: \"one\" -> \"two\"\n{id} is at version 2, revision 2");
    assert_eq!((code, out.trim_end()), (0, expected.as_str()), "{err}");
    let now = detail(&host, &id).await;
    assert_eq!((&now["startCommand"], now.get("labels")), (&json!("two"), None));
    assert_eq!(now["resource"]["cpuCores"], "1", "values keep their types");
    let versions = host.get(&format!("/v1/training/template/{id}/version/list")).await.ok();
    assert_eq!(versions["records"][0]["comment"], "faster");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_edit_is_reopened_with_its_faults_and_not_lost() {
    let host = Host::start_without_loops(ROOMY).await;
    let id = host.post(CREATE, &json!({"name": "n", "priority": 1})).await.created_id();
    // The first run makes the file invalid. The second run finds the fault in a comment and corrects it.
    let correcting = editor(
        &host,
        "if grep -q '^#! priority' \"$1\"; then sed -i 's/priority: 9/priority: 3/' \"$1\"; else sed -i 's/priority: 1/priority: 9/' \"$1\"; fi",
    );
    let (code, out, err) = run(&host, &correcting, &["template", "edit", "n"]).await;
    assert_eq!(code, 0, "{out}{err}");
    assert_eq!(detail(&host, &id).await["priority"], 3);

    let invalid = editor(&host, "sed -i 's/priority: 3/priority: [/' \"$1\"");
    let (code, _, err) = run(&host, &invalid, &["template", "edit", "n"]).await;
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("the text still has faults") && kept_file_text(&err).contains("priority: ["), "{err}");
    let aborted = editor(&host, "echo typed >>\"$1\"; exit 3");
    let (code, _, err) = run(&host, &aborted, &["template", "edit", "n"]).await;
    assert!(code == 1 && err.contains("nothing was saved") && kept_file_text(&err).contains("typed"), "{err}");
    let now = detail(&host, &id).await;
    assert_eq!((&now["priority"], &now["revision"]), (&json!(3), &json!(2)), "nothing was changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_never_overwrites_a_concurrent_change() {
    let host = Host::start_without_loops(ROOMY).await;
    let id = host.post(CREATE, &json!({"name": "n", "priority": 1})).await.created_id();
    // Another client saves while the editor is open.
    let (url, key) = (&host.url, &host.admin);
    let concurrent = editor(
        &host,
        &format!(
            "curl -s -o /dev/null -X PUT -H 'Authorization: Bearer {key}' -H 'If-Match: 1' -H 'Content-Type: application/json' \
             -d '{{\"name\": \"n\", \"priority\": 2}}' {url}/v1/training/template/{id}/update\nsed -i 's/priority: 1/priority: 3/' \"$1\""
        ),
    );
    let (code, _, err) = run(&host, &concurrent, &["template", "edit", "n"]).await;
    assert!(
        code == 1
            && err.contains("the template was changed while you edited it")
            && kept_file_text(&err).contains("priority: 3"),
        "{err}"
    );
    assert_eq!(detail(&host, &id).await["priority"], 2);
}

/// Returns the text of the file that a message names.
fn kept_file_text(err: &str) -> String {
    let line = err.lines().find_map(|line| line.strip_prefix("your text is saved in ")).unwrap();
    std::fs::read_to_string(Path::new(line)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storage_is_added_listed_and_removed() {
    let host = Host::start_without_loops(ROOMY).await;
    let nas = host.dir.path().join("nas");
    std::fs::create_dir(&nas).unwrap();
    let path = nas.canonicalize().unwrap().to_str().unwrap().to_owned();
    let storage = ["centre", "storage"];
    let args = |more: &[&'static str]| [&storage, more].concat();
    check(&host, &[&args(&["add", "--id", "nas", "--read-only"])[..], &[path.as_str()]].concat(), "added storage nas")
        .await;
    let (_, out, _) = run(&host, "false", &args(&["list", "--centre", "this machine"])).await;
    let line = out.lines().nth(1).unwrap();
    assert!(["nas", "nas-capacity", &path, "read", "added"].iter().all(|part| line.contains(part)), "{out}");
    check(&host, &args(&["remove", "nas"]), "removed storage nas; its files stay").await;
    let (code, _, err) = run(&host, "false", &args(&["remove", "nas"])).await;
    assert!(code != 0 && err.contains("no storage nas"), "{err}");
    let (code, _, err) = run(&host, "false", &args(&["list", "--centre", "elsewhere"])).await;
    assert!(code == 1 && err.contains("\"elsewhere\""), "{err}");
}
