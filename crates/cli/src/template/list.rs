//! `template list`: finding templates.

#[cfg(test)]
mod tests;

use serde_json::json;
use trainyard_api::{
    Client, Page,
    spec::{TrainingFramwork, TrainingType},
    template::{
        TemplateRecord, Visibility,
        find::{Archived, TemplateListQuery, TemplateSort},
    },
};

use super::word;
use crate::{
    exit::Failure,
    options::{self, Paging},
    out::{self, Format},
    table, times,
};

/// Arguments of `template list`.
#[derive(Debug, clap::Args)]
pub(super) struct ListArgs {
    /// Only those with this in their name
    #[arg(long)]
    name: Option<String>,
    /// Only those that have all these words in name, description or labels
    #[arg(long, value_name = "WORDS")]
    search: Option<String>,
    /// Only those with this label, KEY=VALUE or KEY alone; may be given more than once
    #[arg(long = "label", value_name = "KEY[=VALUE]")]
    labels: Vec<String>,
    /// Only those that this user made
    #[arg(long, value_name = "USER")]
    by: Option<String>,
    /// Only those that are seen by: private, project, public
    #[arg(long, value_parser = word::<Visibility>)]
    visibility: Option<Visibility>,
    /// Only archived ones
    #[arg(long, conflicts_with = "all")]
    archived: bool,
    /// Archived ones too
    #[arg(long)]
    all: bool,
    /// Only those of this compute centre
    #[arg(long, value_name = "ID")]
    centre: Option<i64>,
    /// Only those of this kind of training: PRE_TRAINING, HPC
    #[arg(long = "type", value_name = "TYPE", value_parser = word::<TrainingType>)]
    training_type: Option<TrainingType>,
    /// Only those of this framework: PyTorch, DeepSpeed, MPI, TensorFlow
    #[arg(long, value_parser = word::<TrainingFramwork>)]
    framework: Option<TrainingFramwork>,
    /// Order: name, created, updated, lastUsed, jobsMade; with a - before it from the greatest to the least
    #[arg(long, value_parser = word::<TemplateSort>, allow_hyphen_values = true)]
    sort: Option<TemplateSort>,
    #[command(flatten)]
    paging: Paging,
}

/// Runs the command.
pub(super) async fn run(client: &Client, args: ListArgs, format: Format) -> Result<(), Failure> {
    let query = TemplateListQuery {
        page_no: args.paging.page,
        page_size: Some(args.paging.page_size),
        name: args.name,
        search: args.search,
        labels: labels(&args.labels),
        create_by: args.by,
        visibility: args.visibility,
        archived: match (args.archived, args.all) {
            (true, _) => Some(Archived::True),
            (_, true) => Some(Archived::All),
            _ => None,
        },
        aidc_id: args.centre,
        training_type: args.training_type,
        training_framwork: args.framework,
        sort: args.sort,
    };
    let answer = client.template_list(&query).await?;
    out::show(format, &answer.raw, || show(&answer.data))
}

/// Several labels in one parameter; here a comma parts none, since each has an option of its own.
fn labels(labels: &[String]) -> Option<String> {
    let escaped = labels.iter().map(|label| label.replace('\\', r"\\").replace(',', r"\,"));
    Some(escaped.collect::<Vec<_>>().join(",")).filter(|_| !labels.is_empty())
}

fn show(page: &Page<TemplateRecord>) -> String {
    let rows = page.records.iter().map(|record| {
        let archived = if record.archived { " (archived)" } else { "" };
        vec![
            record.id.clone(),
            record.body.name.clone().unwrap_or_default() + archived,
            record.version.to_string(),
            record.body.spec.training_framwork.map(framework).unwrap_or_default(),
            record.body.spec.aidc_id.map(|id| id.to_string()).unwrap_or_default(),
            record.create_by.clone(),
            times::local(Some(record.updated_time_ms)),
            record.jobs_made.to_string(),
            times::local(record.last_used_time_ms),
        ]
    });
    let head = ["id", "name", "version", "framework", "centre", "by", "updated", "jobs", "last used"];
    options::with_rest(table::rows(&head, rows), page)
}

fn framework(framework: TrainingFramwork) -> String {
    json!(framework).as_str().unwrap_or_default().to_owned()
}
