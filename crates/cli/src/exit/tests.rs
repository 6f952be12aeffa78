use trainyard_api::FieldFault;

use super::*;

#[test]
fn scripts_can_tell_failures_apart() {
    let unreachable = ClientError::Unreachable { address: String::new(), why: String::new() };
    let answered = ClientError::Server { status: 404, message: String::new(), code: None, errors: Vec::new() };
    for (failure, code) in [
        (Failure::Call(answered), 1),
        (Failure::Other(String::new()), 1),
        (Failure::NotRunnable, 1),
        (Failure::Usage(String::new()), 2),
        (Failure::Call(ClientError::BadKey), 2),
        (Failure::Call(unreachable), 3),
        (Failure::Job(JobStatus::Failed), 4),
        (Failure::Job(JobStatus::Stopped), 5),
        (Failure::Interrupted, 130),
        (Failure::OutputClosed, 141),
    ] {
        assert_eq!(failure.code(), code, "{failure:?}");
    }
}

#[test]
fn each_fault_of_a_field_has_its_line() {
    let fault = |field: &str, message: &str| FieldFault {
        field: field.to_owned(),
        code: String::new(),
        message: message.to_owned(),
    };
    let failure = Failure::Call(ClientError::Server {
        status: 400,
        message: "Bad Request: 2 faults, all listed in data.errors; the first: name: is required".to_owned(),
        code: None,
        errors: vec![fault("name", "is required"), fault("", "is too deep")],
    });
    assert_eq!(failure.lines(), ["error: Bad Request: 2 faults", "  name: is required", "  is too deep"]);
}
