//! The user ids of Trainyard users, for centres in which the jobs of each user run under an id of its own.

use std::ops::RangeInclusive;

use crate::{
    Store, StoreError, WriteConnection,
    rows::{Fields, Row, Table, only_number},
    sql::{Sql, sql, statement},
};

const POOL_UIDS: Table = Table { name: "pool_uids", key: &["user_name"] };

impl Store {
    /// The user id of a user. A new user gets the id after the highest one of the range that any user has; `None` if the
    /// range has none left. A user keeps its id for ever, also if the range changes.
    pub async fn pool_uid(&self, user: &str, range: RangeInclusive<u32>) -> Result<Option<u32>, StoreError> {
        const FIND: Sql = sql!("SELECT user_name, uid FROM pool_uids WHERE user_name = $1");
        const HIGHEST: Sql = sql!("SELECT COALESCE(MAX(uid), 0) FROM pool_uids WHERE uid >= $1 AND uid <= $2");
        const INSERT: Sql = sql!("INSERT INTO pool_uids (user_name, uid) VALUES ($1, $2)");
        if let Some(known) = self.readers().row(statement(FIND).bind(user), uid_of).await? {
            return Ok(Some(known));
        }
        let user = user.to_owned();
        self.write(async move |on: &mut WriteConnection| {
            // Another call may have given the user an id meanwhile.
            if let Some(known) = on.row(statement(FIND).bind(&user), uid_of).await? {
                return Ok(Some(known));
            }
            let (first, last) = (i64::from(*range.start()), i64::from(*range.end()));
            let highest = on.row(statement(HIGHEST).bind(first).bind(last), only_number).await?.unwrap_or_default();
            let next = first.max(highest + 1);
            match u32::try_from(next).ok().filter(|_| next <= last) {
                None => Ok(None),
                Some(uid) => {
                    on.execute(statement(INSERT).bind(&user).bind(next)).await?;
                    Ok(Some(uid))
                }
            }
        })
        .await
    }
}

fn uid_of(row: &Row<'_>) -> Result<u32, StoreError> {
    Fields::of(&POOL_UIDS, row).number("uid")
}
