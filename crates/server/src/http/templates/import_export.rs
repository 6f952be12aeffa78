//! The calls that export a template as text and create a template from text.

use serde_json::{Map, Value, json};
use trainyard_api::{
    Envelope,
    failures::{CreateFailures, Fails, ReadFailures},
    paths,
    template::import_export::{ExportQuery, Exported, Imported, TemplateImport},
};
use trainyard_exchange::Format;

use crate::{
    failure::Failure,
    http::{
        answer::{Answer, created, ok},
        body_fields::{BodyFields, malformed, one_of},
        extract::{Call, JsonBody, NoBody, NoQuery, QueryParams},
        path::TemplatePath,
        show::Object,
    },
    templates::{self, Import},
};

/// Export a template
///
/// As YAML or JSON with every field as it was sent, which imports to an equal template, or as a script for Slurm's
/// `sbatch`. `notes` lists what the format cannot express.
#[utoipa::path(
    get, path = paths::TEMPLATE_EXPORT, operation_id = "exportTemplate", tag = "templates", params(TemplatePath, ExportQuery),
    responses((status = 200, description = "The text and the notes.", body = Envelope<Exported>), ReadFailures)
)]
pub(crate) async fn export(
    Call { app, actor, path }: Call<TemplatePath>,
    query: QueryParams,
    _: NoBody,
) -> Answer<Exported> {
    let mut query = query.read(&["format", "version"]);
    let format = query.choice("format", Format::EXPORTS).and_then(|word| Format::parse(&word));
    let version = query.count("version");
    let format = query.finish(format.unwrap_or(Format::Yaml))?;
    let exported = templates::export(&app, &actor, &path.id, version, format).await?;
    ok(Exported { text: exported.text, notes: exported.notes })
}

/// Import a template
///
/// From a template as YAML or JSON, an sbatch script, or a PyTorchJob or TrainJob of Kubeflow. `unmapped` lists every
/// value of the text that a template cannot hold; nothing is dropped silently. `Location` has the path of the created
/// template. With `dryRun`, nothing is created.
#[utoipa::path(
    post, path = paths::TEMPLATE_IMPORT, operation_id = "importTemplate", tag = "templates", request_body = TemplateImport,
    responses((status = 200, description = "The template that was created, or would be.", body = Envelope<Imported>), CreateFailures, Fails<409>)
)]
pub(crate) async fn import(Call { app, actor, .. }: Call, _: NoQuery, JsonBody(body): JsonBody) -> Answer<Object> {
    let found = templates::import(&app, &actor, read(&body)?).await?;
    let unmapped: Vec<Value> = found
        .unmapped
        .into_iter()
        .map(|entry| json!({"path": entry.path, "value": entry.value, "why": entry.why}))
        .collect();
    let id = found.id.as_ref().map(|id| ("id".to_owned(), Value::from(id.as_str())));
    let template: Map<String, Value> = id.into_iter().chain(found.document).collect();
    let mut data = Object::new();
    data.insert("template".to_owned(), Value::Object(template));
    data.insert("unmapped".to_owned(), Value::Array(unmapped));
    created(found.id.map(|id| paths::template_detail(id.as_str())), data)
}

fn read(body: &Value) -> Result<Import, Failure> {
    let mut fields = BodyFields::of(body, &["text", "format", "name", "dryRun"])?;
    let text = fields.required("text", |text| Ok(text.to_owned()));
    let format = fields.optional("format", |word| one_of(word, Format::WORDS, Format::parse));
    let name = fields.optional("name", |text| trainyard_domain::text::Name::parse(text).map_err(malformed));
    let dry_run = fields.flag("dryRun");
    fields.finish(Import { text: text.unwrap_or_default(), format, name, dry_run })
}
