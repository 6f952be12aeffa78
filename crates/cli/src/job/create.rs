//! `job create`: from a template with overrides, or from a file alone.

use std::path::PathBuf;

use serde_json::{Map, Value, json};
use trainyard_api::Client;

use super::follow::Ranks;
use super::logs;
use crate::exit::Failure;
use crate::out::{self, Format};
use crate::{body, name, set};

/// Make a job from a template, or from a file alone.
///
/// With --template, the file and --set are overrides, merged over the template: null unsets, mounts merge by their
/// mount path. --set wins over the file.
#[derive(Debug, clap::Args)]
pub(crate) struct CreateArgs {
    /// Template to make it from (id or name)
    #[arg(long, required_unless_present = "file")]
    template: Option<String>,
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
    #[arg(long, value_name = "NAME=VALUE")]
    param: Vec<String>,
    /// Name of the job; by default the template's
    #[arg(long)]
    name: Option<String>,
    /// Follow the logs of all workers until the job ends; the exit code says how it ended.
    /// Interrupting this does not stop the job
    #[arg(long)]
    follow: bool,
}

/// Runs the command.
pub(crate) async fn run(
    client: impl Fn() -> Result<Client, Failure>,
    args: CreateArgs,
    format: Format,
) -> Result<(), Failure> {
    let from_file = args.file.as_deref().map(body::read).transpose()?.unwrap_or_default();
    let mut body = body(from_file, &args).map_err(Failure::Usage)?;
    let client = client()?;
    if let Some(template) = &args.template {
        body.insert("templateId".to_owned(), name::template(&client, template).await?.into());
    }
    let answer = client.job_create(&body).await?;
    let id = &answer.data.id;
    if !args.follow {
        return out::show(format, &answer.raw, || id.clone());
    }
    out::note(&format!("{id} is made; interrupting this does not stop it"));
    logs::follow(&client, id, Ranks::All).await
}

/// The body but for the template's id.
fn body(mut body: Map<String, Value>, args: &CreateArgs) -> Result<Map<String, Value>, String> {
    if args.template.is_some() {
        body.insert("createType".to_owned(), "TEMPLATE".into());
    } else {
        body.entry("createType").or_insert_with(|| "CUSTOM".into());
    }
    if let Some(version) = args.version {
        body.insert("templateVersion".to_owned(), version.into());
    }
    for setting in &args.set {
        set::apply(&mut body, setting)?;
    }
    for param in &args.param {
        let (name, value) = param.split_once('=').ok_or_else(|| format!("{param:?} is not NAME=VALUE"))?;
        let values = body.entry("parameterValues").or_insert_with(|| json!({}));
        let values = values.as_object_mut().ok_or("parameterValues in the file is no object")?;
        values.insert(name.to_owned(), set::parse_value(value));
    }
    if let Some(name) = &args.name {
        body.insert("name".to_owned(), name.as_str().into());
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: CreateArgs,
    }

    fn check(line: &[&str], file: Value, expected: Value) {
        let args = Line::try_parse_from([&["create"], line].concat()).unwrap().args;
        let Value::Object(file) = file else { panic!("a file holds an object") };
        assert_eq!(body(file, &args).map(Value::Object), Ok(expected), "{line:?}");
    }

    #[test]
    fn settings_win_over_the_file() {
        check(
            &[
                "--template",
                "t",
                "--version",
                "3",
                "--name",
                "n",
                "--set",
                "resource.gpuCount=2",
                "--set",
                "priority=1",
            ],
            json!({"priority": 3, "resource": {"cpuCores": "4"}}),
            json!({"priority": 1, "resource": {"cpuCores": "4", "gpuCount": 2}, "createType": "TEMPLATE",
                "templateVersion": 3, "name": "n"}),
        );
    }

    #[test]
    fn parameters_keep_their_types() {
        check(
            &["--template", "t", "--param", "EPOCHS=3", "--param", "WHO=me=you"],
            json!({}),
            json!({"createType": "TEMPLATE", "parameterValues": {"EPOCHS": 3, "WHO": "me=you"}}),
        );
    }

    #[test]
    fn a_file_alone_is_the_whole_job_unless_it_says_otherwise() {
        check(&["-f", "x"], json!({"startCommand": "true"}), json!({"startCommand": "true", "createType": "CUSTOM"}));
        let whole = json!({"createType": "TEMPLATE", "templateId": "tpl_1"});
        check(&["-f", "x"], whole.clone(), whole);
    }

    #[test]
    fn a_job_needs_a_template_or_a_file() {
        assert!(Line::try_parse_from(["create", "--name", "a"]).is_err());
        assert!(Line::try_parse_from(["create", "-f", "x", "--version", "2"]).is_err());
    }
}
