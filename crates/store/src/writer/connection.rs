//! The connection that writes, as a change sees it.
//!
//! The writing thread itself uses it, so no statement crosses to another thread and back: with two cores that was most of
//! the cost of a small change. Its functions are `async` nevertheless, as a database behind a network needs.

use std::path::Path;

use crate::{
    db::Connection,
    error::StoreError,
    rows::Row,
    sql::{Sql, Statement, sql, statement},
};

/// The connection that writes; changes leave notes of the type `N` on it.
pub(crate) struct WriteConnection<N> {
    pub(super) connection: Connection,
    /// Whether a statement has changed any row since this was last set to `false`.
    pub(super) changed_rows: bool,
    /// The notes of the present transaction.
    pub(super) notes: Vec<N>,
}

impl<N> WriteConnection<N> {
    /// Opens the file, which exists.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let connection = Connection::open_for_writing(path)?;
        Ok(Self { connection, changed_rows: false, notes: Vec::new() })
    }

    /// Runs one statement that writes and returns how many rows it changed.
    ///
    /// After an error a change must end: the database may have undone all of it already.
    pub(crate) async fn execute(&mut self, statement: Statement<'_>) -> Result<u64, StoreError> {
        let rows = self.connection.execute(&statement)?;
        self.changed_rows |= rows > 0;
        Ok(rows)
    }

    /// Reads the first row of a result.
    pub(crate) async fn row<T>(
        &mut self,
        statement: Statement<'_>,
        read: impl FnOnce(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        self.connection.row(&statement, read)
    }

    /// Passes each row of a result to a function; only one row at a time is in memory.
    pub(crate) fn each_row(
        &mut self,
        statement: Statement<'_>,
        each: impl FnMut(&Row<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.connection.each_row(&statement, each)
    }

    /// Leaves a note for the hook, which gets it once the transaction is committed; if the change fails, the note is dropped.
    pub(crate) fn note(&mut self, note: N) {
        self.notes.push(note);
    }

    /// Copies the log into the file when it has so many pages, or at SQLite's usual thousand.
    pub(super) fn checkpoint_from(&mut self, pages: u64) -> Result<(), StoreError> {
        self.connection.checkpoint_from(pages.clamp(1, 1000))
    }

    /// How many pages the database has, with those that are only in its log.
    pub(super) fn pages(&mut self) -> Result<u64, StoreError> {
        const PAGES: Sql = sql!("PRAGMA page_count");
        Ok(self.connection.number(PAGES)?.unsigned_abs())
    }

    /// How many pages of the file are free.
    pub(super) fn free_pages(&mut self) -> Result<u64, StoreError> {
        const FREE: Sql = sql!("PRAGMA freelist_count");
        Ok(self.connection.number(FREE)?.unsigned_abs())
    }

    /// Adds free pages: a row takes them and is deleted again in the same transaction.
    pub(super) fn add_free_pages(&mut self, pages: u64) -> Result<(), StoreError> {
        const TAKE: Sql = sql!("INSERT INTO schema_migrations (number, name) VALUES (-1, zeroblob($1))");
        const GIVE_BACK: Sql = sql!("DELETE FROM schema_migrations WHERE number = -1");
        let bytes = i64::try_from(pages.saturating_mul(4096)).unwrap_or_default();
        self.connection.transaction(|on| {
            on.execute(&statement(TAKE).bind(bytes))?;
            on.execute(&statement(GIVE_BACK))?;
            Ok(())
        })
    }
}
