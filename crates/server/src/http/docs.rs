//! The OpenAPI document, made from the handlers, and the page to browse it, whose files are in the binary.

use axum::{Json, Router, http::StatusCode, middleware::map_response, response::Response, routing::get};
use trainyard_api::{Code, Failure, paths};
use utoipa::{
    OpenApi,
    openapi::{
        InfoBuilder, OpenApi as Document,
        security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    },
};
use utoipa_swagger_ui::SwaggerUi;

use super::failure_response;
use crate::App;

/// The whole document.
pub fn document() -> Document {
    super::api_router().split_for_parts().1
}

#[derive(OpenApi)]
#[openapi(components(schemas(Failure)))]
struct Shared;

/// What the document says before its paths.
pub(super) fn head() -> Document {
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("An API key: the admin key of the data directory, or one made with it."))
        .build();
    let mut document = Shared::openapi();
    document.info = InfoBuilder::new()
        .title("Trainyard")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Training job templates and the jobs made from them. Every answer is `{status, message, data}`; the HTTP \
             status always equals `status`.",
        ))
        .build();
    if let Some(components) = document.components.as_mut() {
        components.add_security_scheme("bearerAuth", SecurityScheme::Http(bearer));
    }
    document.security = Some(vec![SecurityRequirement::new("bearerAuth", Vec::<String>::new())]);
    document
}

/// Adds `/openapi.json` and `/docs` to a router.
pub(super) fn with_docs(router: Router<App>, document: Document) -> Router<App> {
    let page =
        SwaggerUi::new(paths::DOCS).config(utoipa_swagger_ui::Config::from(paths::OPENAPI).validator_url("none"));
    let page = Router::from(page).layer(map_response(in_the_envelope));
    router.merge(page).route(paths::OPENAPI, get(move || async move { Json(document.clone()) }))
}

/// The page knows nothing of the envelope; its failures must come in it as all others do.
async fn in_the_envelope(answer: Response) -> Response {
    if answer.status() == StatusCode::NOT_FOUND {
        let message = "the documentation has no such file; it begins at /docs";
        return failure_response::response(Code::NotFound, message);
    }
    answer
}
