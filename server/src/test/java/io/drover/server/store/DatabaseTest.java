package io.drover.server.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.JdbiException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@Timeout(120)
class DatabaseTest {
  @TempDir private Path directory;

  private static int insert(Handle handle, String name, String value) {
    return handle.execute("INSERT INTO installation (name, value) VALUES (?, ?)", name, value);
  }

  private static String value(Handle handle, String name) {
    return handle
        .createQuery("SELECT value FROM installation WHERE name = ?")
        .bind(0, name)
        .mapTo(String.class)
        .findOne()
        .orElse("");
  }

  @ParameterizedTest
  @EnumSource
  void whatIsWrittenIsThereWhenItIsOpenedAgain(TestDatabase kind) throws Exception {
    var url = kind.url(directory);
    try (var database = Database.open(url)) {
      assertThat(database.<Integer, RuntimeException>write(to -> insert(to, "a", "1"))).isOne();
    }

    try (var database = Database.open(url)) {
      assertThat(database.<String, RuntimeException>read(from -> value(from, "a"))).isEqualTo("1");
    }
  }

  @ParameterizedTest
  @EnumSource
  void transactionThatFailsLeavesNothing(TestDatabase kind) throws Exception {
    try (var database = kind.open(directory)) {
      assertThatThrownBy(
              () ->
                  database.write(
                      to -> {
                        insert(to, "a", "1");
                        throw new IOException("no");
                      }))
          .isInstanceOf(IOException.class)
          .hasMessage("no");

      assertThat(database.<String, RuntimeException>read(from -> value(from, "a"))).isEmpty();
    }
  }

  @ParameterizedTest
  @EnumSource
  void manyWritersAtOneTimeLoseNothing(TestDatabase kind) throws Exception {
    int writers = 6;
    int each = 20;
    try (var database = kind.open(directory);
        var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      database.<Integer, RuntimeException>write(to -> insert(to, "count", "0"));
      var tasks = new ArrayList<Future<?>>();
      for (int writer = 0; writer < writers; writer++) {
        tasks.add(
            threads.submit(
                () -> {
                  for (int i = 0; i < each; i++) {
                    database.<Integer, RuntimeException>write(DatabaseTest::countOn);
                  }
                }));
      }
      for (var task : tasks) {
        task.get();
      }

      assertThat(database.<String, RuntimeException>read(from -> value(from, "count")))
          .isEqualTo(Integer.toString(writers * each));
    }
  }

  private static int countOn(Handle handle) {
    int next = Integer.parseInt(value(handle, "count")) + 1;
    return handle.execute("UPDATE installation SET value = ? WHERE name = 'count'", "" + next);
  }

  @ParameterizedTest
  @EnumSource
  void keyThatIsThereAlreadyIsToldWithoutItsValue(TestDatabase kind) throws Exception {
    try (var database = kind.open(directory)) {
      database.<Integer, RuntimeException>write(to -> insert(to, "hidden-key", "1"));

      assertThatThrownBy(
              () ->
                  database.<Integer, RuntimeException>write(
                      to -> insert(to, "hidden-key", "hidden-value")))
          .isInstanceOfSatisfying(
              DatabaseException.class, e -> assertThat(e.isDuplicate()).isTrue())
          .hasMessageStartingWith("database: ")
          .hasMessageNotContaining("hidden")
          .rootCause()
          .hasMessageNotContaining("hidden");
    }
  }

  @ParameterizedTest
  @EnumSource
  void conflictIsTriedAgainAsOftenAsTheLimitSays(TestDatabase kind) throws Exception {
    try (var database = kind.open(directory)) {
      var attempts = new AtomicInteger();

      assertThatThrownBy(
              () ->
                  database.<Integer, RuntimeException>write(
                      _ -> {
                        attempts.incrementAndGet();
                        throw new JdbiException(new SQLException("in the way", "40001")) {
                          private static final long serialVersionUID = 1L;
                        };
                      }))
          .isInstanceOf(DatabaseException.class)
          .hasMessage("database: in the way");

      assertThat(attempts).hasValue(Database.ATTEMPTS);
    }
  }

  @ParameterizedTest
  @EnumSource
  void tablesOfANewerServerAreRefused(TestDatabase kind) throws Exception {
    var url = kind.url(directory);
    try (var database = Database.open(url)) {
      database.<Integer, RuntimeException>write(
          to ->
              to.execute(
                  "INSERT INTO flyway_schema_history (installed_rank, version, description, type,"
                      + " script, checksum, installed_by, execution_time, success) VALUES (999,"
                      + " '999', 'later', 'SQL', 'V999__later.sql', 1, 'x', 1, true)"));
    }

    assertThatThrownBy(() -> Database.open(url))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("cannot be brought up to date")
        .hasMessageContaining("999");
  }

