//! The configuration: command line over variables over file, and each fault names its source.

use std::{ffi::OsString, os::unix::ffi::OsStringExt as _, path::PathBuf};

use tempfile::TempDir;
use trainyard_server::config::{Config, Limits, Overrides, load_with};

/// A centre with further lines of configuration.
fn centre(more: &str) -> String {
    format!("[[centre]]\nid = 1\nname = \"c\"\n{more}")
}

/// Loads a configuration file with this text, under these environment variables.
fn load(text: &str, variables: &[(&str, &str)]) -> Result<Config, String> {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("trainyard.toml");
    std::fs::write(&file, text).unwrap();
    let overrides = Overrides { config: Some(file), ..Overrides::default() };
    let variable = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).into());
    load_with(overrides, variable).map_err(|error| error.to_string())
}

#[test]
fn an_invalid_file_is_refused_with_the_line_or_key_and_the_rule() {
    let gpus = |gpus: &str| centre(&format!("capacity = {{ gpus = [{gpus}] }}"));
    let product = |more: &str| {
        centre(&format!("[[centre.product]]\ncode = \"P\"\nname = \"p\"\ncpu_cores = 1\nmemory_gb = 1\n{more}"))
    };
    let storage = |id: &str, kind: &str, path: &str| {
        format!("[[centre.storage]]\nid = \"{id}\"\ntype = \"{kind}\"\npath = \"{path}\"\n")
    };
    for (text, expected) in [
        ("listen = ".to_owned(), &["line 1"][..]),
        ("listn = \"127.0.0.1:1\"".to_owned(), &["line 1", "`listn`", "`listen`"]),
        ("listen = 8470".to_owned(), &["line 1", "string"]),
        ("listen = \"8470\"".to_owned(), &["listen: \"8470\"", "127.0.0.1:8470"]),
        ("time_zone = \"Mars\"".to_owned(), &["time_zone: \"Mars\"", "Asia/Shanghai"]),
        ("retention_days = -1".to_owned(), &["line 1"]),
        ("retention_days = 1.5".to_owned(), &["line 1"]),
        ("min_free_gb = -1".to_owned(), &["min_free_gb: must be 0 or more"]),
        ("min_free_gb = nan".to_owned(), &["min_free_gb: must be 0 or more"]),
        ("ageing_hours = 0".to_owned(), &["ageing_hours: must be more than 0"]),
        ("ageing_hours = inf".to_owned(), &["ageing_hours: must be more than 0"]),
        (centre("assumed_hours = -1"), &["centre: 1: assumed_hours must be more than 0"]),
        ("port_range = [30000, 20000]".to_owned(), &["port_range:", "first not above"]),
        ("port_range = [80, 90]".to_owned(), &["port_range:", "1024"]),
        ("port_range = [20000, 70000]".to_owned(), &["line 1"]),
        ("port_range = [20000]".to_owned(), &["line 1"]),
        ("pool_uids = [265535, 200000]".to_owned(), &["pool_uids:", "first not above"]),
        ("pool_uids = [1000, 2000]".to_owned(), &["pool_uids:", "10000"]),
        ("pool_uids = [200000, 4294967295]".to_owned(), &["pool_uids:", "4294967294"]),
        (centre("run_as = \"\""), &["centre: 1: run_as must be server, root"]),
        (centre("accounts = { alice = \"a\" }"), &["centre: 1: accounts is allowed only with run_as = \"submitter\""]),
        (centre("run_as = \"submitter\"\naccounts = { alice = \"\" }"), &["accounts: \"alice\" = \"\""]),
        ("pass_env = \"HOME\"".to_owned(), &["line 1"]),
        ("socket = \"server.sock\"".to_owned(), &["socket: must be an absolute path"]),
        ("[accounts.alice]\nrole = \"root\"".to_owned(), &["line 2", "`root`", "`member`"]),
        ("[accounts.alice]\nteam = \"x\"".to_owned(), &["line 2", "`team`", "`project`"]),
        ("[accounts.alice]\nproject = \"a b\"".to_owned(), &["accounts: \"alice\": project \"a b\" must"]),
        ("[accounts.'DOMAIN\\alice']".to_owned(), &["accounts: ", "user", "must"]),
        ("[accounts.'*']\nuser = \"all\"".to_owned(), &["accounts: \"*\": must have no user"]),
        ("[limits]\nconnection = 1".to_owned(), &["line 2", "`connection`", "`connections`"]),
        ("[limits]\nconnections = 0".to_owned(), &["limits: connections must be 1 or more"]),
        ("[limits]\nconnections = -1".to_owned(), &["line 2"]),
        ("centre = []".to_owned(), &["centre: must have at least one entry; leave the list out"]),
        ("[[centre]]\nname = \"c\"".to_owned(), &["line 1", "`id`"]),
        (centre("id2 = 1"), &["line 4", "`id2`"]),
        (centre("capacity = { cores = 1 }"), &["line 4", "`cores`", "`cpu_cores`"]),
        (centre("") + &centre(""), &["centre: two centres have the id 1"]),
        (centre("").replace("id = 1", "id = 0"), &["centre: 0: id must be 1 or more"]),
        (centre("engine = \"k8s\""), &["line 4", "`k8s`", "`kubernetes`"]),
        (centre("engine = \"slurm\""), &["centre: 1:", "\"local\""]),
        (centre("runtime = \"container\""), &["centre: 1:", "\"process\""]),
        (centre("limits = \"hard\""), &["line 4", "`hard`", "`auto`", "`off`"]),
        (centre("pids_per_worker = 15"), &["centre: 1: pids_per_worker must be 16 or more"]),
        (centre("pids_per_worker = -1"), &["line 4"]),
        (centre("capacity = { cpu_cores = 0 }"), &["centre: 1: capacity: cpu_cores"]),
        (centre("capacity = { cpu_cores = inf }"), &["centre: 1: capacity: cpu_cores"]),
        (centre("capacity = { memory_gb = -1.5 }"), &["centre: 1: capacity: memory_gb"]),
        (gpus("{ name = \"\", count = 1 }"), &["must have a name"]),
        (gpus("{ name = \"G\", count = 4294967295 }, { name = \"G\", count = 2 }"), &["at most 10,000 GPUs"]),
        (gpus("{ name = \"G\", count = -1 }"), &["line 4"]),
        (product("disk_gb = nan"), &["product \"P\": disk_gb"]),
        (product("price = 1.2"), &["line", "string"]),
        (product("").replace("memory_gb = 1", "memory_gb = 0"), &["product \"P\": memory_gb"]),
        (product("").replace("\"P\"", "\"\""), &["code must not be empty"]),
        (
            product(&product("").replace("[[centre]]\nid = 1\nname = \"c\"\n", "")),
            &["two products have the code \"P\""],
        ),
        (centre(&storage("s", "nfs", "/a")), &["storage \"s\": type must be nas-capacity or nas-performance"]),
        (centre(&storage("s", "nas-capacity", "a")), &["storage \"s\": path must be absolute"]),
        (
            centre(&(storage("s", "nas-capacity", "/a") + &storage("s", "nas-capacity", "/b"))),
            &["two storages have the id \"s\""],
        ),
    ] {
        let error = load(&text, &[]).map(drop).expect_err(&text);
        assert!(error.contains("trainyard.toml: "), "{text}\n{error}");
        for expected in expected {
            assert!(error.contains(expected), "{text}\n{error}");
        }
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let overrides = Overrides { config: Some("/nowhere/trainyard.toml".into()), ..Overrides::default() };
    let error = load_with(overrides, |_| None).unwrap_err().to_string();
    assert!(error.contains("/nowhere/trainyard.toml") && error.contains("No such file"), "{error}");
}

#[test]
fn a_variable_overrides_the_file() {
    let file = "listen = \"127.0.0.1:1\"\ndata_dir = \"/file\"\ntime_zone = \"UTC\"\nretention_days = 1\n\
                min_free_gb = 1\nport_range = [1025, 1026]\npass_env = [\"FILE\"]";
    let config = load(
        file,
        &[
            ("TRAINYARD_LISTEN", "127.0.0.1:2"),
            ("TRAINYARD_DATA_DIR", "/variable"),
            ("TRAINYARD_TIME_ZONE", "Asia/Shanghai"),
            ("TRAINYARD_RETENTION_DAYS", "2"),
            ("TRAINYARD_MIN_FREE_GB", "0.5"),
            ("TRAINYARD_PLATFORM_RETRIES", "4"),
            ("TRAINYARD_LOG_CAP_MB", "7"),
            ("TRAINYARD_AGEING_HOURS", "6"),
            ("TRAINYARD_PORT_RANGE", "2000 - 3000"),
            ("TRAINYARD_PASS_ENV", "A, B,,C "),
            ("TRAINYARD_SOCKET", "/variable.sock"),
            ("TRAINYARD_LIMITS_CONNECTIONS", "7"),
        ],
    );
    let config = config.unwrap();
    assert_eq!((config.listen.as_str(), config.data_dir), ("127.0.0.1:2", PathBuf::from("/variable")));
    assert_eq!((config.time_zone.as_str(), config.retention_days), ("Asia/Shanghai", 2));
    assert_eq!(config.platform_retries, 4);
    assert_eq!((config.socket, config.limits.connections), (Some(PathBuf::from("/variable.sock")), 7));
    assert_eq!(config.log_cap_mb, 7);
    assert_eq!((config.min_free_gb, config.ageing_hours, config.port_range), (0.5, 6.0, (2000, 3000)));
    assert_eq!(config.pass_env, ["A", "B", "C"]);

    let config = load(file, &[("TRAINYARD_LISTEN", ""), ("TRAINYARD_LISTN", "x")]).unwrap();
    assert_eq!(config.listen, "127.0.0.1:1", "an empty variable counts as unset");
}

#[test]
fn an_invalid_variable_is_named() {
    for (name, text, expected) in [
        ("TRAINYARD_LISTEN", "8470", "127.0.0.1:8470"),
        ("TRAINYARD_TIME_ZONE", "Mars", "Asia/Shanghai"),
        ("TRAINYARD_RETENTION_DAYS", "a week", "whole number of days"),
        ("TRAINYARD_RETENTION_DAYS", "-1", "whole number of days"),
        ("TRAINYARD_MIN_FREE_GB", "1GB", "number of GB"),
        ("TRAINYARD_PLATFORM_RETRIES", "-1", "whole number"),
        ("TRAINYARD_MIN_FREE_GB", "inf", "0 or more"),
        ("TRAINYARD_LOG_CAP_MB", "1GB", "number of MB"),
        ("TRAINYARD_LOG_CAP_MB", "0", "1 or more"),
        ("TRAINYARD_AGEING_HOURS", "a day", "number of hours"),
        ("TRAINYARD_PORT_RANGE", "20000", "20000-29999"),
        ("TRAINYARD_PORT_RANGE", "20000-99999", "20000-29999"),
        ("TRAINYARD_PORT_RANGE", "3000-2000", "first not above"),
    ] {
        let error = load("", &[(name, text)]).map(drop).expect_err(text);
        assert!(error.starts_with(&format!("{name}: ")) && error.contains(expected), "{error}");
    }
    let bytes = OsString::from_vec(vec![0xff]);
    let error = load_with(Overrides::default(), |name| (name == "TRAINYARD_LISTEN").then(|| bytes.clone()));
    assert_eq!(error.unwrap_err().to_string(), "TRAINYARD_LISTEN: must be UTF-8 text");
    // A path need not be UTF-8.
    let config = load_with(Overrides::default(), |name| (name == "TRAINYARD_DATA_DIR").then(|| bytes.clone()));
    assert_eq!(config.unwrap().data_dir, PathBuf::from(bytes));
}

/// The keys that a table of the file may have, as the refusal of an unknown key lists them.
fn keys(text: &str) -> Vec<String> {
    let error = load(text, &[]).unwrap_err();
    let list = error.split_once("expected one of ").unwrap().1.lines().next().unwrap();
    let keys: Vec<String> = list.split(", ").map(|key| key.trim_matches('`').to_owned()).collect();
    assert!(keys.len() > 4, "{error}");
    keys
}

/// The keys that are tables.
const TABLES: [&str; 4] = ["accounts", "aliases", "centre", "limits"];

#[test]
fn every_limit_has_a_variable_and_a_row_of_the_administrators_page() {
    let page = include_str!("../../../../../docs/operate.md");
    for (key, default) in Limits::default().iter() {
        let name = format!("TRAINYARD_LIMITS_{}", key.to_uppercase());
        for wrong in ["0", "-1", "1.5", "many", "4294967296"] {
            let error = load("", &[(&name, wrong)]).unwrap_err();
            assert_eq!(error, format!("{name}: must be a whole number of 1 or more"), "{wrong}");
        }
        let config = load(&format!("[limits]\n{key} = 5"), &[(&name, " 7 ")]).unwrap();
        assert!(config.limits.iter().any(|limit| limit == (key, 7)), "{key}");
        assert!(page.contains(&format!("| `{key}` | {default} |")), "{key}");
    }
}

#[test]
fn every_key_but_tables_has_a_variable() {
    let bytes = OsString::from_vec(vec![0xff]);
    for key in keys("no_key = 1").iter().filter(|key| !TABLES.contains(&key.as_str())) {
        let name = format!("TRAINYARD_{}", key.to_uppercase());
        let read = load_with(Overrides::default(), |asked| (asked == name).then(|| bytes.clone()));
        match (key.as_str(), read) {
            ("data_dir", Ok(config)) => assert_eq!(config.data_dir, PathBuf::from(bytes.clone())),
            ("socket", Err(error)) => assert!(error.to_string().contains("must be an absolute path"), "{error}"),
            (_, read) => assert_eq!(read.unwrap_err().to_string(), format!("{name}: must be UTF-8 text")),
        }
    }
}

#[test]
fn the_administrators_page_names_every_key() {
    let page = include_str!("../../../../../docs/operate.md");
    let has_row = |key: &String| page.contains(&format!("| `{key}` |")) || key == "centre";
    let has_word = |key: &String| page.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == key);
    let table = |name: &str| keys(&centre(&format!("{name}no_key = 1")));
    let below = [table(""), table("[[centre.product]]\n"), table("[[centre.storage]]\n")].concat();
    let missing: Vec<String> = keys("no_key = 1").into_iter().filter(|key| !has_row(key)).collect();
    assert_eq!(missing, Vec::<String>::new());
    let missing: Vec<String> = below.into_iter().filter(|key| !has_word(key)).collect();
    assert_eq!(missing, Vec::<String>::new());
}

