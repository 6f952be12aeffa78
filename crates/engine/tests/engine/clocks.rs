//! Setting the host's clock while a worker runs: timestamps show it, durations do not.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use trainyard_engine::{Engine as _, Observed};

use crate::support::{SHIM, World};

const DAY_MS: i64 = 24 * 3600 * 1000;

/// Debian's library that shows a process another time.
fn faketime() -> Option<PathBuf> {
    let places = fs::read_dir("/usr/lib").ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    places.map(|place| place.join("faketime/libfaketimeMT.so.1")).find(|library| library.exists())
}

/// Replaces the file as a whole, since the library reads it at each use of the clock.
fn set_ahead(file: &Path, by: &str) {
    let draft = file.with_extension("new");
    fs::write(&draft, format!("{by}\n")).unwrap();
    fs::rename(draft, file).unwrap();
}

#[tokio::test]
async fn a_clock_that_is_set_while_a_worker_runs_changes_no_duration() {
    let Some(library) = faketime() else {
        eprintln!("skipped: Debian's package faketime is not installed");
        return;
    };
    for (by, leap) in [("+1d", DAY_MS), ("-1d", -DAY_MS)] {
        let world = World::new();
        let handle = world.write_fixtures(&[("launch.json", "launch.json")]);
        let file = world.dir.path().join("ahead");
        set_ahead(&file, "+0");
        let mut shim = Command::new(SHIM);
        shim.arg("shim").arg(world.attempt_dir()).stdin(Stdio::null());
        shim.env("LD_PRELOAD", &library).env("FAKETIME_TIMESTAMP_FILE", &file).env("FAKETIME_NO_CACHE", "1");
        let mut shim = shim.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").spawn().unwrap();
        world.running(&handle).await;
        world.sleeps().await;
        set_ahead(&file, by);
        let Observed::Running { running, .. } = world.observe(&handle).await else { panic!("it does not run") };
        assert!((0..60_000).contains(&running.as_ms()), "{running}");
        world.engine.stop(&handle, 30).await.unwrap();
        let end = world.end(&handle).await;
        assert!((0..60_000).contains(&end.running.as_ms()), "{}", end.running);
        let ran = end.workers[0].ended_ms.unwrap().as_ms() - end.workers[0].started_ms.unwrap().as_ms();
        assert!((0..60_000).contains(&ran), "{ran} ms");
        let stamped = (end.ended - end.started.unwrap()).as_ms();
        assert!((stamped - leap).abs() < 60_000, "the clock was not set: {stamped} ms");
        assert!(shim.wait().unwrap().success());
    }
}
