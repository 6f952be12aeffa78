//! The request for a job on the command line: a file, single settings, parameters.
//!
//! `job create` and `template preview` share these options.

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use serde_json::{Map, Value, json};
use trainyard_api::{
    Client,
    template::{Parameter, ParameterType},
};

use crate::{body, exit::Failure, set};

/// Options for the overrides of a template, or for all settings of a job.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct RequestArgs {
    /// Version of the template [default: its default version]
    #[arg(long, value_name = "N", requires = "template")]
    version: Option<u64>,
    /// YAML or JSON file with the settings of the job or overrides of the template; use - for standard input
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// One setting, such as resource.gpuCount=2 or env["A.B"]=x; repeatable. A value that is valid JSON is sent as JSON,
    /// any other value as text
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// Value for a parameter of the template, such as EPOCHS=20; repeatable
    #[arg(long, value_name = "NAME=VALUE", requires = "template")]
    param: Vec<String>,
    /// Name of the job [default: the name of the template]
    #[arg(long)]
    name: Option<String>,
}

impl RequestArgs {
    /// The body without `createType`, `templateId` and `parameterValues`.
    pub(crate) fn body(&self) -> Result<Map<String, Value>, Failure> {
        let file = self.file.as_deref().map(body::read).transpose()?.unwrap_or_default();
        self.over(file).map_err(Failure::Usage)
    }

    fn over(&self, mut body: Map<String, Value>) -> Result<Map<String, Value>, String> {
        if let Some(version) = self.version {
            body.insert("templateVersion".to_owned(), version.into());
        }
        for setting in &self.set {
            set::apply(&mut body, setting)?;
        }
        if let Some(name) = &self.name {
            body.insert("name".to_owned(), name.as_str().into());
        }
        for param in &self.param {
            if !param.contains('=') {
                return Err(format!("{param:?} is not NAME=VALUE"));
            }
        }
        Ok(body)
    }

    /// Adds the values of parameters to the body, with the types that the template declares.
    pub(crate) async fn add_parameters(
        &self,
        client: &Client,
        template: &str,
        body: &mut Map<String, Value>,
    ) -> Result<(), Failure> {
        if self.param.is_empty() {
            return Ok(());
        }
        let version = body.get("templateVersion").and_then(Value::as_u64);
        let declared = match version {
            Some(version) => client.version_detail(template, version).await?.data.body.parameters,
            None => client.template_detail(template).await?.data.record.body.parameters,
        };
        self.set_parameters(&declared.unwrap_or_default(), body).map_err(Failure::Usage)
    }

    fn set_parameters(&self, declared: &[Parameter], body: &mut Map<String, Value>) -> Result<(), String> {
        let values = body.entry("parameterValues").or_insert_with(|| json!({}));
        let values = values.as_object_mut().ok_or("parameterValues in the file is not an object")?;
        for (name, text) in self.param.iter().filter_map(|param| param.split_once('=')) {
            let kind = declared.iter().find(|parameter| parameter.name == name).map(|parameter| parameter.kind);
            let value = match kind {
                // `TAG=2026` is text although it looks like a number.
                Some(ParameterType::String | ParameterType::Choice) => Value::from(text),
                _ => set::parse_value(text),
            };
            values.insert(name.to_owned(), value);
        }
        Ok(())
    }
}
