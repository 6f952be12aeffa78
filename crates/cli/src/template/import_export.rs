//! `template export` and `template import`: templates as files.
//!
//! Notes on standard error name what the target format cannot express.

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use trainyard_api::{
    Client,
    template::import_export::{ExportFormat, ExportQuery, ImportFormat, TemplateImport, Unmapped},
};
use trainyard_exchange as exchange;

use super::word;
use crate::{
    body,
    exit::Failure,
    lookup,
    out::{self, Format},
    table,
};

/// Arguments of `export`.
#[derive(Debug, clap::Args)]
pub(super) struct ExportArgs {
    /// Id or name of the template
    template: String,
    /// Format: yaml, json, sbatch
    #[arg(long, default_value = "yaml", value_parser = word::<ExportFormat>)]
    format: ExportFormat,
    /// Version to export [default: the default version]
    #[arg(long, value_name = "N")]
    version: Option<u32>,
    /// File to write; overwrites an existing file [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
}

/// Arguments of `import`.
#[derive(Debug, clap::Args)]
pub(super) struct ImportArgs {
    /// File to import; use - for standard input
    file: PathBuf,
    /// Format: yaml, json, sbatch, kubeflow [default: detected from the text]
    #[arg(long, value_parser = word::<ImportFormat>)]
    format: Option<ImportFormat>,
    /// Name of the template [default: the name in the text, else the name of the file]
    #[arg(long)]
    name: Option<String>,
    /// Show the template that would be created; create nothing
    #[arg(long)]
    dry_run: bool,
}

/// Exports a template to a file or to standard output.
pub(super) async fn export(client: &Client, args: ExportArgs, format: Format) -> Result<(), Failure> {
    let id = lookup::template(client, &args.template).await?;
    let query = ExportQuery { format: Some(args.format), version: args.version };
    let answer = client.template_export(&id, &query).await?;
    if format != Format::Table {
        return out::show(format, &answer.raw, String::new);
    }
    answer.data.notes.iter().for_each(|note| out::note(&format!("note: {}", table::safe(note))));
    match args.file {
        None => out::bytes(answer.data.text.as_bytes()),
        Some(file) => std::fs::write(&file, answer.data.text)
            .map_err(|error| Failure::because(&format!("cannot write {}", file.display()), error)),
    }
}

/// Creates a template from a file, or shows it in a dry run.
pub(super) async fn import(client: &Client, args: ImportArgs, format: Format) -> Result<(), Failure> {
    let text = body::text(&args.file)?;
    let name = args.name.or_else(|| name_of_file(&args.file, &text, args.format));
    let request = TemplateImport { text, format: args.format, name, dry_run: args.dry_run.then_some(true) };
    let answer = client.template_import(&request).await?;
    if format == Format::Table {
        answer.data.unmapped.iter().for_each(|entry| out::note(&not_mapped(entry)));
    }
    out::show(format, &answer.raw, || match &answer.data.template.id {
        Some(id) => id.clone(),
        // The template as the server sent it, in the order of its fields.
        None => serde_yaml_ng::to_string(&answer.raw.get("template")).unwrap_or_default().trim_end().to_owned(),
    })
}

fn not_mapped(entry: &Unmapped) -> String {
    match entry.path.as_str() {
        "" => format!("not mapped: {}", table::safe(&entry.why)),
        path => format!("not mapped: {path}: {}: {}", table::safe(&entry.value), table::safe(&entry.why)),
    }
}

/// The name of the file without its extension, if the text does not name the template.
fn name_of_file(file: &Path, text: &str, format: Option<ImportFormat>) -> Option<String> {
    let format = format.map(|format| match format {
        ImportFormat::Yaml => exchange::Format::Yaml,
        ImportFormat::Json => exchange::Format::Json,
        ImportFormat::Sbatch => exchange::Format::Sbatch,
        ImportFormat::Kubeflow => exchange::Format::Kubeflow,
    });
    let has_name =
        exchange::import(text, format).is_ok_and(|read| read.body.get("name").is_some_and(|name| !name.is_null()));
    if has_name || file.as_os_str() == "-" {
        return None;
    }
    file.file_stem()?.to_str().map(str::to_owned)
}
