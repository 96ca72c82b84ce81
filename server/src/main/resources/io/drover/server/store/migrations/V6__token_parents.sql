-- Which token has made a token, if it was one; the latter ends with it.

ALTER TABLE api_tokens ADD COLUMN parent_id TEXT REFERENCES api_tokens (id) ON DELETE CASCADE;

CREATE INDEX api_tokens_of_parent ON api_tokens (parent_id);
