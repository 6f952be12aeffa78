//! The ports of a worker.

use std::net::SocketAddr;

use axum::{Json, extract::State};
use trainyard_api::{
    Envelope,
    failures::ReadFailures,
    paths,
    pod::{OpenPort, OpenPorts},
};

use super::extract::{Caller, NoBody, PathParams, RawQuery};
use crate::{App, failure::Failure, jobs};

/// List a worker's ports
///
/// Those on which processes of the worker listen now, and those that its launch was given (`MASTER_PORT`, its own in
/// `TF_CONFIG`). None before it has begun and after it has ended.
#[utoipa::path(
    get, path = paths::POD_PORTS, operation_id = "listWorkerPorts", tag = "jobs",
    params(("id" = String, Path, description = "Id of the job."), ("podName" = String, Path, description = "Name of the worker.")),
    responses((status = 200, description = "The ports.", body = Envelope<OpenPorts>), ReadFailures)
)]
pub(super) async fn list(
    State(app): State<App>,
    Caller(actor): Caller,
    PathParams((id, pod_name)): PathParams<(String, String)>,
    query: RawQuery,
    _: NoBody,
) -> Result<Json<Envelope<OpenPorts>>, Failure> {
    query.none()?;
    let found = jobs::open_ports(&app, &actor, &id, &pod_name).await?;
    let ports = found.listening.into_iter().map(listening).collect();
    let custom_ports = found.reserved.into_iter().map(|port| open("127.0.0.1".to_owned(), port)).collect();
    Ok(Json(Envelope::ok(OpenPorts { ports, custom_ports })))
}

/// Who listens on all addresses is reached by the host's name.
fn listening(address: SocketAddr) -> OpenPort {
    let host = match address.ip().to_canonical() {
        ip if ip.is_unspecified() => rustix::system::uname().nodename().to_string_lossy().into_owned(),
        ip => ip.to_string(),
    };
    open(host, address.port())
}

fn open(host: String, port: u16) -> OpenPort {
    OpenPort { protocol: "TCP".to_owned(), port, external_host: host, external_port: port }
}
