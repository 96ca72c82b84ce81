package io.drover.server.store;

import java.io.IOException;
import java.nio.file.Path;

/** Both kinds of database, so that a test runs on each. */
enum TestDatabase {
  SQLITE,
  POSTGRESQL;

  /** The URL of an empty one. */
  String url(Path directory) throws IOException, InterruptedException {
    return switch (this) {
      case SQLITE -> Database.fileIn(directory);
      case POSTGRESQL -> Postgres.newDatabase();
    };
  }

  /** An empty one. */
  Database open(Path directory) throws IOException, InterruptedException {
    return Database.open(url(directory));
  }
}
