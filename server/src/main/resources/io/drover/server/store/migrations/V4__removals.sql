-- Clusters that somebody has removed, until their agents are gone.

CREATE TABLE removals (
  cluster_id TEXT   NOT NULL PRIMARY KEY REFERENCES clusters (id) ON DELETE CASCADE,
  asked      BIGINT NOT NULL,
  job        TEXT   NOT NULL,  -- its name, in namespace default
  job_made   BIGINT NOT NULL,  -- 1 once it is in the cluster, with its rights
  agent_seen BIGINT NOT NULL   -- when its agent was last connected
);
