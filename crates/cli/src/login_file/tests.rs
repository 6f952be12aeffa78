use std::os::unix::fs::PermissionsExt;

use super::*;

#[test]
fn a_saved_login_is_read_back_and_private() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a/b/login.toml");
    let login = Login { server: "https://h/\"量\\".to_owned(), key: "tyk_1".to_owned() };
    write(&path, &Login { server: String::new(), key: "old".to_owned() }).unwrap();
    write(&path, &login).unwrap();
    assert_eq!(toml::from_str::<Login>(&fs::read_to_string(&path).unwrap()).unwrap(), login);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
}
