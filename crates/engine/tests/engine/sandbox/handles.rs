//! The kernel also opens a file by its handle, past all directories, for a process with the capability for it.

use std::path::Path;

use trainyard_domain::attempt::Exit;
use trainyard_engine::Engine as _;

use super::Stored;

/// Opens the file of a handle in the file system of each of some paths, past all directories; or prints the
/// handle of a file.
const BY_HANDLE: &str = r#"
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
class Handle(ctypes.Structure):
    _fields_ = [("size", ctypes.c_uint), ("kind", ctypes.c_int), ("bytes", ctypes.c_ubyte * 128)]
if sys.argv[1] == "name":
    handle, mount = Handle(128), ctypes.c_int()
    named = libc.name_to_handle_at(-100, os.fsencode(sys.argv[2]), ctypes.byref(handle), ctypes.byref(mount), 0)
    print("none" if named else bytes(handle).hex())
else:
    handle = Handle.from_buffer_copy(bytes.fromhex(sys.argv[2]))
    for path in sys.argv[3:]:
        try: within = os.open(path, os.O_RDONLY)
        except OSError: continue
        found = libc.open_by_handle_at(within, ctypes.byref(handle), os.O_RDONLY)
        print(os.read(found, 100).decode().strip() if found >= 0 else os.strerror(ctypes.get_errno()))
"#;

/// What [`BY_HANDLE`] prints when the test itself runs it.
fn by_handle(arguments: &[&str]) -> String {
    let done = std::process::Command::new("python3").args(["-c", BY_HANDLE]).args(arguments).output().unwrap();
    assert!(done.status.success(), "{done:?}");
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

#[tokio::test]
async fn a_worker_cannot_open_the_key_by_its_handle() {
    if let Some(stored) = Stored::new() {
        check_handles(stored).await;
    }
}

#[tokio::test]
async fn a_worker_of_another_user_cannot_open_the_key_by_its_handle() {
    if let Some(stored) = Stored::as_nobody() {
        check_handles(stored).await;
    }
}

async fn check_handles(stored: Stored) {
    let show = |path: &Path| path.to_str().unwrap().to_owned();
    let (data, place) = (show(stored.world.dir.path()), show(&stored.place("nas")));
    let handle = by_handle(&["name", &format!("{data}/admin.key")]);
    // Outside of the sandbox root can read the key by its handle, so the handle is valid.
    if handle == "none" {
        return std::io::Write::write_all(&mut std::io::stderr(), b"skipped: files have no handles here\n").unwrap();
    }
    if nix::unistd::geteuid().is_root() {
        assert_eq!(by_handle(&["open", &handle, &data]), "secret-of-the-server");
    }
    let above = show(stored.world.dir.path().parent().unwrap());
    let paths = format!("/ {above} {data} {place} . ..");
    let command = format!(
        "cat > by_handle.py <<'END'\n{BY_HANDLE}\nEND
        python3 by_handle.py open {handle} {paths} || exit 1
        unshare -r python3 by_handle.py open {handle} {paths} 2>/dev/null
        unshare -rm python3 by_handle.py open {handle} {paths} 2>/dev/null
        unshare -rm sh -c 'umount -l {data}; mount --rbind / /mnt; python3 by_handle.py open {handle} {paths} /mnt{above}' \
            2>/dev/null
        echo done"
    );
    let mount = stored.mount("inner", "nas", false);
    let mut plan = stored.plan(&command, vec![mount]);
    // Programs of the host, which another user can run too.
    let path = |env: &mut Vec<(String, String)>| env.insert(0, ("PATH".to_owned(), "/usr/bin:/bin".to_owned()));
    path(&mut plan.workers[0].env);
    let end = stored.world.end(&stored.world.engine.launch(&plan).await.unwrap()).await;
    let log = stored.world.log(0);
    assert_eq!(end.exits(), [Some(Exit::Code(0))], "{log}");
    let tries: Vec<&str> = log.lines().filter(|line| *line != "done").collect();
    assert!(tries.len() >= 5, "{log}");
    assert!(!log.contains("secret"), "{log}");
}
