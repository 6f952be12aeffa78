//! The HTTP API: the published paths, the envelope, and one status and code for each failure.
//!
//! A handler translates and nothing more: wire to domain, one use case, domain to wire.

mod answer;
mod body_fields;
mod centres;
mod docs;
mod drain_body;
mod event_stream;
mod events;
mod extract;
mod failure_response;
mod guard;
mod jobs;
mod keys;
mod logs;
mod path;
mod query;
mod secrets;
mod show;
mod storages;
mod templates;
mod workers;

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request, State},
    http::Method,
    response::Response,
};
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use trainyard_api::{Code, Empty, Envelope, failures::Fails, paths};
use utoipa_axum::{router::OpenApiRouter, routes};

pub use docs::document;

use self::answer::{Answer, done};
use crate::{App, failure::shortened};

/// The largest body that the server reads, in bytes.
pub const BODY_LIMIT: usize = 256 * 1024;

/// All paths of the API with their handlers, the documentation, and the answers for unknown paths and methods.
pub fn router(app: App) -> Router {
    let (router, api) = api_router().split_for_parts();
    let handlers =
        docs::with_docs(router, api).fallback(unknown_path).method_not_allowed_fallback(unknown_method).with_state(app);
    // One service around all paths: layers on each path would be cloned with it several times for each call.
    let layers = ServiceBuilder::new()
        .layer(axum::middleware::from_fn(drain_body::drain_after))
        .layer(axum::middleware::from_fn(guard::guard))
        .layer(CatchPanicLayer::custom(failure_response::panic_response))
        .layer(DefaultBodyLimit::max(BODY_LIMIT));
    Router::new().fallback_service(layers.service(handlers))
}

fn api_router() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(docs::head())
        .routes(routes!(templates::create))
        .routes(routes!(templates::list::list))
        .routes(routes!(templates::list::name_available))
        .routes(routes!(templates::detail))
        .routes(routes!(templates::update))
        .routes(routes!(templates::delete))
        .routes(routes!(templates::preview::preview))
        .routes(routes!(templates::versions::list))
        .routes(routes!(templates::versions::detail))
        .routes(routes!(templates::versions::diff))
        .routes(routes!(templates::versions::set_default))
        .routes(routes!(templates::copy::copy))
        .routes(routes!(templates::import_export::export))
        .routes(routes!(templates::import_export::import))
        .routes(routes!(templates::archive))
        .routes(routes!(templates::unarchive))
        .routes(routes!(jobs::create))
        .routes(routes!(jobs::list))
        .routes(routes!(jobs::check_is_enabled))
        .routes(routes!(jobs::detail))
        .routes(routes!(jobs::stop))
        .routes(routes!(jobs::restart))
        .routes(routes!(jobs::set_timeout))
        .routes(routes!(jobs::delete))
        .routes(routes!(templates::copy::save_job))
        .routes(routes!(events::list))
        .routes(routes!(workers::list))
        .routes(routes!(workers::basic))
        .routes(routes!(logs::read))
        .routes(routes!(logs::search::search))
        .routes(routes!(workers::open_ports))
        .routes(routes!(centres::product_list))
        .routes(routes!(centres::list))
        .routes(routes!(storages::create))
        .routes(routes!(storages::list))
        .routes(routes!(storages::delete))
        .routes(routes!(secrets::create))
        .routes(routes!(secrets::list))
        .routes(routes!(secrets::delete))
        .routes(routes!(keys::create))
        .routes(routes!(keys::list))
        .routes(routes!(keys::delete))
        .routes(routes!(healthz))
        .routes(routes!(readyz))
}

/// Check whether the server runs
///
/// Answers as long as the process can answer at all. Needs no API key.
#[utoipa::path(get, path = paths::HEALTHZ, tag = "system", security(()), responses((status = 200, description = "The server runs.", body = Envelope<Empty>)))]
async fn healthz() -> Answer<Empty> {
    done()
}

/// Check whether the server can answer calls
///
/// Checks that the database answers. Needs no API key.
#[utoipa::path(get, path = paths::READYZ, tag = "system", security(()), responses((status = 200, description = "The database answers.", body = Envelope<Empty>), Fails<503>))]
async fn readyz(State(app): State<App>) -> Answer<Empty> {
    app.check_ready().await?;
    done()
}

async fn unknown_path(request: Request) -> Response {
    let path = shortened(request.uri().path());
    failure_response::response(Code::NotFound, format!("the API has no path {path}; /docs lists all paths"))
}

async fn unknown_method(method: Method, request: Request) -> Response {
    let path = shortened(request.uri().path());
    let method = shortened(method.as_str());
    failure_response::response(
        Code::MethodNotAllowed,
        format!("{path} does not accept {method}; the Allow header lists the methods that it accepts"),
    )
}
