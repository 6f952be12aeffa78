use super::*;

#[test]
fn placeholders_become_single_segments() {
    for (path, values, filled) in [
        (TEMPLATE_DETAIL, &["tpl_1"][..], "/v1/training/template/tpl_1/detail"),
        (POD_LOG, &["job_1", "job-1-master-0"], "/v1/training/instance/job_1/job-1-master-0/log"),
        (JOB_STOP, &["../a b/é?"], "/v1/training/instance/..%2Fa%20b%2F%C3%A9%3F/stop"),
        (JOB_STOP, &[".."], "/v1/training/instance/%2E%2E/stop"),
        (JOB_LIST, &[], "/v1/training/instance/list"),
    ] {
        assert_eq!(fill(path, values), filled);
    }
}