  @Test
  void readersOfTheFileCannotWrite() throws Exception {
    try (var database = TestDatabase.SQLITE.open(directory)) {
      assertThatThrownBy(
              () -> database.<Integer, RuntimeException>read(from -> insert(from, "a", "1")))
          .isInstanceOf(DatabaseException.class)
          .hasMessageContaining("readonly");
    }
  }

  @Test
  void fileIsForItsOwnerOnlyAndInWalMode() throws Exception {
    try (var database = TestDatabase.SQLITE.open(directory)) {
      database.<Integer, RuntimeException>write(to -> insert(to, "a", "1"));
      assertThat(database.<String, RuntimeException>read(from -> pragma(from, "journal_mode")))
          .isEqualTo("wal");
      assertThat(database.<String, RuntimeException>write(to -> pragma(to, "synchronous")))
          .as("FULL")
          .isEqualTo("2");
      for (var name : new String[] {"drover.db", "drover.db-wal"}) {
        assertThat(
                PosixFilePermissions.toString(
                    Files.getPosixFilePermissions(directory.resolve(name))))
            .as(name)
            .isEqualTo("rw-------");
      }
    }
  }

  private static String pragma(Handle handle, String name) {
    return handle.createQuery("PRAGMA " + name).mapTo(String.class).one();
  }

  @Test
  void whoWaitsTooLongForItsTurnIsTold() throws Exception {
    try (var database = Database.open(Database.fileIn(directory), Duration.ofMillis(300));
        var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      var inside = new CountDownLatch(1);
      var leave = new CountDownLatch(1);
      var first =
          threads.submit(
              () ->
                  database.<Integer, InterruptedException>write(
                      to -> {
                        insert(to, "a", "1");
                        inside.countDown();
                        leave.await();
                        return 0;
                      }));
      inside.await();

      assertThatThrownBy(
              () -> database.<Integer, RuntimeException>write(to -> insert(to, "b", "1")))
          .isInstanceOf(DatabaseException.class);
      assertThat(database.<String, RuntimeException>read(from -> value(from, "a")))
          .as("who reads waits for nobody")
          .isEmpty();

      leave.countDown();
      first.get();
    }
  }

  @ParameterizedTest
  @EnumSource
  void whatKilledServersLeftOfTheLibraryGoesAndOnlySqliteNeedsIt(TestDatabase kind)
      throws Exception {
    var library = Files.createDirectory(directory.resolve(Database.LIBRARY_DIRECTORY));
    var left = Files.createFile(library.resolve("sqlite-3.0.0-1-libsqlitejdbc.so"));
    var lock = Files.createFile(library.resolve("sqlite-3.0.0-1-libsqlitejdbc.so.lck"));
    var others = Files.createFile(library.resolve("other"));
    boolean isSqlite = kind == TestDatabase.SQLITE;

    kind.open(directory).close();

    assertThat(Files.notExists(left)).isEqualTo(isSqlite);
    assertThat(Files.notExists(lock)).isEqualTo(isSqlite);
    assertThat(others).exists();
  }

  @Test
  void urlOfAnotherKindOrWithAPasswordIsRefusedWithARemedy() {
    assertThatThrownBy(() -> Database.open("jdbc:mysql://h/x"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("jdbc:sqlite:FILE or jdbc:postgresql://HOST/NAME");
    assertThatThrownBy(() -> Database.open("jdbc:postgresql://h/x?password=hunter2"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("PGPASSFILE")
        .hasMessageNotContaining("hunter2");
  }

  @Test
  void whatIsNoDatabaseIsAnErrorAndStays() throws Exception {
    var file = directory.resolve("drover.db");
    Files.writeString(file, "this is no database, and long enough to be looked at".repeat(20));

    assertThatThrownBy(() -> Database.open(Database.fileIn(directory)))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("cannot be opened");

    assertThat(file).content().startsWith("this is no database");
  }

  @Test
  void unreachableServerIsAnIoException() {
    assertThatThrownBy(
            () -> Database.open("jdbc:postgresql://127.0.0.1:1/x?user=u", Duration.ofMillis(500)))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("cannot be opened");
  }
}
