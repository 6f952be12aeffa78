use std::fs;

use crate::one_answer::{ended, serve, trainyard};

/// Checks the standard output of a command for this response of the server.
fn check(answer: &'static str, args: &[&str], printed: &str) {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("t.yaml"), "name: a\n").unwrap();
    let mut command = trainyard(home.path(), args);
    command.env("TRAINYARD_API_KEY", "k").env("TRAINYARD_SERVER", serve(200, answer)).current_dir(home.path());
    let (code, out, err) = ended(&command.output().unwrap());
    assert_eq!((code, out.as_str()), (0, printed), "{args:?}: {err}");
}

#[test]
fn creating_a_template_prints_its_id() {
    let empty = r#"{"status":200,"message":"OK","data":{}}"#;
    check(empty, &["template", "create", "-f", "t.yaml"], "tpl_6f1a62c0a5bf4e0c9b2f\n");
    check(empty, &["template", "create", "-f", "t.yaml", "-o", "yaml"], "id: tpl_6f1a62c0a5bf4e0c9b2f\n");
}

#[test]
fn json_and_yaml_are_the_data_as_the_server_sent_it() {
    let answer = r#"{"status":200,"message":"OK","data":{"version":2,"revision":3,"of a newer server":["1",1]}}"#;
    let args =
        |format| ["template", "update", "tpl_6f1a62c0a5bf4e0c9b2f", "-f", "t.yaml", "--revision", "2", "-o", format];
    check(
        answer,
        &args("json"),
        "{\n  \"version\": 2,\n  \"revision\": 3,\n  \"of a newer server\": [\n    \"1\",\n    1\n  ]\n}\n",
    );
    check(answer, &args("yaml"), "version: 2\nrevision: 3\nof a newer server:\n- '1'\n- 1\n");
    check(answer, &args("table"), "tpl_6f1a62c0a5bf4e0c9b2f is at version 2, revision 3\n");
}

#[test]
fn tables_line_up() {
    let answer = r#"{"status":200,"message":"OK","data":{"pageNo":1,"pageSize":1,"totalRows":2,"records":[
        {"id":"key_1","name":"量子 training","user":"alice","project":"vision","role":"member","createBy":"admin",
         "createdTime":"2026-11-02 08:15:30","createdTimeMs":0}]}}"#;
    check(
        answer,
        &["key", "list"],
        "ID     NAME           USER   PROJECT  ROLE    EXPIRES  CREATED              LAST USED\n\
         key_1  量子 training  alice  vision   member           1970-01-01 00:00:00\n\
         (1 of 2; next: --page 2)\n",
    );
}
