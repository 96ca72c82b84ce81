package io.drover.server.store;

import java.sql.SQLException;
import org.jspecify.annotations.Nullable;

/**
 * The database refused, or was not there. The message is for the operator and has no value that was
 * read or written.
 */
public final class DatabaseException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  DatabaseException(String message, Throwable cause) {
    super(message, cause);
  }

  /** By the database's own words, which are the last cause. */
  static DatabaseException of(RuntimeException problem) {
    var sql = sqlCause(problem);
    return new DatabaseException(
        "database: " + (sql == null ? problem : sql).getMessage(), problem);
  }

  /** Whether a row with the same key is there already. */
  public boolean isDuplicate() {
    var sql = sqlCause(this);
    return sql != null
        && ("23505".equals(sql.getSQLState()) // PostgreSQL: unique_violation
            || String.valueOf(sql.getMessage()).contains("SQLITE_CONSTRAINT_UNIQUE")
            || String.valueOf(sql.getMessage()).contains("SQLITE_CONSTRAINT_PRIMARYKEY"));
  }

  /** Whether the same once more may do: another transaction was in the way. */
  static boolean isConflict(Throwable problem) {
    var sql = sqlCause(problem);
    return sql != null
        // PostgreSQL: serialization_failure, deadlock_detected.
        && ("40001".equals(sql.getSQLState()) || "40P01".equals(sql.getSQLState()));
  }

  private static @Nullable SQLException sqlCause(Throwable problem) {
    for (Throwable cause = problem; cause != null; cause = cause.getCause()) {
      if (cause instanceof SQLException sql) {
        return sql;
      }
    }
    return null;
  }
}
