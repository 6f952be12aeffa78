-- The engine of each centre, as the last server that had the centre in its configuration saved it. The jobs of a centre that
-- leaves the configuration are managed by that engine.

CREATE TABLE centre_engines (
    centre BIGINT NOT NULL PRIMARY KEY,
    engine TEXT NOT NULL
);

-- Every version before this step had the local engine only.
INSERT INTO centre_engines (centre, engine) SELECT DISTINCT centre, '{"engine":"local"}' FROM jobs;
