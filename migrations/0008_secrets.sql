-- Secrets. `sealed` is the encrypted text; the row does not have the key, and `key_id` only tells which key opens it.
-- `owner` is the user of a personal secret, and empty for a secret of the whole project.

CREATE TABLE secrets (
    project TEXT NOT NULL,
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    key_id TEXT NOT NULL,
    sealed TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created BIGINT NOT NULL,
    updated_by TEXT NOT NULL,
    updated BIGINT NOT NULL,
    PRIMARY KEY (project, owner, name)
);