#[test]
fn an_option_overrides_variables_and_is_named_if_invalid() {
    let variables = |name: &str| {
        let value = match name {
            "TRAINYARD_LISTEN" => "127.0.0.1:2",
            "TRAINYARD_DATA_DIR" => "/variable",
            "TRAINYARD_TIME_ZONE" => "Asia/Shanghai",
            _ => return None,
        };
        Some(OsString::from(value))
    };
    let options = |listen: &str, time_zone: &str| Overrides {
        listen: Some(listen.to_owned()),
        data_dir: Some("/option".into()),
        config: None,
        time_zone: Some(time_zone.to_owned()),
    };
    let config = load_with(options("127.0.0.1:3", "Europe/Berlin"), variables).unwrap();
    assert_eq!((config.listen.as_str(), config.data_dir), ("127.0.0.1:3", PathBuf::from("/option")));
    assert_eq!(config.time_zone, "Europe/Berlin");
    for (options, expected) in
        [(options("x", "UTC"), "--listen: \"x\""), (options("127.0.0.1:3", "x"), "--time-zone: \"x\"")]
    {
        let error = load_with(options, variables).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn every_key_has_a_default() {
    let config = load_with(Overrides::default(), |_| None).unwrap();
    assert_eq!((config.listen.as_str(), config.time_zone.as_str()), ("127.0.0.1:8470", "UTC"));
    assert_eq!((config.retention_days, config.min_free_gb, config.port_range), (30, 1.0, (20_000, 29_999)));
    assert_eq!(config.platform_retries, 10);
    assert_eq!(config.log_cap_mb, 1024);
    assert_eq!((config.ageing_hours, config.centre[0].assumed_hours), (12.0, None));
    assert_eq!((config.centre.len(), config.centre[0].id), (1, 1));
}
