//! Reads the template index from the rows, one after the other, so that no second copy of all of them is ever in memory.

use std::sync::PoisonError;

use trainyard_domain::{access::Visibility, document::Document, id::TemplateId};

use super::{
    TemplateIndex,
    entries::Entries,
    entry::{Listing, Text},
};
use crate::{
    StoreError,
    rows::{Fields, Row},
    writer::{WriteConnection, statement},
};

impl TemplateIndex {
    /// Takes all rows in place of what was known, before anything is written: so nothing is missed in between.
    ///
    /// A damaged row is in no list, and the log says so: whoever asks for it gets the error, all others their lists.
    pub(crate) async fn load(&self, from: &mut WriteConnection) -> Result<(), StoreError> {
        const SELECT: &str = "SELECT id, project, owner, name, visibility, archived, described, centre, training_type, \
             framework, created, updated, jobs_made, last_used FROM templates";
        let mut index = Entries::default();
        let add = |row: Row| match listing_of(&row) {
            Ok(listing) => index.add(&listing),
            Err(error) => tracing::error!(%error, "a template cannot be read and is in no list"),
        };
        from.each_row(statement(SELECT), add).await?;
        index.put_in_order();
        *self.index.write().unwrap_or_else(PoisonError::into_inner) = index;
        Ok(())
    }
}

fn listing_of(row: &Row) -> Result<Listing, StoreError> {
    let fields = Fields::of("templates", row);
    let id: TemplateId = fields.parsed("id")?;
    let described: Document = fields.json("described")?;
    Ok(Listing {
        id: id.bytes(),
        project: fields.text("project")?,
        owner: fields.text("owner")?,
        visibility: fields.word("visibility", Visibility::parse)?,
        archived: fields.get("archived")?,
        centre: fields.get("centre")?,
        training_type: fields.get("training_type")?,
        framework: fields.get("framework")?,
        created: fields.number("created")?,
        updated: fields.number("updated")?,
        jobs_made: fields.number("jobs_made")?,
        last_used: fields.get("last_used")?,
        text: Text::new(fields.get("name")?, &described),
    })
}
