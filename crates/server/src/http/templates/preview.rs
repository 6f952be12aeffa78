//! The preview of a job.

use trainyard_api::{
    Envelope,
    failures::ChangeFailures,
    paths,
    template::preview::{Preview, PreviewRequest, WorkerPreview},
};

use crate::{
    http::{
        answer::{Answer, ok},
        extract::{Call, JsonBody, NoQuery},
        path::TemplatePath,
        show,
    },
    jobs,
};

/// Preview a job
///
/// What a job made from the template with this body would be, by the same code that makes it: its settings and where
/// each comes from, what the body changes, everything that would keep it from being made, and what each worker would be
/// told. Nothing is made or changed. A body that is malformed is refused exactly as the creation refuses it.
#[utoipa::path(
    post, path = paths::TEMPLATE_PREVIEW, operation_id = "previewJob", tag = "templates", request_body = PreviewRequest,
    params(TemplatePath),
    responses((status = 200, description = "What it would be.", body = Envelope<Preview>), ChangeFailures)
)]
pub(crate) async fn preview(
    Call { app, actor, path }: Call<TemplatePath>,
    _: NoQuery,
    JsonBody(body): JsonBody,
) -> Answer<Preview> {
    let found = jobs::preview(&app, &actor, &path.id, &body).await?;
    let worker =
        |worker: jobs::WorkerPreview| WorkerPreview { pod_name: worker.pod_name, rank: worker.rank, env: worker.env };
    ok(Preview {
        spec: show::spec(&found.document)?,
        provenance: found.provenance.into_iter().map(|(path, source)| (path, source.to_string())).collect(),
        changes: show::changes(found.changes),
        runnable: found.problems.is_empty(),
        problems: show::notices(found.problems),
        warnings: show::notices(found.warnings),
        workers: found.workers.into_iter().map(worker).collect(),
        more_workers: Some(found.more_workers as u64).filter(|more| *more > 0),
    })
}
