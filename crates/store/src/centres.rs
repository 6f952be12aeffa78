//! The engine of each centre and the settings that it needs to manage jobs after the centre has left the configuration.

use trainyard_domain::id::CentreId;

use crate::{
    Store, StoreError, WriteConnection,
    rows::{Fields, Row, Table, only_number},
    sql::{Sql, sql, statement},
};

const CENTRE_ENGINES: Table = Table { name: "centre_engines", key: &["centre"] };
const JOB_CENTRES: Table = Table { name: "jobs", key: &["centre"] };

impl Store {
    /// Saves the engine of a centre as text, in place of the one that was saved before.
    pub async fn save_centre_engine(&self, centre: CentreId, engine: &str) -> Result<(), StoreError> {
        const SAVE: Sql = sql!(
            "INSERT INTO centre_engines (centre, engine) VALUES ($1, $2) \
             ON CONFLICT (centre) DO UPDATE SET engine = excluded.engine WHERE centre_engines.engine <> excluded.engine"
        );
        let engine = engine.to_owned();
        self.write_anyway(async move |on: &mut WriteConnection| {
            // No row changes where the same text was saved before.
            on.execute(statement(SAVE).bind(centre.0).bind(&engine)).await?;
            Ok(())
        })
        .await
    }

    /// The saved engines, by centre.
    pub async fn centre_engines(&self) -> Result<Vec<(CentreId, String)>, StoreError> {
        const SELECT: Sql = sql!("SELECT centre, engine FROM centre_engines ORDER BY centre");
        self.readers().rows(statement(SELECT), engine_of).await
    }

    /// How many jobs of a centre have not ended, whether or not their rows can be read.
    pub async fn unended_jobs(&self, centre: CentreId) -> Result<u64, StoreError> {
        const COUNT: Sql =
            sql!("SELECT COUNT(*) FROM jobs WHERE centre = $1 AND status NOT IN ('Stopped', 'Succeeded', 'Failed')");
        let count = self.readers().row(statement(COUNT).bind(centre.0), only_number).await?;
        Ok(count.unwrap_or(0).unsigned_abs())
    }

    /// The centres of all jobs that still have files.
    pub async fn centres_with_files(&self) -> Result<Vec<CentreId>, StoreError> {
        const SELECT: Sql = sql!("SELECT DISTINCT centre FROM jobs WHERE logs_removed = FALSE ORDER BY centre");
        let centre = |row: &Row<'_>| Ok(CentreId(Fields::of(&JOB_CENTRES, row).number("centre")?));
        self.readers().rows(statement(SELECT), centre).await
    }
}

fn engine_of(row: &Row<'_>) -> Result<(CentreId, String), StoreError> {
    let fields = Fields::of(&CENTRE_ENGINES, row);
    Ok((CentreId(fields.number("centre")?), fields.text("engine")?))
}
