//! The connection that writes, as a change sees it.
//!
//! It is used on the writing thread itself, so that a statement costs no way to another thread and back: with two cores
//! that was most of what a small change took. Its functions are `async` all the same, as a database behind a network
//! would need them to be.

use std::{ops::ControlFlow, path::Path};

use rusqlite::{Connection, OpenFlags};

use super::statement::Statement;
use crate::{
    db,
    error::{StoreError, from_sqlite},
    rows::Row,
    template_index::TemplateChange,
};

/// More than the program has different statements.
const STATEMENTS_KEPT: usize = 128;

/// The connection that writes.
pub(crate) struct WriteConnection {
    connection: Connection,
    /// Whether any row was touched since this was last set to `false`.
    pub(super) touched: bool,
    /// What the template index must hear of when this transaction is on the disk.
    pub(super) news: Vec<TemplateChange>,
}

impl WriteConnection {
    /// Opens the file, which exists.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(from_sqlite)?;
        connection.busy_timeout(db::LOCK_PATIENCE).map_err(from_sqlite)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
        let mut opened = Self { connection, touched: false, news: Vec::new() };
        for setting in db::WRITING {
            opened.control(setting)?;
        }
        Ok(opened)
    }

    /// Runs one statement that writes and answers how many rows it touched.
    ///
    /// After an error a change must end: the database may have undone all of it already.
    pub(crate) async fn execute(&mut self, statement: Statement<'_>) -> Result<u64, StoreError> {
        let mut prepared = self.connection.prepare_cached(statement.sql).map_err(from_sqlite)?;
        statement.fill(&mut prepared).map_err(from_sqlite)?;
        let rows = prepared.raw_execute().map_err(from_sqlite)?;
        self.touched |= rows > 0;
        Ok(rows as u64)
    }

    /// The first row of an answer.
    pub(crate) async fn row(&mut self, statement: Statement<'_>) -> Result<Option<Row>, StoreError> {
        let mut first = None;
        self.walk(statement, |row| {
            first = Some(row);
            ControlFlow::Break(())
        })?;
        Ok(first)
    }

    /// Shows each row of an answer, of which never more than one is in memory.
    pub(crate) async fn each_row(
        &mut self,
        statement: Statement<'_>,
        mut show: impl FnMut(Row),
    ) -> Result<(), StoreError> {
        self.walk(statement, |row| {
            show(row);
            ControlFlow::Continue(())
        })
    }

    fn walk(
        &mut self,
        statement: Statement<'_>,
        mut show: impl FnMut(Row) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let mut prepared = self.connection.prepare_cached(statement.sql).map_err(from_sqlite)?;
        statement.fill(&mut prepared).map_err(from_sqlite)?;
        let names: Vec<String> = prepared.column_names().into_iter().map(str::to_owned).collect();
        let mut rows = prepared.raw_query();
        while let Some(row) = rows.next().map_err(from_sqlite)? {
            let mut columns = Vec::with_capacity(names.len());
            for (place, name) in names.iter().enumerate() {
                columns.push((name.clone(), row.get(place).map_err(from_sqlite)?));
            }
            if show(Row::Written(columns)).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Notes what the template index hears of if the change that runs is kept.
    pub(crate) fn tell(&mut self, news: TemplateChange) {
        self.news.push(news);
    }

    /// Runs a statement of the transaction itself, or a setting; what it answers does not matter.
    pub(super) fn control(&mut self, sql: &'static str) -> Result<(), StoreError> {
        let mut prepared = self.connection.prepare_cached(sql).map_err(from_sqlite)?;
        let mut rows = prepared.raw_query();
        while rows.next().map_err(from_sqlite)?.is_some() {}
        Ok(())
    }

    /// Folds the log into the file when it has so many pages, or at SQLite's usual thousand.
    pub(super) fn fold_log_from(&mut self, pages: u64) -> Result<(), StoreError> {
        let pages = i64::try_from(pages.clamp(1, 1000)).unwrap_or(1000);
        self.connection.pragma_update_and_check(None, "wal_autocheckpoint", pages, |_| Ok(())).map_err(from_sqlite)
    }

    /// How many pages of the file are free.
    pub(super) fn free_pages(&mut self) -> Result<u64, StoreError> {
        let count: i64 =
            self.connection.pragma_query_value(None, "freelist_count", |row| row.get(0)).map_err(from_sqlite)?;
        Ok(count.unsigned_abs())
    }

    /// Adds free pages: a row takes them and is gone again before anybody could see it.
    pub(super) fn add_free_pages(&mut self, pages: u64) -> Result<(), StoreError> {
        const TAKE: &str = "INSERT INTO schema_migrations (number, name) VALUES (-1, zeroblob(?1))";
        const GIVE: &str = "DELETE FROM schema_migrations WHERE number = -1";
        let bytes = i64::try_from(pages.saturating_mul(4096)).unwrap_or_default();
        let taken = self.connection.transaction().and_then(|transaction| {
            transaction.execute(TAKE, [bytes])?;
            transaction.execute(GIVE, [])?;
            transaction.commit()
        });
        taken.map_err(from_sqlite)
    }

    /// Closes it; what is wrong then says the error.
    pub(super) fn close(self) -> Result<(), StoreError> {
        self.connection.close().map_err(|(_, error)| from_sqlite(error))
    }
}
