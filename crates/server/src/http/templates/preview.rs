//! The call that previews a job from a template.

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
/// The job that a creation from the template with this body would create, by the same code: its spec with the source of
/// each value, the values that the body changes, every reason why the creation would be refused, and the environment of
/// each worker. Nothing is created or changed. A malformed body is refused with the same faults as by the creation.
#[utoipa::path(
    post, path = paths::TEMPLATE_PREVIEW, operation_id = "previewJob", tag = "templates", request_body = PreviewRequest,
    params(TemplatePath),
    responses((status = 200, description = "The job that would be created.", body = Envelope<Preview>), ChangeFailures)
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
