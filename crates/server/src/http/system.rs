//! Whether the server lives and answers.

use axum::extract::State;
use trainyard_api::{Empty, Envelope, failures::Fails, paths};

use super::answer::{Answer, done};
use crate::App;

/// Whether the process lives
///
/// Always answers while the process can answer at all; needs no key.
#[utoipa::path(get, path = paths::HEALTHZ, tag = "system", security(()), responses((status = 200, description = "It lives.", body = Envelope<Empty>)))]
pub(super) async fn healthz() -> Answer<Empty> {
    done()
}

/// Whether calls are answered
///
/// Looks whether the database answers; needs no key.
#[utoipa::path(get, path = paths::READYZ, tag = "system", security(()), responses((status = 200, description = "It answers.", body = Envelope<Empty>), Fails<503>))]
pub(super) async fn readyz(State(app): State<App>) -> Answer<Empty> {
    app.check_ready().await?;
    done()
}
