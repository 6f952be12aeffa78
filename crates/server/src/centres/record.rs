//! The record of a centre's engine, saved while the centre is configured, so that its own engine manages its jobs when the
//! centre has left the configuration.
//!
//! A new field needs a default: records of older versions stay readable.

use serde::{Deserialize, Serialize};
use trainyard_domain::id::CentreId;
use trainyard_store::Store;

use crate::{
    config::{CentreConfig, EngineKind},
    failure::Failure,
};

/// Everything that it takes to build the engine again, for managing jobs that exist.
///
/// The local engine finds all its attempts in the data directory and needs no settings of the centre.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct EngineRecord {
    /// The kind of engine.
    pub(super) engine: EngineKind,
}

impl EngineRecord {
    /// The record of a configured centre.
    pub(super) fn of(config: &CentreConfig) -> Self {
        Self { engine: config.engine }
    }

    /// All saved records by centre. A record that this version cannot read is logged and left out.
    pub(super) async fn load(store: &Store) -> Result<Vec<(CentreId, Self)>, Failure> {
        let readable = |(centre, text): (CentreId, String)| match serde_json::from_str(&text) {
            Ok(record) => Some((centre, record)),
            Err(error) => {
                tracing::error!("centre {centre}: the record of its engine is not readable: {error}: {text}");
                None
            }
        };
        Ok(store.centre_engines().await?.into_iter().filter_map(readable).collect())
    }

    /// Saves the record of a centre.
    pub(super) async fn save(&self, store: &Store, centre: CentreId) -> Result<(), Failure> {
        let text = serde_json::to_string(self).map_err(|error| Failure::Internal(error.to_string()))?;
        Ok(store.save_centre_engine(centre, &text).await?)
    }
}
