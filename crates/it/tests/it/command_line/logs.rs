//! `job logs`: with timestamps, with a search, saved to files, and with a key that ends.

use std::time::Duration;

use serde_json::json;

use super::{run, run_with_key};
use crate::harness::{Host, ROOMY};

async fn logs(host: &Host, args: &[&str]) -> (i32, String, String) {
    run(host, "false", &[&["job", "logs"], args].concat()).await
}

/// Splits a line with a timestamp such as `2026-11-30 04:55:01.123` into timestamp and text.
fn split_timestamp(line: &str) -> (&str, &str) {
    let (time, rest) = line.split_at(24);
    let digits = time.bytes().filter(u8::is_ascii_digit).count();
    assert!(digits == 17 && time.as_bytes()[10] == b' ' && time.as_bytes()[19] == b'.', "{line}");
    (time, rest)
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_are_shown_with_timestamps_read_and_followed() {
    let host = Host::start(ROOMY).await;
    let job =
        host.job("echo one; sleep 0.4; printf '1%%\\r2%%\\nlast \\377'", json!({"resource": {"workerCount": 2}})).await;
    host.wait_for_end(&job).await;
    let (code, out, err) = logs(&host, &[&job, "--timestamps"]).await;
    assert_eq!(code, 0, "{err}");
    let lines: Vec<(&str, &str)> = out.lines().map(split_timestamp).collect();
    assert_eq!(lines.iter().map(|(_, text)| *text).collect::<Vec<_>>(), ["one", "2%", "last \u{fffd}"]);
    assert!(lines[0].0 < lines[1].0, "{out}");
    let (code, followed, _) = logs(&host, &[&job, "--timestamps", "--follow"]).await;
    assert_eq!((code, followed), (0, out));
    let (_, both, _) = logs(&host, &[&job, "--timestamps", "--rank", "all"]).await;
    assert_eq!(
        both.lines().filter(|line| line.starts_with("[rank 1] 2") && line.ends_with(" one")).count(),
        1,
        "{both}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_is_searched_in_the_logs_of_all_workers() {
    let host = Host::start(ROOMY).await;
    let job = host.job("seq 1 1000; echo rank $TRAINYARD_RANK", json!({"resource": {"workerCount": 2}})).await;
    host.wait_for_end(&job).await;
    let (code, out, _) = logs(&host, &[&job, "--grep", "rank", "--rank", "all"]).await;
    assert_eq!((code, out.as_str()), (0, "[rank 0] rank 0\n[rank 1] rank 1\n"));
    // The result needs more than one page of the API.
    let (_, out, _) = logs(&host, &[&job, "--grep", "5"]).await;
    assert_eq!(out.lines().count(), 271);
    let (code, out, err) = logs(&host, &[&job, "--grep", "nowhere"]).await;
    assert_eq!((code, out.as_str()), (0, ""));
    assert!(err.contains("no line"), "{err}");
    let (code, _, err) = logs(&host, &[&job, "--grep", ""]).await;
    assert!(code == 2 && err.contains("empty"), "{code} {err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_are_saved_byte_for_byte() {
    let host = Host::start(ROOMY).await;
    let again =
        json!({"enableAutoRetry": true, "maxRetryCount": 1, "retryDelaySeconds": 0, "resource": {"workerCount": 2}});
    // Both workers print before either one fails, since a failed worker ends the other.
    let command = "n=$TRAINYARD_ATTEMPT; printf \"$n$TRAINYARD_RANK\\377\\0\"; touch $n.$TRAINYARD_RANK
        until [ -e $n.0 ] && [ -e $n.1 ]; do sleep 0.02; done; exit 1";
    let job = host.job(command, again).await;
    host.wait_for_end(&job).await;
    let home = host.dir.path().join("home");
    let (code, out, err) = logs(&host, &[&job, "--save", "one.log"]).await;
    assert_eq!((code, out.as_str(), err.trim()), (0, "", "one.log: 4 bytes"));
    assert_eq!(std::fs::read(home.join("one.log")).unwrap(), b"20\xff\0");
    // An existing file is overwritten only with `--force`.
    std::fs::write(home.join("one.log"), "mine").unwrap();
    let (code, _, err) = logs(&host, &[&job, "--save", "one.log"]).await;
    assert!(code == 1 && err.contains("one.log exists already; use --force to overwrite it"), "{err}");
    assert_eq!(std::fs::read(home.join("one.log")).unwrap(), b"mine");
    let (code, ..) = logs(&host, &[&job, "--save", "one.log", "--force"]).await;
    assert_eq!((code, std::fs::read(home.join("one.log")).unwrap().as_slice()), (0, &b"20\xff\0"[..]));
    let (code, _, err) = logs(&host, &[&job, "--all", "--save", "all"]).await;
    assert_eq!(code, 0, "{err}");
    for (attempt, rank) in [(1, 0), (1, 1), (2, 0), (2, 1)] {
        let file = home.join(format!("all/attempt-{attempt}-rank-{rank}.log"));
        assert_eq!(
            std::fs::read(file).unwrap(),
            format!("{attempt}{rank}").bytes().chain(*b"\xff\0").collect::<Vec<_>>()
        );
    }
    let (code, ..) = logs(&host, &[&job, "--all"]).await;
    assert_eq!(code, 2);
    let (code, _, err) = logs(&host, &[&job, "--save", "no/such/place"]).await;
    assert!(code == 1 && err.contains("cannot write"), "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_whose_key_ends_is_told_why() {
    let host = Host::start(ROOMY).await;
    let job = host.job("while :; do echo x; sleep 0.1; done", json!({"stopGraceSeconds": 0})).await;
    host.wait_for_output(&job, 0, "x").await;
    let key = json!({"name": "k", "user": "ann", "project": "default", "role": "viewer"});
    let key = host.post("/v1/api-key/create", &key).await.ok();
    let revoke = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        host.delete(&format!("/v1/api-key/{}/delete", key["id"].as_str().unwrap())).await.ok();
    };
    let args = ["job", "logs", &job, "--follow"];
    let ((code, _, err), ()) = tokio::join!(run_with_key(&host, key["key"].as_str().unwrap(), "false", &args), revoke);
    assert!(code == 1 && err.contains("error: Unauthorized: the API key was revoked"), "{code} {err}");
    host.stop(&job).await.ok();
    host.wait_for_status(&job, "Stopped").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_gets_no_sequence_that_acts_on_it() {
    let host = Host::start(ROOMY).await;
    let command = r"printf '\033]52;c;aGk=\007\033[31mred\033[0m \033[2J\302\2332K end\n'";
    let job = host.job(command, json!({})).await;
    host.wait_for_end(&job).await;
    let raw = "\u{1b}]52;c;aGk=\u{7}\u{1b}[31mred\u{1b}[0m \u{1b}[2J\u{9b}2K end\n";
    assert_eq!(logs(&host, &[&job]).await.1, raw, "a pipe gets the log unchanged");
    let shown = "\u{fffd}]52;c;aGk=\u{1b}[31mred\u{1b}[0m \u{fffd}2K end";
    for args in [&[][..], &["--rank", "all"], &["--grep", "end"], &["--follow"]] {
        let text = on_terminal(&host, &[&["job", "logs", &job], args].concat()).await;
        assert!(text.contains(shown) && !text.contains("\u{1b}]"), "{args:?}: {text:?}");
    }
    let text = on_terminal(&host, &["job", "logs", &job, "--raw"]).await;
    assert!(text.contains(raw.trim_end()), "{text:?}");
}

/// What the command line prints on a terminal.
async fn on_terminal(host: &Host, args: &[&str]) -> String {
    let mut command = std::process::Command::new("python3");
    command.args(["-c", "import pty, sys; pty.spawn(sys.argv[1:])", crate::harness::PROGRAM]).args(args);
    command.env("TRAINYARD_SERVER", &host.url).env("TRAINYARD_API_KEY", &host.admin);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}
