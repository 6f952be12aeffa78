//! A restore that is killed at any step and run again: the backup is in place, and the old database is kept whole.

use tempfile::TempDir;
use trainyard_store::Store;

use super::*;

/// The data directory of a killed server, where only the log has the newest commit; and a backup of another database.
struct World {
    dir: TempDir,
    backup: PathBuf,
}

/// The name in the old database and the name in the backup, which distinguish the two.
const OLD: &str = "the newest commit of what was there";
const PUT_BACK: &str = "the backup";

impl World {
    async fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let world = Self { backup: dir.path().join("backup.db"), dir };
        let other = world.dir.path().join("other.db");
        let store = Store::open(&other).await.unwrap();
        store.belong_to(PUT_BACK).await.unwrap();
        backup::make(&other, &world.backup).await.unwrap();
        fs::create_dir(world.data()).unwrap();
        let running = world.dir.path().join("running.db");
        let store = Store::open(&running).await.unwrap();
        store.belong_to(OLD).await.unwrap();
        for more in ["", LOG] {
            fs::copy(beside(&running, more), beside(&world.path(DATABASE), more)).unwrap();
        }
        store.close().await;
        world
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.data().join(name)
    }

    async fn restore(&self) -> Option<PathBuf> {
        restore(&self.data(), &self.backup).await.unwrap()
    }

    /// The name in the database of one file, read without its log.
    async fn found(&self, name: &str) -> String {
        let copy = self.dir.path().join(format!("copy-of-{name}"));
        fs::copy(self.path(name), &copy).unwrap();
        let store = Store::open(&copy).await.unwrap();
        let found = store.belongs_to().await.unwrap().unwrap_or_default();
        store.close().await;
        for more in ["", LOG, INDEX] {
            drop(fs::remove_file(beside(&copy, more)));
        }
        found
    }

    async fn check(&self, step: &str) {
        self.check_kept(step, BEFORE).await;
    }

    async fn check_kept(&self, step: &str, name: &str) {
        assert_eq!(self.restore().await, Some(self.path(name)), "{step}");
        assert_eq!(self.found(DATABASE).await, PUT_BACK, "{step}");
        assert_eq!(self.found(name).await, OLD, "{step}");
        for left in [LOG, INDEX].map(|more| beside(&self.path(DATABASE), more)).into_iter().chain([self.path(PREPARED)])
        {
            assert!(!left.exists(), "{step}: {} is left", left.display());
        }
    }
}

#[tokio::test]
async fn a_restore_that_was_killed_at_any_step_runs_again_and_keeps_the_old_database() {
    type Leave = fn(&World);
    let steps: [(&str, Leave); 3] = [
        ("half a copy is prepared", |world| fs::write(world.path("trainyard.db.restored.unfinished"), "half").unwrap()),
        ("a copy is prepared", |world| {
            fs::copy(&world.backup, world.path(PREPARED)).unwrap();
        }),
        ("half of the old one is kept", |world| {
            fs::write(world.path("trainyard.db.before-restore.unfinished"), "half").unwrap();
        }),
    ];
    for (step, leave) in steps {
        let world = World::new().await;
        leave(&world);
        world.check(step).await;
    }
    // From here on the file has the newest commit.
    let world = World::new().await;
    backup::fold(&world.path(DATABASE)).await.unwrap();
    assert!(!beside(&world.path(DATABASE), LOG).exists());
    assert_eq!(world.found(DATABASE).await, OLD);
    world.check("the log is folded").await;
    let world = World::new().await;
    backup::make(&world.path(DATABASE), &world.path(BEFORE)).await.unwrap();
    world.check_kept("the old one is kept", &format!("{BEFORE}-2")).await;
    // Run twice, when only the return was missing.
    for _ in 0..2 {
        world.check_kept("it is in place", &format!("{BEFORE}-2")).await;
    }
    assert_eq!(world.found(BEFORE).await, OLD);
}

#[tokio::test]
async fn a_later_restore_keeps_the_database_that_was_written_since() {
    let world = World::new().await;
    world.check("the first").await;
    let store = Store::open(&world.path(DATABASE)).await.unwrap();
    store.belong_to("written since").await.unwrap();
    store.close().await;
    assert_eq!(world.restore().await, Some(world.path("trainyard.db.before-restore-2")));
    let found = [DATABASE, BEFORE, "trainyard.db.before-restore-2"];
    let found = [world.found(found[0]).await, world.found(found[1]).await, world.found(found[2]).await];
    assert_eq!(found, [PUT_BACK, OLD, "written since"]);
}

#[tokio::test]
async fn the_files_of_a_damaged_database_are_kept_unchanged() {
    let world = World::new().await;
    let log = fs::read(beside(&world.path(DATABASE), LOG)).unwrap();
    fs::write(world.path(DATABASE), "no database at all, but long enough to be looked at ".repeat(100)).unwrap();
    assert_eq!(world.restore().await, Some(world.path(BEFORE)));
    assert_eq!(world.found(DATABASE).await, PUT_BACK);
    assert!(fs::read(world.path(BEFORE)).unwrap().starts_with(b"no database"));
    assert_eq!(fs::read(beside(&world.path(BEFORE), LOG)).unwrap(), log);
}

#[tokio::test]
async fn without_an_old_database_nothing_is_kept() {
    let world = World::new().await;
    fs::remove_dir_all(world.data()).unwrap();
    assert_eq!(world.restore().await, None);
    assert_eq!(world.found(DATABASE).await, PUT_BACK);
}
