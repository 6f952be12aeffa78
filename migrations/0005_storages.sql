-- Storages that were added while the server ran; those of the configuration have no rows.

CREATE TABLE storages (
    centre BIGINT NOT NULL,
    id TEXT NOT NULL,
    name TEXT,
    kind TEXT NOT NULL,
    path TEXT NOT NULL,
    read_only BOOLEAN NOT NULL,
    created_by TEXT NOT NULL,
    created BIGINT NOT NULL,
    PRIMARY KEY (centre, id)
);
