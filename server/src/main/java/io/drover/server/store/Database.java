package io.drover.server.store;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.locks.LockSupport;
import org.flywaydb.core.Flyway;
import org.flywaydb.core.api.FlywayException;
import org.jdbi.v3.core.HandleCallback;
import org.jdbi.v3.core.Jdbi;
import org.jdbi.v3.core.JdbiException;
import org.jdbi.v3.core.statement.StatementExceptions;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Where everything that must last is kept: one SQLite file, or a PostgreSQL that several servers
 * share. The SQL is the same for both: {@code TEXT}, {@code BIGINT} (times are milliseconds since
 * 1970, yes is 1) and what both know. Tables are made by numbered scripts, in {@code migrations}
 * beside this class; one that was released is never changed, the next comes after it.
 *
 * <p>Methods wait for the disk or the network. What {@link #write} has returned from survives a
 * {@code kill -9} and a power cut.
 */
public final class Database implements AutoCloseable {
  /** Connections at one time; on SQLite, those that read. */
  static final int CONNECTIONS = 8;

  /** How long a transaction may wait for its turn. */
  static final Duration BUSY_LIMIT = Duration.ofSeconds(10);

  /** How often a transaction is tried that others get in the way of. */
  static final int ATTEMPTS = 20;

  /** The longest pause before the next attempt; they are random, so that two do not meet again. */
  static final Duration LONGEST_PAUSE = Duration.ofMillis(50);

  /** The file in the server's directory. */
  static final String FILE = "drover.db";

  /** Beside that file: what SQLite's driver unpacks its library to. */
  static final String LIBRARY_DIRECTORY = "native";

  /** As the driver names its library, and the file that says that it is in use. */
  private static final String LIBRARY = "sqlite-*";

  private static final String SQLITE = "jdbc:sqlite:";
  private static final String POSTGRESQL = "jdbc:postgresql:";
  private static final String MIGRATIONS = "classpath:io/drover/server/store/migrations";
  private static final Logger log = LoggerFactory.getLogger(Database.class);

  private final List<HikariDataSource> pools;
  private final Jdbi reader;
  private final Transactions writer;

  /** PostgreSQL: many write at one time, and it waits for the disk for all of them together. */
  private Database(HikariDataSource pool) {
    this.pools = List.of(pool);
    this.reader = jdbi(pool);
    this.writer = transactions(reader);
  }

  /** SQLite, which has one writer at a time. */
  private Database(HikariDataSource readers, HikariDataSource writers, Duration busyLimit) {
    this.pools = List.of(readers, writers);
    this.reader = jdbi(readers);
    this.writer = new GroupCommit(transactions(jdbi(writers)), busyLimit);
  }

  private static Transactions transactions(Jdbi jdbi) {
    return new Transactions() {
      @Override
      public <T, X extends Exception> T run(HandleCallback<T, X> work) throws X {
        return Database.run(jdbi, work);
      }
    };
  }

  /** The URL of the file in a server's directory. */
  public static String fileIn(Path directory) {
    return SQLITE + directory.resolve(FILE);
  }

  /**
   * Opens a database and brings its tables up to date.
   *
   * @param url {@code jdbc:sqlite:FILE}, made if it is not there, or {@code jdbc:postgresql://...}
   * @throws IllegalArgumentException if the URL is of another kind, or has a password in it
   * @throws IOException if it cannot be reached, or its tables are of a newer server
   */
  public static Database open(String url) throws IOException {
    return open(url, BUSY_LIMIT);
  }

  static Database open(String url, Duration busyLimit) throws IOException {
    if (url.startsWith(SQLITE)) {
      return openFile(url, busyLimit);
    } else if (!url.startsWith(POSTGRESQL)) {
      throw new IllegalArgumentException(
          "database URL must be jdbc:sqlite:FILE or jdbc:postgresql://HOST/NAME: " + url);
    } else if (url.contains("password=")) {
      // Command lines and logs are read by more people than the file is.
      throw new IllegalArgumentException(
          "database URL must have no password; put it into a file as psql reads it (PGPASSFILE)");
    }
    return migrated(
        url,
        () -> {
          return new Database(pool(postgresql(url), busyLimit));
        });
  }

  private static Database openFile(String url, Duration busyLimit) throws IOException {
    var file = Path.of(url.substring(SQLITE.length()));
    if (!Files.exists(file)) {
      // The files that SQLite puts beside have the same mode.
      Files.createFile(
          file, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    }
    makeRoomForLibrary(file.toAbsolutePath().resolveSibling(LIBRARY_DIRECTORY));
    return migrated(
        url,
        () -> {
          var writers = pool(sqlite(url, 1, "IMMEDIATE", busyLimit), busyLimit);
          var readers = sqlite(url, CONNECTIONS, "DEFERRED", busyLimit);
          readers.setConnectionInitSql("PRAGMA query_only = true");
          return new Database(pool(readers, busyLimit), writers, busyLimit);
        });
  }

  /**
   * The driver unpacks its library anew in each process, and removes it when that ends by itself;
   * left to itself it does so in the system's temporary directory, which may be read-only, and
   * whatever was killed leaves a copy there. In a process that has loaded it this changes nothing.
   */
  private static void makeRoomForLibrary(Path directory) throws IOException {
    Files.createDirectories(
        directory,
        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    try (var left = Files.newDirectoryStream(directory, LIBRARY)) {
      for (var file : left) {
        Files.deleteIfExists(file); // whoever has loaded it keeps it
      }
    }
    System.setProperty("org.sqlite.tmpdir", directory.toString());
  }

  private interface Opening {
    Database open();
  }

  private static Database migrated(String url, Opening opening) throws IOException {
    Database database;
    try {
      database = opening.open();
    } catch (RuntimeException e) { // the pool's, whose class differs by cause
      throw new IOException(
          "database cannot be opened: " + DatabaseException.of(e).getMessage(), e);
    }
    try {
      var outcome =
          Flyway.configure()
              // Not the pool's: it takes two connections, and of those that write there is one.
              .dataSource(url, null, null)
              .locations(MIGRATIONS)
              .ignoreMigrationPatterns(new String[0]) // those of a newer server, too
              .failOnMissingLocations(true)
              .load()
              .migrate();
      if (outcome.migrationsExecuted > 0) {
        log.info("database migrated: version={}", outcome.targetSchemaVersion);
      }
      return database;
    } catch (FlywayException e) {
      database.close();
      throw new IOException("database's tables cannot be brought up to date: " + e.getMessage(), e);
    }
  }

  private static HikariConfig sqlite(
      String url, int connections, String transactions, Duration busyLimit) {
    var config = new HikariConfig();
    config.setPoolName("database-" + transactions.toLowerCase(Locale.ROOT));
    config.setJdbcUrl(url);
    config.setMaximumPoolSize(connections);
    config.addDataSourceProperty("journal_mode", "WAL");
    config.addDataSourceProperty("synchronous", "FULL"); // each commit waits for the disk
    config.addDataSourceProperty("foreign_keys", "true");
    config.addDataSourceProperty("temp_store", "MEMORY"); // needs no other directory
    config.addDataSourceProperty("busy_timeout", Long.toString(busyLimit.toMillis()));
    config.addDataSourceProperty("transaction_mode", transactions);
    return config;
  }

  private static HikariConfig postgresql(String url) {
    var config = new HikariConfig();
    config.setPoolName("database");
    config.setJdbcUrl(url);
    config.setMaximumPoolSize(CONNECTIONS);
    config.setTransactionIsolation("TRANSACTION_SERIALIZABLE"); // as SQLite's always are
    config.addDataSourceProperty("ApplicationName", "drover-server");
    config.addDataSourceProperty("logServerErrorDetail", "false"); // it has values in it
    config.addDataSourceProperty("tcpKeepAlive", "true");
    config.addDataSourceProperty("socketTimeout", "60"); // seconds
    return config;
  }

  private static HikariDataSource pool(HikariConfig config, Duration busyLimit) {
    config.setConnectionTimeout(busyLimit.toMillis());
    config.setMinimumIdle(1);
    return new HikariDataSource(config);
  }

  private static Jdbi jdbi(HikariDataSource pool) {
    var jdbi = Jdbi.create(pool);
    jdbi.getConfig(StatementExceptions.class) // else they have values in them
        .setMessageRendering(StatementExceptions.MessageRendering.NONE);
    return jdbi;
  }

  /**
   * Asks, within one transaction: all answers are of one moment. May run {@code work} again.
   *
   * @throws DatabaseException if the database refuses, or is not there
   */
  public <T, X extends Exception> T read(HandleCallback<T, X> work) throws X {
    return run(reader, work);
  }

  /**
   * Changes something, within one transaction that no other gets in the way of; all of it is on the
   * disk when this returns, none of it if {@code work} or this throws. May run {@code work} again,
   * and in another thread; it must change nothing but the database, and must not come here again.
   *
   * @throws DatabaseException if the database refuses, or is not there
   */
  public <T, X extends Exception> T write(HandleCallback<T, X> work) throws X {
    return writer.run(work);
  }

  private static <T, X extends Exception> T run(Jdbi jdbi, HandleCallback<T, X> work) throws X {
    for (int attempt = 1; ; attempt++) {
      try {
        return jdbi.inTransaction(work);
      } catch (JdbiException e) {
        if (attempt == ATTEMPTS || !DatabaseException.isConflict(e)) {
          throw DatabaseException.of(e);
        }
        log.debug("transaction tried again: attempt={}", attempt);
        LockSupport.parkNanos(ThreadLocalRandom.current().nextLong(LONGEST_PAUSE.toNanos()));
      }
    }
  }

  /** Waits for no transaction: whoever is in one gets an exception. */
  @Override
  public void close() {
    pools.forEach(HikariDataSource::close);
  }
}
