use super::*;

#[test]
fn the_named_python_is_tried_first() {
    let paths = |named: Option<&str>| candidates(named.map(OsString::from));
    assert_eq!(paths(Some("/opt/py")), ["/opt/py", "python3", "/usr/bin/python3"].map(PathBuf::from));
    assert_eq!(paths(Some("")), ["python3", "/usr/bin/python3"].map(PathBuf::from));
    assert_eq!(paths(None), ["python3", "/usr/bin/python3"].map(PathBuf::from));
}
