//! Typed parameters of a template: what a declaration must be, and what a request's values make of them. Each
//! parameter reaches the job as an environment variable of its name.

use serde_json::{Map, Value};

use crate::fault::{Fault, FaultCode};

const TYPES: &[&str] = &["string", "integer", "number", "boolean", "choice"];

fn fault(path: &str, code: FaultCode, message: impl Into<String>) -> Fault {
    Fault {
        path: path.to_owned(),
        code,
        message: message.into(),
    }
}

/// What is wrong with one declaration, its name aside; paths are relative to it.
pub fn check_parameter(parameter: &Map<String, Value>) -> Vec<Fault> {
    let mut faults = Vec::new();
    let given = |key: &str| parameter.get(key).filter(|value| !value.is_null());
    let kind = given("type").and_then(Value::as_str).unwrap_or_default();
    if !TYPES.contains(&kind) {
        faults.push(fault(
            "type",
            FaultCode::NotAChoice,
            format!("must be one of {}", TYPES.join(", ")),
        ));
        return faults;
    }
    if given("required").is_some_and(|value| !value.is_boolean()) {
        faults.push(fault(
            "required",
            FaultCode::WrongType,
            "must be `true` or `false`",
        ));
    }
    if given("description").is_some_and(|value| !value.is_string()) {
        faults.push(fault("description", FaultCode::WrongType, "must be text"));
    }
    for bound in ["minimum", "maximum"] {
        match given(bound) {
            Some(_) if !matches!(kind, "integer" | "number") => {
                faults.push(fault(
                    bound,
                    FaultCode::NotSupported,
                    "only numbers have bounds",
                ));
            }
            Some(value) if !value.is_number() => {
                faults.push(fault(bound, FaultCode::WrongType, "must be a number"))
            }
            _ => {}
        }
    }
    let choices =
        given("choices").map(|value| value.as_array().map(Vec::as_slice).unwrap_or_default());
    let scalars = choices.is_some_and(|list| !list.is_empty() && list.iter().all(Value::is_string));
    match (kind, choices) {
        ("choice", _) if !scalars => {
            faults.push(fault(
                "choices",
                FaultCode::Required,
                "a choice lists its words as text",
            ));
        }
        ("choice", _) | (_, None) => {}
        _ => faults.push(fault(
            "choices",
            FaultCode::NotSupported,
            "only a parameter of type `choice` has choices",
        )),
    }
    if let (true, Some(default)) = (faults.is_empty(), given("default"))
        && let Err(message) = check_value(parameter, default)
    {
        faults.push(fault("default", FaultCode::OutOfRange, message));
    }
    faults
}

/// Whether a value fits a checked declaration; the error is the rule it breaks.
pub(super) fn check_value(parameter: &Map<String, Value>, value: &Value) -> Result<(), String> {
    let fits = match parameter
        .get("type")
        .and_then(Value::as_str)
        .unwrap_or_default()
    {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        _ => {
            let choices = parameter
                .get("choices")
                .and_then(Value::as_array)
                .map(Vec::as_slice)
                .unwrap_or_default();
            if choices.contains(value) {
                return Ok(());
            }
            let words = choices
                .iter()
                .filter_map(Value::as_str)
                .collect::<Vec<_>>()
                .join(", ");
            return Err(format!("must be one of {words}"));
        }
    };
    if !fits {
        let kind = parameter
            .get("type")
            .and_then(Value::as_str)
            .unwrap_or_default();
        return Err(format!("must be of type {kind}"));
    }
    let bound = |key: &str| parameter.get(key).and_then(Value::as_f64);
    match value.as_f64() {
        Some(number) if bound("minimum").is_some_and(|low| number < low) => Err(format!(
            "must be at least {}",
            bound("minimum").unwrap_or_default()
        )),
        Some(number) if bound("maximum").is_some_and(|high| number > high) => Err(format!(
            "must be at most {}",
            bound("maximum").unwrap_or_default()
        )),
        _ => Ok(()),
    }
}
