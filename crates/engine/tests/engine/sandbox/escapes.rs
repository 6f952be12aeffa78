//! A worker can neither undo the sandbox nor bypass it, whatever it tries.

use std::{fs, path::Path};

use trainyard_domain::attempt::Exit;
use trainyard_engine::{
    Engine as _, WorkerUser,
    local::{Settings, kill_method::KillMethod},
};

use super::Stored;

/// Attempts to reach the server, the shim and the first process of the host. None may work; each prints
/// `BROKEN` if it does. Workers of other servers come and go beside this test and are left out: their data are
/// not hidden from each other.
const ATTEMPTS: &str = r#"
broken() { echo "BROKEN: $*"; }
for tool in mount umount nsenter unshare mknod stat; do command -v $tool >/dev/null || echo "no $tool"; done
exec 2>/dev/null
echo x > "$M/data" && broken write
rm -f "$M/data" && [ ! -e "$M/data" ] && broken remove
mount -o remount,rw "$M" && broken remount
mount -o remount,bind,rw "$M" && broken remount bind
umount "$M" && broken umount
umount -l "$M" && broken lazy umount
umount -l "$S" && broken umount of the cover
umount -l "$D" && broken umount of the data
mount --bind "$(dirname "$S")" /mnt && broken bind of the parent
mount --move "$M" /mnt && broken move
cat "$S/inner/data" && broken own path
echo x > "$S/inner/data" && broken own path written
cat "$D/admin.key" && broken key
ls "$D"/jobs/*/attempt-1/launch.json && broken launch record
echo x > "$(dirname "$PWD")/attempt-2" && broken forged record
mkdir "$(dirname "$PWD")/attempt-2" && broken forged attempt
for p in /proc/1 /proc/$SERVER /proc/$PPID /proc/self; do
  for way in root cwd; do
    cat "$p/$way$D/admin.key" && broken "$p/$way key"
    cat "$p/$way$S/inner/data" && broken "$p/$way storage"
  done
  for fd in "$p"/fd/*; do
    for up in . .. ../.. ../../..; do
      cat "$fd/$up/admin.key" && broken "$fd key"
    done
  done
done
nsenter -t "$SERVER" -m cat "$D/admin.key" && broken nsenter
nsenter -t 1 -m cat "$D/admin.key" && broken nsenter of init
disk=$(stat -c %d "$S")
for disk in /dev/vda /dev/sda /dev/nvme0n1 /dev/xvda /dev/loop0; do
  [ -e "$disk" ] || continue
  head -c 4096 "$disk" | grep -q . && broken "reading $disk"
done
[ ! -e /proc/sysrq-trigger ] || [ "$(stat -c %t:%T /proc/sysrq-trigger)" = "${SYSRQ:-0:0}" ] || broken sysrq-trigger
mknod own b 254 0 && head -c 512 own >/dev/null 2>&1 && broken mknod
sh -c 'echo "|/bin/true" > /proc/sys/kernel/core_pattern' && broken core_pattern
for group in /sys/fs/cgroup/*/cgroup.procs /sys/fs/cgroup/cgroup.procs; do
  [ -e "$group" ] && sh -c "echo 0 > $group" && broken "moving out by $group"
  [ -e "$group" ] && mount -o remount,rw "$(dirname $group)" && broken "remount for $group"
  [ -e "$group" ] && unshare -rm sh -c "mount -o remount,bind,rw $(dirname $group); echo 0 > $group" && broken "nested $group"
done
unshare -rm sh -c 'umount -l "$M"' && broken nested umount
unshare -rm sh -c 'mount -o remount,bind,rw "$M"' && broken nested remount
unshare -rm sh -c 'umount -l "$D"; cat "$D/admin.key"' && broken nested key
unshare -rm sh -c 'umount -l "$S"; cat "$S/inner/data"' && broken nested storage
unshare -rm sh -c 'mount --bind / /mnt; cat "/mnt$D/admin.key"' && broken nested bind
unshare -rm sh -c 'mount --rbind / /mnt; umount -l "/mnt$D"; cat "/mnt$D/admin.key"' && broken nested rbind
unshare -rm sh -c 'mount --rbind / /mnt; umount -l "/mnt$S"; cat "/mnt$S/inner/data"' && broken nested rbind storage
cat "$M/data"
echo done
"#;

#[tokio::test]
async fn a_worker_cannot_undo_or_bypass_the_sandbox() {
    if let Some(stored) = Stored::new() {
        check_attempts(stored).await;
    }
}

fn in_pid_namespace(settings: &mut Settings) {
    settings.strongest_kill_method = KillMethod::PidNamespace;
}

#[tokio::test]
async fn a_worker_in_a_pid_namespace_cannot_undo_or_bypass_the_sandbox() {
    if let Some(stored) = Stored::with(in_pid_namespace) {
        check_attempts(stored).await;
    }
}

#[tokio::test]
async fn a_worker_of_another_user_cannot_undo_or_bypass_the_sandbox() {
    for stored in [Stored::as_nobody(), Stored::as_stranger()].into_iter().flatten() {
        check_attempts(stored).await;
    }
}

#[tokio::test]
async fn a_worker_of_another_user_in_a_pid_namespace_cannot_undo_or_bypass_the_sandbox() {
    let adjust = |settings: &mut Settings| {
        settings.other_users = true;
        in_pid_namespace(settings);
    };
    if let Some(stored) = Stored::as_user(WorkerUser::Account("nobody".to_owned()), adjust) {
        check_attempts(stored).await;
    }
}

async fn check_attempts(stored: Stored) {
    let mut plan = stored.plan(ATTEMPTS, vec![stored.mount("inner", "nas", true)]);
    let show = |path: &Path| path.to_str().unwrap().to_owned();
    for (name, value) in [
        ("M", show(&stored.place("nas"))),
        ("S", show(stored.storage.path())),
        ("D", show(stored.world.dir.path())),
        ("SERVER", std::process::id().to_string()),
        // As root this is `/dev/null`.
        ("SYSRQ", if nix::unistd::geteuid().is_root() { "1:3" } else { "0:0" }.to_owned()),
    ] {
        plan.workers[0].env.push((name.to_owned(), value));
    }
    let handle = stored.world.engine.launch(&plan).await.unwrap();
    let end = stored.world.end(&handle).await;
    assert_eq!((end.exits(), stored.world.log(0).as_str()), (vec![Some(Exit::Code(0))], "what is stored\ndone\n"));
    assert_eq!(fs::read_to_string(stored.storage.path().join("inner/data")).unwrap(), "what is stored\n");
}
