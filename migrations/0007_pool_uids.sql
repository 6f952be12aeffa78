-- The user ids under which the jobs of each Trainyard user run in centres with run_as = "pool". A row is never deleted: files
-- that the user's jobs wrote on storages keep their owner.

CREATE TABLE pool_uids (
    user_name TEXT NOT NULL PRIMARY KEY,
    uid BIGINT NOT NULL UNIQUE
);
