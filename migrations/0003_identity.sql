-- Which data directory this database belongs to, so that a copy of it that is opened in another one is known as such.

CREATE TABLE data_directory (
    identity TEXT NOT NULL PRIMARY KEY
);
