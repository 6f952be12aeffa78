//! `trainyard secret …`: the value comes from standard input or a file, never from the command line.

use std::{
    io::Write as _,
    process::{Command, Output, Stdio},
};

use crate::harness::{Host, PROGRAM, ROOMY};

/// Runs a command with this standard input. Returns exit code, stdout and stderr.
async fn run(host: &Host, input: &str, args: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(PROGRAM);
    command.env_clear().env("HOME", host.dir.path()).env("TZ", "UTC");
    command.env("TRAINYARD_SERVER", &host.url).env("TRAINYARD_API_KEY", &host.admin);
    command.arg("secret").args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let input = input.to_owned();
    let run = move || -> Output {
        let mut child = command.spawn().unwrap();
        // A command that reads no standard input may have ended already.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_created_from_standard_input_or_a_file_listed_and_deleted() {
    let host = Host::start_without_loops(ROOMY).await;
    let file = host.dir.path().join("value");
    std::fs::write(&file, "hunter2").unwrap();
    let file = file.to_str().unwrap();
    let set = "wandb is set for all jobs of the project default; use it as {\"secret\": \"wandb\"} in `env`\n";
    let (code, out, err) = run(&host, "hunter2\n", &["create", "wandb"]).await;
    assert_eq!((code, out.as_str(), err.as_str()), (0, set, ""));
    // The same value without the line break at its end: nothing changes.
    let (code, out, _) = run(&host, "", &["create", "wandb", "--from-file", file]).await;
    assert_eq!((code, out.as_str()), (0, set));
    let (code, _, err) = run(&host, "other", &["create", "wandb"]).await;
    assert!(code == 1 && err.contains("exists with another value"), "{code}: {err}");
    let (code, ..) = run(&host, "other", &["create", "wandb", "--replace"]).await;
    assert_eq!(code, 0);
    let (code, out, _) = run(&host, "mine", &["create", "wandb", "--personal"]).await;
    assert!(code == 0 && out.starts_with("wandb is set for your jobs in the project default"), "{out}");
    let (_, out, _) = run(&host, "", &["list"]).await;
    assert!(out.contains("personal (admin)") && out.lines().count() >= 3, "{out}");
    assert!(!out.contains("hunter2") && !out.contains("mine"), "{out}");
    let (code, _, err) = run(&host, "", &["delete", "wandb"]).await;
    assert!(code == 1 && err.contains("scope=personal"), "{code}: {err}");
    for scope in ["project", "personal"] {
        let (code, out, err) = run(&host, "", &["delete", "wandb", "--scope", scope]).await;
        assert_eq!((code, out.as_str()), (0, "wandb is deleted; running jobs keep it\n"), "{err}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_on_the_command_line_and_an_empty_value_are_refused() {
    let host = Host::start_without_loops(ROOMY).await;
    let missing = host.dir.path().join("missing");
    let binary = host.dir.path().join("binary");
    std::fs::write(&binary, [0xff, 0xfe]).unwrap();
    for (input, args, said) in [
        ("", vec!["create", "wandb", "hunter2"], "unexpected argument"),
        ("", vec!["create", "wandb", "--value", "hunter2"], "unexpected argument"),
        ("", vec!["create", "wandb"], "no value given"),
        ("\n", vec!["create", "wandb"], "no value given"),
        ("", vec!["create", "wandb", "--from-file", missing.to_str().unwrap()], "cannot read"),
        ("", vec!["create", "wandb", "--from-file", binary.to_str().unwrap()], "not UTF-8"),
        ("", vec!["delete", "wandb", "--scope", "all"], "must be project or personal"),
    ] {
        let (code, out, err) = run(&host, input, &args).await;
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}: {err}");
        assert!(err.contains(said), "{args:?}: {err}");
    }
}
