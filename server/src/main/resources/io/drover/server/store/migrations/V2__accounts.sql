-- Of a password its argon2id hash is kept; of a session's cookie and a token its SHA-256, in hex.

CREATE TABLE users (
  id       TEXT   NOT NULL PRIMARY KEY,
  username TEXT   NOT NULL UNIQUE,
  name     TEXT   NOT NULL,
  password TEXT   NOT NULL,
  admin    BIGINT NOT NULL,
  created  BIGINT NOT NULL
);

CREATE TABLE browser_sessions (
  hash    TEXT   NOT NULL PRIMARY KEY,
  user_id TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  csrf    TEXT   NOT NULL,
  created BIGINT NOT NULL,
  used    BIGINT NOT NULL
);

CREATE INDEX browser_sessions_of_user ON browser_sessions (user_id);

-- cluster_id is empty if it is good for all clusters.
CREATE TABLE api_tokens (
  id          TEXT   NOT NULL PRIMARY KEY,
  hash        TEXT   NOT NULL UNIQUE,
  user_id     TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  description TEXT   NOT NULL,
  cluster_id  TEXT   NOT NULL,
  read_only   BIGINT NOT NULL,
  created     BIGINT NOT NULL,
  expires     BIGINT NOT NULL
);

CREATE INDEX api_tokens_of_user ON api_tokens (user_id);

CREATE TABLE members (
  id         TEXT   NOT NULL PRIMARY KEY,
  cluster_id TEXT   NOT NULL REFERENCES clusters (id) ON DELETE CASCADE,
  user_id    TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  role       TEXT   NOT NULL,
  created    BIGINT NOT NULL,
  UNIQUE (cluster_id, user_id)
);

CREATE INDEX members_of_user ON members (user_id);
