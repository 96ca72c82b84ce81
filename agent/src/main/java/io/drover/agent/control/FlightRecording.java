package io.drover.agent.control;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import jdk.jfr.Recording;
import jdk.jfr.RecordingState;
import org.jspecify.annotations.Nullable;

/**
 * A recording of Java's flight recorder: what used the processor, what was allocated, what was
 * waited for. It is started, and can be had when it is over. For one thread; another one may close.
 *
 * <p>Only the events of {@link #EVENTS} are recorded, none of which holds a value of ours: others
 * hold the environment, the command line or the messages of exceptions, where secrets may stand.
 * The recording is in the recorder's own memory until it is over, so that nothing is written but
 * the file itself.
 */
public final class FlightRecording implements AutoCloseable {
  /** How long one takes. */
  public static final Duration LENGTH = Duration.ofSeconds(30);

  /** Whose names are enough, with those of threads and methods, to see where time and memory go. */
  static final Map<String, String> EVENTS =
      Map.ofEntries(
          Map.entry("jdk.ExecutionSample", "period=20 ms"),
          Map.entry("jdk.ObjectAllocationSample", "throttle=50/s"),
          Map.entry("jdk.CPULoad", "period=1 s"),
          Map.entry("jdk.ThreadCPULoad", "period=5 s"),
          Map.entry("jdk.ThreadContextSwitchRate", "period=5 s"),
          Map.entry("jdk.JavaThreadStatistics", "period=1 s"),
          Map.entry("jdk.ResidentSetSize", "period=1 s"),
          Map.entry("jdk.ContainerCPUThrottling", "period=5 s"),
          Map.entry("jdk.ContainerMemoryUsage", "period=5 s"),
          Map.entry("jdk.GarbageCollection", "threshold=0 ms"),
          Map.entry("jdk.GCHeapSummary", ""),
          Map.entry("jdk.MetaspaceSummary", ""),
          Map.entry("jdk.ExecuteVMOperation", "threshold=10 ms"),
          Map.entry("jdk.Compilation", "threshold=100 ms"),
          Map.entry("jdk.JavaMonitorEnter", "threshold=10 ms"),
          Map.entry("jdk.VirtualThreadPinned", "threshold=10 ms"));

  private static final String NAME = "recording.jfr";

  private final Path parent;
  private final Duration length;
  private final AtomicReference<@Nullable Started> current = new AtomicReference<>();

  /** One that runs or has run, and where it will be. */
  private record Started(Recording recording, Path directory) {
    Path file() {
      return directory.resolve(NAME);
    }
  }

  /**
   * Records nothing yet.
   *
   * @param parent directory where there may be a file until it is fetched
   * @param length of a recording
   */
  public FlightRecording(Path parent, Duration length) {
    this.parent = parent;
    this.length = length;
  }

  /**
   * Starts one, which ends by itself. A former one that nobody fetched is gone.
   *
   * @throws IOException if one runs, or if none can be made; the message says why
   */
  public void start() throws IOException {
    var former = current.get();
    if (former != null && former.recording().getState() == RecordingState.RUNNING) {
      throw new IOException("a recording is under way, of " + length.toSeconds() + " s at most");
    }
    close();
    // Java insists on a place for what it could not hold in memory; a root may be read-only.
    System.setProperty("java.io.tmpdir", parent.toAbsolutePath().toString());
    var next = new Started(recording(), Files.createTempDirectory(parent, "recording"));
    current.set(next);
    next.recording().setToDisk(false);
    next.recording().setDestination(next.file().toAbsolutePath());
    next.recording().setDuration(length);
    next.recording().start();
  }

  /** Java may have come without the module, and may be told to have no recorder. */
  private static Recording recording() throws IOException {
    try {
      return new Recording(settings());
    } catch (IllegalStateException | LinkageError e) {
      throw new IOException("this Java has no flight recorder: " + e.getMessage(), e);
    }
  }

  private static Map<String, String> settings() {
    var settings = new HashMap<String, String>();
    EVENTS.forEach(
        (event, setting) -> {
          settings.put(event + "#enabled", "true");
          int equals = setting.indexOf('=');
          if (equals > 0) {
            settings.put(event + "#" + setting.substring(0, equals), setting.substring(equals + 1));
          }
        });
    return settings;
  }

  /**
   * The recording that is over, once.
   *
   * @return reads the file, which is gone when this is closed
   * @throws IOException if there is none, or not yet; the message says so
   */
  public InputStream open() throws IOException {
    var started = current.get();
    if (started == null) {
      throw new IOException("no recording was started");
    }
    if (started.recording().getState() == RecordingState.RUNNING) {
      throw new IOException("the recording is not over yet");
    }
    try {
      if (Files.size(started.file()) == 0) {
        throw new IOException("the recording could not be written to " + parent);
      }
      return Files.newInputStream(started.file()); // can be read after it is deleted
    } finally {
      close();
    }
  }

  /** Ends a recording that runs; what nobody fetched is gone. */
  @Override
  public void close() throws IOException {
    var former = current.getAndSet(null);
    if (former != null) {
      former.recording().close();
      Files.deleteIfExists(former.file());
      Files.deleteIfExists(former.directory());
    }
  }
}
