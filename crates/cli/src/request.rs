//! What is asked of a job on the command line, for its creation and for the preview: a file, single settings, parameters.

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use serde_json::{Map, Value, json};
use trainyard_api::{
    Client,
    template::{Parameter, ParameterType},
};

use crate::{body, exit::Failure, set};

/// Overrides of a template, or the settings of a whole job.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct RequestArgs {
    /// Version of the template; by default its default version
    #[arg(long, value_name = "N", requires = "template")]
    version: Option<u64>,
    /// File with the job, or with overrides of the template, as YAML or JSON; `-` is standard input
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// One setting by its path, such as resource.gpuCount=2 or env["A.B"]=x; the value is JSON where it reads as JSON
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// A value for a parameter of the template, such as EPOCHS=20
    #[arg(long, value_name = "NAME=VALUE", requires = "template")]
    param: Vec<String>,
    /// Name of the job; by default the template's
    #[arg(long)]
    name: Option<String>,
}

impl RequestArgs {
    /// The body, but for what it is made from and the values of parameters.
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

    /// Puts the values of parameters into the body, each of the type that the template declares.
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
        let values = values.as_object_mut().ok_or("parameterValues in the file is no object")?;
        for (name, text) in self.param.iter().filter_map(|param| param.split_once('=')) {
            let kind = declared.iter().find(|parameter| parameter.name == name).map(|parameter| parameter.kind);
            let value = match kind {
                // `TAG=2026` is a text that looks like a number.
                Some(ParameterType::String | ParameterType::Choice) => Value::from(text),
                _ => set::parse_value(text),
            };
            values.insert(name.to_owned(), value);
        }
        Ok(())
    }
}
