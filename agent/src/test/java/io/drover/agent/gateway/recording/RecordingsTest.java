package io.drover.agent.gateway.recording;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.drover.agent.gateway.recording.Recordings.Limits;
import io.drover.agent.reason.Reason;
import io.drover.steve.http.Fields;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class RecordingsTest {
  private static final Duration LONG = Duration.ofSeconds(30);

  @TempDir private Path directory;

  private Instant now = Instant.parse("2026-11-29T06:00:00Z");

  private Recordings recordings(long fileBytes, long bytes, int files, int sessions) {
    return new Recordings(
        directory,
        () -> now,
        System::nanoTime,
        new Limits(fileBytes, bytes, files, sessions, LONG));
  }

  private Recordings recordings() {
    return recordings(10_000, 100_000, 100, 10);
  }

  private static Session session() {
    return new Session(UUID.randomUUID().toString(), "jane: shop/web-0 exec", "sh", false);
  }

  private static Fields websocket(String protocol) {
    return new Fields().add("Upgrade", "websocket").add("Sec-WebSocket-Protocol", protocol);
  }

  private static byte[] passed(Recording recording, byte[] said) throws IOException {
    return recording.shown(new ByteArrayInputStream(said)).readAllBytes();
  }

  private List<String> names() throws IOException {
    try (var files = Files.list(directory)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"v5.channel.k8s.io", "v4.channel.k8s.io", "channel.k8s.io"})
  void sessionIsAFileThatOnlyItsOwnerReads(String protocol) throws Exception {
    var recordings = recordings();
    var recording = recordings.open(session());
    recording.begin(websocket(protocol), () -> {});
    var said = Wire.plain(1, "hello");
    assertThat(passed(recording, said)).isEqualTo(said);
    byte[] typed = Wire.masked(0, "secret");
    assertThat(recording.said(new ByteArrayInputStream(typed)).readAllBytes()).isEqualTo(typed);
    recording.close();

    assertThat(recording.cutShort()).isEmpty();
    var file = directory.resolve(recording.name());
    assertThat(recording.name()).startsWith("20261129T060000Z-").endsWith(".cast");
    assertThat(CastFile.read(file).events()).containsExactly("o hello");
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
        .isEqualTo("rw-------");
    assertThat(recordings.problem()).isEmpty();
  }

  @Test
  void spdyIsRecordedToo() throws Exception {
    var recording = recordings().open(session());
    recording.begin(new Fields().add("Upgrade", "SPDY/3.1"), () -> {});
    byte[] opened = new Wire.Spdy().open(5, "streamtype", "stdout");
    assertThat(recording.said(new ByteArrayInputStream(opened)).readAllBytes()).isEqualTo(opened);
    passed(recording, Wire.Spdy.data(5, "hello"));
    recording.close();

    assertThat(CastFile.read(directory.resolve(recording.name())).events())
        .containsExactly("o hello");
  }

  @Test
  void protocolThatIsNotKnownIsRefused() throws Exception {
    var recording = recordings().open(session());
    assertThatThrownBy(() -> recording.begin(websocket("v9.channel.k8s.io"), () -> {}))
        .isInstanceOf(IOException.class);
    assertThatThrownBy(
            () ->
                recording.begin(
                    websocket("v5.channel.k8s.io").add("Sec-WebSocket-Extensions", "deflate"),
                    () -> {}))
        .isInstanceOf(IOException.class);
    recording.close();
    assertThat(names()).as("there was no session").isEmpty();
  }

  /** Whatever comes behind does not pass. */
  @Test
  void sessionEndsWhereItCannotBeReadAnyMore() throws Exception {
    var recordings = recordings();
    var recording = recordings.open(session());
    var broken = new CountDownLatch(1);
    recording.begin(websocket("v5.channel.k8s.io"), broken::countDown);
    passed(recording, Wire.plain(1, "hello"));

    assertThatThrownBy(() -> passRepeatedly(recording, new byte[] {(byte) 0xff, 0}))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("cannot be recorded");
    broken.await(); // at once, whether more is said or not
    recording.close();
    assertThat(recording.cutShort()).hasValueSatisfying(why -> assertThat(why).contains("kind"));
    assertThat(CastFile.read(directory.resolve(recording.name())).events())
        .containsExactly("o hello");
    assertThat(recordings.problem()).as("that is not the directory's fault").isEmpty();
  }

  @Test
  void sessionEndsWhereItsFileIsFull() throws Exception {
    var recording = recordings(1_000, 100_000, 100, 10).open(session());
    recording.begin(websocket("v5.channel.k8s.io"), () -> {});

    assertThatThrownBy(() -> passRepeatedly(recording, Wire.plain(1, "x".repeat(100))))
        .isInstanceOf(IOException.class);
    recording.close();
    assertThat(recording.cutShort()).contains("the recording would have more than 1000 bytes");
    assertThat(Files.size(directory.resolve(recording.name()))).isBetween(500L, 1_000L);
  }

  private static void passRepeatedly(Recording recording, byte[] said) throws IOException {
    while (true) {
      passed(recording, said);
    }
  }

  @Test
  void noMoreThanSoManyAtOneTime() throws Exception {
    var recordings = recordings(10_000, 100_000, 100, 2);
    var first = recordings.open(session());
    recordings.open(session());
    assertThatThrownBy(() -> recordings.open(session()))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("2 sessions");
    first.close();

    assertThat(recordings.open(session()).name()).isNotEqualTo(first.name());
  }

  @Test
  void oldestGoWhenThereIsNoRoomAndNothingElseDoes() throws Exception {
    Files.writeString(directory.resolve("not-ours.cast"), "x".repeat(100_000));
    var old = "20200101T000000Z-" + UUID.randomUUID() + ".cast";
    var newer = "20210101T000000Z-" + UUID.randomUUID() + ".cast";
    Files.writeString(directory.resolve(old), "x".repeat(50_000));
    Files.writeString(directory.resolve(newer), "x".repeat(50_000));
    var recordings = recordings(10_000, 105_000, 100, 10);
    var one = recordings.open(session());
    assertThat(names()).containsExactly(newer, one.name(), "not-ours.cast");

    recordings(10_000, 1_000_000, 1, 10).open(session());
    assertThat(names()).doesNotContain(newer);
  }

  @Test
  void whatIsBeingWrittenIsNotDeleted() throws Exception {
    var recordings = recordings(10_000, 25_000, 100, 10);
    recordings.open(session());
    recordings.open(session());
    assertThatThrownBy(() -> recordings.open(session()))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("no room");
    assertThat(names()).hasSize(2);
  }

  @Test
  void directoryThatIsNotThereIsSaid() throws Exception {
    directory = directory.resolve("none");
    var recordings = recordings();
    assertThatThrownBy(() -> recordings.open(session())).isInstanceOf(IOException.class);
    assertThat(recordings.problem().orElseThrow())
        .satisfies(
            problem -> {
              assertThat(problem.reason()).isEqualTo(Reason.AUDIT_NOT_WRITTEN);
              assertThat(problem.text()).contains("there is no such directory");
            });

    Files.createDirectory(directory);
    recordings.open(session()).close();
    assertThat(recordings.problem()).isEmpty();
  }

  /** A disk that writes no more than a head before the latch opens. */
  private static ByteArrayOutputStream stuckDisk(CountDownLatch stuck) {
    return new ByteArrayOutputStream() {
      private boolean headWritten;

      @Override
      public synchronized void write(byte[] bytes, int offset, int length) {
        if (headWritten) {
          try {
            stuck.await();
          } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
          }
        }
        headWritten = true;
        super.write(bytes, offset, length);
      }
    };
  }

  /** As it is when the agent ends: the session's thread is interrupted, and then all is closed. */
  @Test
  void whoClosesItAgainWaitsEvenIfTheFirstWasInterrupted() throws Exception {
    var stuck = new CountDownLatch(1);
    var out = stuckDisk(stuck);
    var recording =
        new Recording(
            "one",
            new Cast(out, session(), now, 1_000_000),
            (_, _, _) -> {},
            System::nanoTime,
            Duration.ofMinutes(1));
    recording.begin(websocket("v5.channel.k8s.io"), () -> {});
    passed(recording, Wire.plain(1, "hello"));
    var first =
        Thread.ofPlatform()
            .start(
                () -> {
                  Thread.currentThread().interrupt();
                  recording.close();
                });
    first.join();

    var second = Thread.ofPlatform().start(recording::close);
    while (second.getState() != Thread.State.TIMED_WAITING) {
      assertThat(second.isAlive()).as("it waits").isTrue();
      Thread.onSpinWait();
    }
    stuck.countDown();
    second.join();

    assertThat(out.toString(UTF_8)).contains("\"o\",\"hello\"");
  }

  /** A disk that does not write: the session is held up, and ends after a while. */
  @Test
  void sessionThatOutrunsTheDiskEnds() throws Exception {
    var stuck = new CountDownLatch(1);
    var out = stuckDisk(stuck);
    var cast = new Cast(out, session(), now, 100L * Recording.MAX_WAITING_BYTES);
    var ended = new AtomicReference<String>();
    var recording =
        new Recording(
            "one",
            cast,
            (_, _, why) -> ended.set(String.valueOf(why)),
            System::nanoTime,
            Duration.ofMillis(50));
    recording.begin(websocket("v5.channel.k8s.io"), () -> {});

    assertThatThrownBy(() -> passRepeatedly(recording, Wire.plain(1, "x".repeat(10_000))))
        .isInstanceOf(IOException.class);
    assertThat(recording.cutShort()).hasValueSatisfying(why -> assertThat(why).contains("within"));
    stuck.countDown();
    recording.close();
  }

  @Test
  void closingWaitsForWhatIsLeft() throws Exception {
    var recordings = recordings(1_000_000, 10_000_000, 100, 10);
    var recording = recordings.open(session());
    recording.begin(websocket("v5.channel.k8s.io"), () -> {});
    for (int i = 0; i < 1_000; i++) {
      passed(recording, Wire.plain(1, "0123456789"));
    }
    recordings.close();

    var text = Files.readString(directory.resolve(recording.name()), UTF_8);
    assertThat(CastFile.read(text).events()).singleElement().asString().hasSize(2 + 10_000);
  }
}
