-- The first schema. Portable: only TEXT, BIGINT, BOOLEAN and DOUBLE PRECISION; JSON is TEXT, times are Unix
-- milliseconds. A file that was released is never edited: the next one changes what it made.

CREATE TABLE users (
    name TEXT NOT NULL PRIMARY KEY,
    created BIGINT NOT NULL
);

CREATE TABLE projects (
    name TEXT NOT NULL PRIMARY KEY,
    created BIGINT NOT NULL
);

-- `lookup` is the public part of a key's text; of the secret part only `hash` is kept, in hexadecimal digits.
CREATE TABLE api_keys (
    id TEXT NOT NULL PRIMARY KEY,
    lookup TEXT NOT NULL UNIQUE,
    hash TEXT NOT NULL,
    name TEXT NOT NULL,
    user_name TEXT NOT NULL REFERENCES users (name),
    project TEXT NOT NULL REFERENCES projects (name),
    role TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT,
    last_used BIGINT
);

-- What a template is now, without its content: the rows that lists walk over stay small.
-- `name_key` is the name in the form that must be unique, `name_folded` the one that is searched; `centre`,
-- `training_type` and `framework` repeat the content of `version`, to be filtered by.
CREATE TABLE templates (
    id TEXT NOT NULL PRIMARY KEY,
    project TEXT NOT NULL,
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    visibility TEXT NOT NULL,
    revision BIGINT NOT NULL,
    version BIGINT NOT NULL,
    latest_version BIGINT NOT NULL,
    described TEXT NOT NULL,
    centre BIGINT,
    training_type TEXT,
    framework TEXT,
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL
);

CREATE UNIQUE INDEX templates_by_name ON templates (project, name_key);

-- Holds all that a list filters by, so that a page far back and its total are counted without reading the table.
CREATE INDEX templates_by_age ON templates (
    created DESC, id DESC, visibility, project, owner, centre, training_type, framework, name_folded
);

CREATE TABLE template_versions (
    template_id TEXT NOT NULL REFERENCES templates (id) ON DELETE CASCADE,
    version BIGINT NOT NULL,
    content TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created BIGINT NOT NULL,
    PRIMARY KEY (template_id, version)
);

-- What changes in a job's life. `template_id` refers to no row: a job outlives its template.
-- `row_version` guards every change; `attempt` is the number of the latest one.
CREATE TABLE jobs (
    id TEXT NOT NULL PRIMARY KEY,
    project TEXT NOT NULL,
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    template_id TEXT,
    template_version BIGINT,
    centre BIGINT NOT NULL,
    priority BIGINT NOT NULL,
    status TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    message TEXT NOT NULL,
    retries_job BIGINT NOT NULL,
    retries_platform BIGINT NOT NULL,
    ran_ms BIGINT NOT NULL,
    attempt BIGINT,
    created BIGINT NOT NULL,
    started BIGINT,
    ended BIGINT,
    row_version BIGINT NOT NULL,
    logs_removed BOOLEAN NOT NULL
);

CREATE INDEX jobs_by_age ON jobs (
    created DESC, id DESC, project, status, centre, template_id, name_folded
);

CREATE INDEX jobs_by_status ON jobs (status, created, id);

CREATE INDEX jobs_to_clean ON jobs (ended) WHERE logs_removed = FALSE;

-- The large part of a job, apart so that a change of state does not write it again.
CREATE TABLE job_specs (
    job_id TEXT NOT NULL PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
    document TEXT NOT NULL,
    provenance TEXT NOT NULL,
    spec TEXT NOT NULL
);

CREATE TABLE attempts (
    job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    placement TEXT NOT NULL,
    handle TEXT,
    status TEXT NOT NULL,
    reason TEXT NOT NULL,
    message TEXT NOT NULL,
    placed BIGINT NOT NULL,
    started BIGINT,
    ended BIGINT,
    workers TEXT NOT NULL,
    PRIMARY KEY (job_id, number)
);

-- A job's history; `sequence` counts from 1 in each job and has no gaps.
CREATE TABLE job_events (
    job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    sequence BIGINT NOT NULL,
    time BIGINT NOT NULL,
    kind TEXT NOT NULL,
    reason TEXT NOT NULL,
    message TEXT NOT NULL,
    actor TEXT NOT NULL,
    PRIMARY KEY (job_id, sequence)
);

-- Which request made which job. The job may be gone: the key still answers with its id until it is forgotten.
CREATE TABLE idempotency_keys (
    project TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    body_hash TEXT NOT NULL,
    job_id TEXT NOT NULL,
    created BIGINT NOT NULL,
    PRIMARY KEY (project, idempotency_key)
);

CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created);
