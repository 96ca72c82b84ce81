package io.drover.agent.control;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import jdk.jfr.EventType;
import jdk.jfr.FlightRecorder;
import jdk.jfr.FlightRecorderListener;
import jdk.jfr.Recording;
import jdk.jfr.RecordingState;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class FlightRecordingTest {
  private static final Duration SHORT = Duration.ofSeconds(1);
  private static final String CANARY = "canary-of-the-recording-4711";

  @TempDir private Path directory;

  private final String temporary = System.getProperty("java.io.tmpdir");

  private final CountDownLatch over = new CountDownLatch(1);
  private final FlightRecorderListener listener =
      new FlightRecorderListener() {
        @Override
        public void recordingStateChanged(Recording recording) {
          if (recording.getState() == RecordingState.STOPPED) {
            over.countDown();
          }
        }
      };

  @BeforeEach
  void listen() {
    FlightRecorder.addListener(listener);
  }

  @AfterEach
  void listenNoMore() {
    FlightRecorder.removeListener(listener);
    System.setProperty("java.io.tmpdir", temporary);
  }

  @Test
  void whatRanIsInTheRecordingAndNoSecretIs() throws Exception {
    System.setProperty("drover.canary", CANARY);
    byte[] bytes;
    try (var recording = new FlightRecording(directory, SHORT)) {
      recording.start();
      System.gc();
      assertThatThrownBy(FlightRecordingTest::fail).hasMessage(CANARY);
      over.await();
      try (var in = recording.open()) {
        bytes = in.readAllBytes();
      }
    } finally {
      System.clearProperty("drover.canary");
    }

    var events = RecordingFile.readAllEvents(Files.write(directory.resolve("copy.jfr"), bytes));
    assertThat(events)
        .extracting(event -> event.getEventType().getName())
        .contains("jdk.GarbageCollection")
        .isSubsetOf(FlightRecording.EVENTS.keySet());
    var raw = new String(bytes, ISO_8859_1);
    assertThat(raw).contains("System.gc()"); // texts stand there as they are
    var secrets = new ArrayList<String>(List.of(CANARY));
    secrets.add(System.getenv("PATH"));
    secrets.add(System.getProperty("java.class.path"));
    secrets.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
    assertThat(secrets).allSatisfy(secret -> assertThat(raw).doesNotContain(secret));
    assertThat(events.toString()).doesNotContain(secrets);
    Files.delete(directory.resolve("copy.jfr"));
    assertThat(directory).isEmptyDirectory();
  }

  private static void fail() throws IOException {
    throw new IOException(CANARY);
  }

  @Test
  void everyEventIsOneOfJava() {
    assertThat(FlightRecorder.getFlightRecorder().getEventTypes())
        .extracting(EventType::getName)
        .containsAll(FlightRecording.EVENTS.keySet());
  }

  @Test
  void oneRunsAtATimeAndIsHadOnce() throws Exception {
    try (var recording = new FlightRecording(directory, SHORT)) {
      assertThatThrownBy(recording::open).hasMessage("no recording was started");
      recording.start();
      assertThatThrownBy(recording::start)
          .isInstanceOf(IOException.class)
          .hasMessage("a recording is under way, of 1 s at most");
      assertThatThrownBy(recording::open)
          .isInstanceOf(IOException.class)
          .hasMessage("the recording is not over yet");
      over.await();
      recording.open().close();

      assertThatThrownBy(recording::open).hasMessage("no recording was started");
    }
  }

  @Test
  void recordingThatNobodyFetchedGoesWithTheNext() throws Exception {
    try (var recording = new FlightRecording(directory, SHORT)) {
      recording.start();
      over.await();
      recording.start();

      try (var files = Files.list(directory)) {
        assertThat(files).hasSize(1);
      }
    }
    assertThat(directory).isEmptyDirectory();
  }

  @Test
  void placeThatCannotBeWrittenIsNamed() {
    try (var recording = new FlightRecording(directory.resolve("none"), SHORT)) {
      assertThatThrownBy(recording::start)
          .isInstanceOf(IOException.class)
          .hasMessageContaining(directory.resolve("none").toString());
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }
}
