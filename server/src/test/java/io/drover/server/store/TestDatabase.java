package io.drover.server.store;

import java.io.IOException;
import java.nio.file.Path;
import java.sql.SQLException;

/** Both kinds of database, so that a test runs on each. */
enum TestDatabase {
  SQLITE,
  POSTGRESQL;

  /** The URL of an empty one. */
  String url(Path directory) throws SQLException {
    return switch (this) {
      case SQLITE -> Database.fileIn(directory);
      case POSTGRESQL -> Postgres.newDatabase();
    };
  }

  /** An empty one. */
  Database open(Path directory) throws IOException, SQLException {
    return Database.open(url(directory));
  }
}
