package io.drover.server.store;

import java.util.function.Predicate;
import org.jdbi.v3.core.Handle;

/**
 * Which clusters this server looks after. Where several share a database, each cluster is looked
 * after by one: that at which its agent came in last; of clusters without such a one, the first of
 * all. Methods wait for the database, and throw {@link DatabaseException}.
 */
public interface Duty {
  /** There is no other server. */
  Duty ALONE =
      new Duty() {
        @Override
        public boolean isShared() {
          return false;
        }

        @Override
        public Predicate<String> mine() {
          return _ -> true;
        }

        @Override
        public boolean isMine(String clusterId) {
          return true;
        }

        @Override
        public boolean isMine(Handle handle, String clusterId) {
          return true;
        }
      };

  /** Whether there may be others, who write what this one reads. */
  boolean isShared();

  /** By a cluster's id; as it is at this moment. It reads all of them: for a look at many. */
  Predicate<String> mine();

  /** The same for one cluster. */
  boolean isMine(String clusterId);

  /** The same for one cluster, within a transaction: what that writes holds only if it is so. */
  boolean isMine(Handle handle, String clusterId);
}
