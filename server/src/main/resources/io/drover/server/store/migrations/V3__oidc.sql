-- Who somebody is at another server that he signs in by: its issuer, a space, and what it calls him.
-- Such a user has no password: his column is empty.

ALTER TABLE users ADD COLUMN subject TEXT;

CREATE UNIQUE INDEX users_by_subject ON users (subject);
