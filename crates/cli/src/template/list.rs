//! `template list`: lists templates with filters, search and order.

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
    /// Filter by a part of the name
    #[arg(long)]
    name: Option<String>,
    /// Filter by words that all occur in name, description or labels
    #[arg(long, value_name = "WORDS")]
    search: Option<String>,
    /// Filter by a label, with or without its value; repeatable, all must match
    #[arg(long = "label", value_name = "KEY[=VALUE]")]
    labels: Vec<String>,
    /// Filter by the user that created the template
    #[arg(long, value_name = "USER")]
    by: Option<String>,
    /// Filter by visibility: private, project, public
    #[arg(long, value_parser = word::<Visibility>)]
    visibility: Option<Visibility>,
    /// List only archived templates
    #[arg(long, conflicts_with = "all")]
    archived: bool,
    /// List archived templates as well
    #[arg(long)]
    all: bool,
    /// Filter by compute centre
    #[arg(long, value_name = "ID")]
    centre: Option<i64>,
    /// Filter by training type: PRE_TRAINING, HPC
    #[arg(long = "type", value_name = "TYPE", value_parser = word::<TrainingType>)]
    training_type: Option<TrainingType>,
    /// Filter by framework: PyTorch, DeepSpeed, MPI, TensorFlow
    #[arg(long, value_parser = word::<TrainingFramwork>)]
    framework: Option<TrainingFramwork>,
    /// Order: name, created, updated, lastUsed, jobsMade; a leading - reverses it [default: -created]
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

/// All labels in one query parameter. A comma inside a label is escaped, because the parameter separates labels by commas.
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
