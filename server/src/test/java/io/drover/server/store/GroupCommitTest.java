package io.drover.server.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.HandleCallback;
import org.jdbi.v3.core.Jdbi;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class GroupCommitTest {
  private static final Duration LONG = Duration.ofMinutes(1);

  @TempDir private Path directory;

  private final AtomicInteger transactions = new AtomicInteger();
  private final CountDownLatch inside = new CountDownLatch(1);
  private final CountDownLatch leave = new CountDownLatch(1);
  private Jdbi jdbi;
  private Handle kept;

  @BeforeEach
  void open() {
    jdbi = Jdbi.create("jdbc:sqlite:" + directory.resolve("test.db"));
    kept = jdbi.open();
    kept.execute("CREATE TABLE words (word TEXT PRIMARY KEY)");
  }

  @AfterEach
  void close() {
    kept.close();
  }

  private GroupCommit group(Duration limit) {
    return new GroupCommit(
        new Transactions() {
          @Override
          public <T, X extends Exception> T run(HandleCallback<T, X> work) throws X {
            transactions.incrementAndGet();
            return jdbi.inTransaction(work);
          }
        },
        limit);
  }

  private static int insert(Handle handle, String word) {
    return handle.execute("INSERT INTO words VALUES (?)", word);
  }

  private List<String> words() {
    return kept.createQuery("SELECT word FROM words ORDER BY word").mapTo(String.class).list();
  }

  /** Somebody who is at it until {@link #leave}. */
  private int slow(Handle handle) throws InterruptedException {
    inside.countDown();
    leave.await();
    return insert(handle, "slow");
  }

  /** Waits until so many wait for one who is at it. */
  private static void await(Thread[] threads) throws InterruptedException {
    for (var thread : threads) {
      while (thread.getState() != Thread.State.TIMED_WAITING) {
        Thread.onSpinWait();
        if (!thread.isAlive()) {
          throw new AssertionError(thread + " does not wait");
        }
      }
    }
  }

  @Test
  void thoseWhoWaitAreWrittenTogether() throws Exception {
    int many = GroupCommit.MAX_TOGETHER + 10;
    var group = group(LONG);
    try (var executor = Executors.newCachedThreadPool()) {
      var first = executor.submit(() -> group.run(this::slow));
      inside.await();
      var threads = new Thread[many];
      var tasks = new ArrayList<Future<Integer>>();
      var started = new CountDownLatch(many);
      for (int i = 0; i < many; i++) {
        int number = i;
        tasks.add(
            executor.submit(
                () -> {
                  threads[number] = Thread.currentThread();
                  started.countDown();
                  return group.run(
                      handle -> insert(handle, "word %03d".formatted(number)) + number);
                }));
      }
      started.await();
      await(threads);
      leave.countDown();

      assertThat(first.get()).isOne();
      for (int i = 0; i < many; i++) {
        assertThat(tasks.get(i).get()).isEqualTo(1 + i);
      }
    }
    assertThat(words()).hasSize(many + 1);
    assertThat(transactions).as("the first, a full one, and the rest").hasValue(3);
  }

  @Test
  void whoFailsFailsAlone() throws Exception {
    var group = group(LONG);
    try (var executor = Executors.newCachedThreadPool()) {
      var first = executor.submit(() -> group.run(this::slow));
      inside.await();
      var threads = new Thread[3];
      var started = new CountDownLatch(threads.length);
      var good = executor.submit(() -> go(group, threads, 0, started, to -> insert(to, "good")));
      var bad =
          executor.submit(
              () ->
                  go(
                      group,
                      threads,
                      1,
                      started,
                      to -> {
                        insert(to, "bad");
                        throw new IOException("no");
                      }));
      var better = executor.submit(() -> go(group, threads, 2, started, to -> insert(to, "well")));
      started.await();
      await(threads);
      leave.countDown();

      first.get();
      assertThat(good.get()).isOne();
      assertThat(better.get()).isOne();
      assertThatThrownBy(bad::get)
          .isInstanceOf(ExecutionException.class)
          .cause()
          .isInstanceOf(IOException.class)
          .hasMessage("no");
    }
    assertThat(words()).containsExactly("good", "slow", "well");
  }

  private static int go(
      GroupCommit group,
      Thread[] threads,
      int number,
      CountDownLatch started,
      HandleCallback<Integer, IOException> work)
      throws IOException {
    threads[number] = Thread.currentThread();
    started.countDown();
    return group.run(work);
  }

  @Test
  void whoGivesUpWritesNothing() throws Exception {
    var group = group(Duration.ofMillis(50));
    try (var executor = Executors.newCachedThreadPool()) {
      var first = executor.submit(() -> group.run(this::slow));
      inside.await();

      assertThatThrownBy(() -> group.run(to -> insert(to, "late")))
          .isInstanceOf(DatabaseException.class)
          .hasMessage("database: no turn to write in 50 ms");
      leave.countDown();
      first.get();
    }
    assertThat(group.<Integer, RuntimeException>run(to -> insert(to, "next"))).isOne();
    assertThat(words()).containsExactly("next", "slow");
  }
}
