-- The same for SQLite and PostgreSQL. Times are milliseconds since 1970.

CREATE TABLE installation (
  name  TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
);

CREATE TABLE clusters (
  id                   TEXT   NOT NULL PRIMARY KEY,
  name                 TEXT   NOT NULL UNIQUE,
  created              BIGINT NOT NULL,
  driver               TEXT   NOT NULL,  -- empty until an agent has connected
  api_endpoint         TEXT   NOT NULL,
  private_registry_url TEXT   NOT NULL,
  agent_image_override TEXT   NOT NULL,
  private_ca           TEXT   NOT NULL,  -- PEM
  agent_env_vars       TEXT   NOT NULL,  -- JSON: [{"name","value"}]
  kubernetes_version   TEXT   NOT NULL,  -- JSON, as the API server's /version has it
  provider             TEXT   NOT NULL,
  manifest_fetched     BIGINT NOT NULL,  -- when last; 0: never
  last_contact         BIGINT NOT NULL,  -- of its agent; 0: never
  last_address         TEXT   NOT NULL
);

-- Of a token only its SHA-256 is kept, in hex.
CREATE TABLE registration_tokens (
  id            TEXT   NOT NULL PRIMARY KEY,
  cluster_id    TEXT   NOT NULL REFERENCES clusters (id) ON DELETE CASCADE,
  hash          TEXT   NOT NULL UNIQUE,
  created       BIGINT NOT NULL,
  expires       BIGINT NOT NULL,
  grace_expires BIGINT NOT NULL,
  revoked       BIGINT NOT NULL           -- when; 0: it is not
);
CREATE INDEX registration_tokens_of_cluster ON registration_tokens (cluster_id);

CREATE TABLE conditions (
  cluster_id      TEXT   NOT NULL REFERENCES clusters (id) ON DELETE CASCADE,
  type            TEXT   NOT NULL,
  status          TEXT   NOT NULL,
  reason          TEXT   NOT NULL,
  message         TEXT   NOT NULL,
  updated         BIGINT NOT NULL,
  last_transition BIGINT NOT NULL,
  PRIMARY KEY (cluster_id, type)
);

-- What conditions were, oldest first by number.
CREATE TABLE condition_changes (
  cluster_id TEXT   NOT NULL REFERENCES clusters (id) ON DELETE CASCADE,
  number     BIGINT NOT NULL,
  changed    BIGINT NOT NULL,
  type       TEXT   NOT NULL,
  status     TEXT   NOT NULL,
  reason     TEXT   NOT NULL,
  message    TEXT   NOT NULL,
  PRIMARY KEY (cluster_id, number)
);

CREATE TABLE reports (
  cluster_id TEXT   NOT NULL PRIMARY KEY REFERENCES clusters (id) ON DELETE CASCADE,
  received   BIGINT NOT NULL,
  missed     BIGINT NOT NULL,
  tag        TEXT   NOT NULL,             -- instance and sequence
  report     TEXT   NOT NULL              -- as it came
);

-- One row a minute and cluster; what was not reported is null. CPU in thousandths, memory in bytes.
CREATE TABLE samples (
  cluster_id            TEXT   NOT NULL REFERENCES clusters (id) ON DELETE CASCADE,
  minute                BIGINT NOT NULL,  -- since 1970
  nodes                 BIGINT,
  pods                  BIGINT,
  cpu_used_milli        BIGINT,
  cpu_requested_milli   BIGINT,
  cpu_allocatable_milli BIGINT,
  memory_used           BIGINT,
  memory_requested      BIGINT,
  memory_allocatable    BIGINT,
  PRIMARY KEY (cluster_id, minute)
);
