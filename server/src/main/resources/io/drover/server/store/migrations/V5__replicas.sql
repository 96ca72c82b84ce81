-- Servers that share this database and are one. A row goes when its server stops, or when another
-- one has seen no beat for a while; what that server held goes with it.

CREATE TABLE replicas (
  id           TEXT   NOT NULL PRIMARY KEY,  -- of one run of a server
  url          TEXT   NOT NULL,              -- where the others reach it
  certificates TEXT   NOT NULL,              -- PEM: what it shows there, or is about to
  token_hash   TEXT   NOT NULL,              -- of what it shows the others: SHA-256, in hex
  beats        BIGINT NOT NULL               -- goes up as long as it lives
);

CREATE TABLE tunnels (
  session_id TEXT   NOT NULL PRIMARY KEY,
  replica_id TEXT   NOT NULL REFERENCES replicas (id) ON DELETE CASCADE,
  cluster_id TEXT   NOT NULL REFERENCES clusters (id) ON DELETE CASCADE,
  kind       TEXT   NOT NULL,
  number     BIGINT NOT NULL                 -- of the cluster's, the newest has the highest
);

CREATE INDEX tunnels_of_cluster ON tunnels (cluster_id);
CREATE INDEX tunnels_of_replica ON tunnels (replica_id);

-- Who looks after a cluster: where its agent came in last. Of all others, it is the first replica.
CREATE TABLE keepers (
  cluster_id TEXT NOT NULL PRIMARY KEY REFERENCES clusters (id) ON DELETE CASCADE,
  replica_id TEXT NOT NULL REFERENCES replicas (id) ON DELETE CASCADE
);

CREATE INDEX keepers_of_replica ON keepers (replica_id);
