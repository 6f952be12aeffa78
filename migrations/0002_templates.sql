-- Templates: archiving, comments of versions, and the evidence of their use.

ALTER TABLE templates ADD COLUMN archived BOOLEAN NOT NULL DEFAULT FALSE;

-- Lists are answered from memory, which is read from the rows at every start: no row need be found by a part of its
-- name or by its age.
DROP INDEX templates_by_age;
ALTER TABLE templates DROP COLUMN name_folded;

-- Counts that only rise: what was made once was made, also when the job is deleted.
ALTER TABLE templates ADD COLUMN jobs_made BIGINT NOT NULL DEFAULT 0;
ALTER TABLE templates ADD COLUMN last_used BIGINT;

UPDATE templates SET
    jobs_made = (SELECT count(*) FROM jobs WHERE jobs.template_id = templates.id),
    last_used = (SELECT max(jobs.created) FROM jobs WHERE jobs.template_id = templates.id);

ALTER TABLE template_versions ADD COLUMN comment TEXT;

-- What deleted jobs say about the template that they were made from; of jobs that exist their own rows say it.
-- `waited_ms` is missing where the job never started, `ran_ms` where it never ran to an end.
CREATE TABLE template_uses (
    template_id TEXT NOT NULL REFERENCES templates (id) ON DELETE CASCADE,
    version BIGINT NOT NULL,
    status TEXT NOT NULL,
    made BIGINT NOT NULL,
    waited_ms BIGINT,
    ran_ms BIGINT
);

CREATE INDEX template_uses_by_template ON template_uses (template_id);

-- For the list of a template's jobs and its evidence: both are read from the index alone.
CREATE INDEX jobs_by_template ON jobs (
    template_id, created DESC, id DESC, project, status, centre, name_folded, template_version, started, ended, ran_ms
) WHERE template_id IS NOT NULL;
