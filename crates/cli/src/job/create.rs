//! `job create`: from a template with overrides, or from a file and settings alone.

use clap::ArgGroup;
use serde_json::{Map, Value};
use trainyard_api::Client;

use super::follow::{Ranks, Wish};
use super::logs;
use crate::exit::Failure;
use crate::name;
use crate::out::{self, Format};
use crate::request::RequestArgs;

/// Make a job from a template, or from a file and --set alone.
///
/// With --template, the file and --set are overrides, merged over the template: null unsets, mounts merge by their
/// mount path. --set wins over the file.
#[derive(Debug, clap::Args)]
#[command(group(ArgGroup::new("made from").args(["template", "file", "set"]).required(true).multiple(true)))]
pub(crate) struct CreateArgs {
    /// Template to make it from (id or name)
    #[arg(long)]
    template: Option<String>,
    #[command(flatten)]
    request: RequestArgs,
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
    let mut body = body(args.request.body()?, args.template.is_some());
    let client = client()?;
    if let Some(template) = &args.template {
        let id = name::template(&client, template).await?;
        args.request.add_parameters(&client, &id, &mut body).await?;
        body.insert("templateId".to_owned(), id.into());
    }
    let answer = client.job_create(&body).await?;
    let id = &answer.data.id;
    if !args.follow {
        return out::show(format, &answer.raw, || id.clone());
    }
    out::note(&format!("{id} is made; interrupting this does not stop it"));
    logs::follow(&client, id, Wish::plain(Ranks::All)).await
}

/// The body with what the job is made from.
fn body(mut body: Map<String, Value>, from_template: bool) -> Map<String, Value> {
    if from_template {
        body.insert("createType".to_owned(), "TEMPLATE".into());
    } else {
        body.entry("createType").or_insert_with(|| "CUSTOM".into());
    }
    body
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::json;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: CreateArgs,
    }

    #[test]
    fn a_file_alone_is_the_whole_job_unless_it_says_otherwise() {
        let check = |file: Value, from_template, expected: Value| {
            assert_eq!(Value::Object(body(file.as_object().unwrap().clone(), from_template)), expected);
        };
        check(json!({"priority": 1}), false, json!({"priority": 1, "createType": "CUSTOM"}));
        check(json!({"createType": "CUSTOM"}), true, json!({"createType": "TEMPLATE"}));
        let whole = json!({"createType": "TEMPLATE", "templateId": "tpl_1"});
        check(whole.clone(), false, whole);
    }

    #[test]
    fn a_job_needs_a_template_a_file_or_settings() {
        let Err(error) = Line::try_parse_from(["create", "--name", "a"]) else { panic!("it is made from nothing") };
        let told = error.to_string();
        assert!(["--template", "--file", "--set"].iter().all(|way| told.contains(way)), "{told}");
        assert!(Line::try_parse_from(["create", "--set", "startCommand=true"]).is_ok());
        assert!(Line::try_parse_from(["create", "-f", "x", "--version", "2"]).is_err());
        assert!(Line::try_parse_from(["create", "-f", "x", "--param", "A=1"]).is_err());
        assert!(Line::try_parse_from(["create", "--template", "t", "--version", "2", "--param", "A=1"]).is_ok());
    }
}
