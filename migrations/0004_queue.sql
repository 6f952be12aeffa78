-- The queue: since when a job waits for its turn (its making, or its last restart by a person), and an index that tells
-- alone which of the jobs on their way have changed.

ALTER TABLE jobs ADD COLUMN queued BIGINT NOT NULL DEFAULT 0;

UPDATE jobs SET queued = created;

DROP INDEX jobs_by_status;
CREATE INDEX jobs_by_status ON jobs (status, created, id, row_version);
