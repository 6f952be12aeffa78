//! The OpenAPI document, generated from the handlers, and a page to browse it. The files of the page are in the binary.

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

/// The whole OpenAPI document.
pub fn document() -> Document {
    super::api_router().split_for_parts().1
}

#[derive(OpenApi)]
#[openapi(components(schemas(Failure)))]
struct Shared;

/// The document without paths: title, description, and the bearer scheme.
pub(super) fn head() -> Document {
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("An API key: the admin key in the data directory, or a key created with it."))
        .build();
    let mut document = Shared::openapi();
    document.info = InfoBuilder::new()
        .title("Trainyard")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Training job templates and the jobs created from them. Every response is `{status, message, data}`; the \
             HTTP status always equals `status`.",
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
    let page = Router::from(page).layer(map_response(in_envelope));
    router.merge(page).route(paths::OPENAPI, get(move || async move { Json(document.clone()) }))
}

/// Puts a failure of the page into the envelope, which the page itself does not use.
async fn in_envelope(answer: Response) -> Response {
    if answer.status() == StatusCode::NOT_FOUND {
        let message = "the documentation has no such file; it starts at /docs";
        return failure_response::response(Code::NotFound, message);
    }
    answer
}
