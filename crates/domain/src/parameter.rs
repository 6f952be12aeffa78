//! Typed parameters of a template: the rules for a declaration, and whether a value fits a declaration.
//!
//! Each parameter reaches the job as an environment variable with the parameter's name. The value of a `string` may name a
//! secret.

use serde_json::{Map, Value};

use crate::{
    fault::{Fault, FaultCode},
    secret::check_reference,
    text::check_variable,
};

/// The members that a declaration may have.
pub const PARAMETER_KEYS: &[&str] =
    &["name", "type", "default", "required", "minimum", "maximum", "choices", "description"];

const TYPES: &[&str] = &["string", "integer", "number", "boolean", "choice"];

fn fault(path: &str, code: FaultCode, message: impl Into<String>) -> Fault {
    Fault { path: path.to_owned(), code, message: message.into() }
}

/// Checks one declaration except its name; the paths of the faults are relative to the declaration.
pub(crate) fn check_parameter(parameter: &Map<String, Value>) -> Vec<Fault> {
    let mut faults = Vec::new();
    let given = |key: &str| parameter.get(key).filter(|value| !value.is_null());
    let kind = given("type").and_then(Value::as_str).unwrap_or_default();
    if !TYPES.contains(&kind) {
        faults.push(fault("type", FaultCode::NotAChoice, format!("must be one of {}", TYPES.join(", "))));
        return faults;
    }
    if given("required").is_some_and(|value| !value.is_boolean()) {
        faults.push(fault("required", FaultCode::WrongType, "must be `true` or `false`"));
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
                    "only parameters of type `integer` or `number` have bounds",
                ));
            }
            Some(value) if !value.is_number() => faults.push(fault(bound, FaultCode::WrongType, "must be a number")),
            _ => {}
        }
    }
    let bound = |key: &str| given(key).and_then(Value::as_f64);
    if let (Some(low), Some(high)) = (bound("minimum"), bound("maximum"))
        && low > high
    {
        let message = format!("must not be above the maximum, {high}");
        faults.push(fault("minimum", FaultCode::OutOfRange, message));
    }
    let choices = given("choices").map(|value| value.as_array().map(Vec::as_slice).unwrap_or_default());
    let scalars = choices.is_some_and(|list| !list.is_empty() && list.iter().all(Value::is_string));
    match (kind, choices) {
        ("choice", _) if !scalars => {
            faults.push(fault(
                "choices",
                FaultCode::Required,
                "must list at least one word as text, since the type is `choice`",
            ));
        }
        ("choice", _) | (_, None) => {}
        _ => faults.push(fault("choices", FaultCode::NotSupported, "only a parameter of type `choice` has choices")),
    }
    if let (true, Some(default)) = (faults.is_empty(), given("default"))
        && let Err(message) = check_value(parameter, default)
    {
        faults.push(fault("default", FaultCode::OutOfRange, message));
    }
    faults
}

/// Checks a value against a declaration that has passed its checks; the error is the rule that the value breaks.
pub(crate) fn check_value(parameter: &Map<String, Value>, value: &Value) -> Result<(), String> {
    let text_of = |key: &str| parameter.get(key).and_then(Value::as_str).unwrap_or_default();
    let kind = text_of("type");
    let fits = match kind {
        "string" => match value {
            // The variable gets the text of a secret, whose length the secret's own rule limits.
            Value::Object(members) => return check_reference(members).map_err(|(_, rule)| rule),
            value => value.is_string(),
        },
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        _ => return check_choice(parameter, value),
    };
    if !fits {
        return Err(format!("must be of type {kind}"));
    }
    if let Some(text) = value.as_str() {
        // The value becomes an environment variable, so the kernel's limit applies.
        check_variable(text_of("name"), text)?;
    }
    let bound = |key: &str| parameter.get(key).and_then(Value::as_f64);
    match (value.as_f64(), bound("minimum"), bound("maximum")) {
        (Some(number), Some(low), _) if number < low => Err(format!("must be at least {low}")),
        (Some(number), _, Some(high)) if number > high => Err(format!("must be at most {high}")),
        _ => Ok(()),
    }
}

/// Checks a value that a request sets in `env`, where every type may be written as text.
pub(crate) fn check_variable_value(parameter: &Map<String, Value>, value: &Value) -> Result<(), String> {
    let kind = parameter.get("type").and_then(Value::as_str).unwrap_or_default();
    match (kind, value) {
        ("integer" | "number" | "boolean", Value::String(text)) => {
            let meant = serde_json::from_str(text).ok().filter(|_| text.trim() == text);
            meant.map_or_else(|| Err(format!("must be of type {kind}")), |meant| check_value(parameter, &meant))
        }
        ("string" | "choice", Value::Number(_) | Value::Bool(_)) => {
            check_value(parameter, &Value::from(value.to_string()))
        }
        _ => check_value(parameter, value),
    }
}

fn check_choice(parameter: &Map<String, Value>, value: &Value) -> Result<(), String> {
    let choices = parameter.get("choices").and_then(Value::as_array);
    let choices = choices.map(Vec::as_slice).unwrap_or_default();
    if choices.contains(value) {
        return Ok(());
    }
    let words: Vec<_> = choices.iter().filter_map(Value::as_str).collect();
    Err(format!("must be one of {}", words.join(", ")))
}
