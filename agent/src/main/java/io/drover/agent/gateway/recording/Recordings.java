package io.drover.agent.gateway.recording;

import io.drover.agent.reason.Failure;
import io.drover.agent.reason.Problem;
import io.drover.agent.reason.Reason;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.LongSupplier;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A directory with a file for each session, of this agent alone. When it is full the oldest files
 * go. Any thread.
 */
public final class Recordings implements AutoCloseable {
  /** Of one file; the session ends with it. */
  static final long MAX_FILE_BYTES = 16L * 1024 * 1024;

  /** Of all, those that are being written counted as if they were full. */
  static final long MAX_BYTES = 1024L * 1024 * 1024;

  /** The same in files. */
  static final int MAX_FILES = 10_000;

  /** At one time. */
  static final int MAX_SESSIONS = 32;

  /**
   * What they may be.
   *
   * @param patience with a disk that is slow
   */
  record Limits(long fileBytes, long bytes, int files, int sessions, Duration patience) {
    static final Limits USUAL =
        new Limits(MAX_FILE_BYTES, MAX_BYTES, MAX_FILES, MAX_SESSIONS, Recording.WAIT);
  }

  private record Kept(Path path, long bytes) {}

  /** By its name the oldest is the first. */
  private static final Pattern NAME = Pattern.compile("\\d{8}T\\d{6}Z-[0-9a-f-]{36}\\.cast");

  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmss'Z'", Locale.ROOT).withZone(ZoneOffset.UTC);

  private static final Logger log = LoggerFactory.getLogger(Recordings.class);

  private final Path directory;
  private final Limits limits;
  private final InstantSource clock;
  private final LongSupplier nanoTime;
  private volatile @Nullable Problem problem;

  // Guarded by this; null: it is being opened.
  private final Map<String, @Nullable Recording> active = new HashMap<>();

  /** In a directory that is there when the first session begins. */
  public Recordings(Path directory, InstantSource clock) {
    this(directory, clock, System::nanoTime, Limits.USUAL);
  }

  Recordings(Path directory, InstantSource clock, LongSupplier nanoTime, Limits limits) {
    this.directory = directory;
    this.clock = clock;
    this.nanoTime = nanoTime;
    this.limits = limits;
  }

  /**
   * Whether it is likely that sessions can be recorded. Opens nothing.
   *
   * @throws Failure if they cannot
   */
  public static void requireWritable(Path directory) throws Failure {
    if (!Files.isDirectory(directory) || !Files.isWritable(directory)) {
      throw new Failure(
          Reason.AUDIT_NOT_WRITTEN,
          "sessions cannot be recorded: "
              + directory
              + (Files.isDirectory(directory) ? " cannot be written" : " is no directory"));
    }
  }

  /**
   * Begins a file.
   *
   * @throws IOException if the session cannot be recorded, for people
   */
  public Recording open(Session session) throws IOException {
    var now = clock.instant();
    String name = TIME.format(now) + "-" + session.id() + ".cast";
    synchronized (this) {
      if (active.size() >= limits.sessions()) {
        throw new IOException(limits.sessions() + " sessions are being recorded already");
      }
      if (active.containsKey(name)) {
        throw new IOException("this session is being recorded already");
      }
      active.put(name, null);
    }
    boolean opened = false;
    try {
      makeRoom();
      var file =
          FileChannel.open(
              directory.resolve(name),
              Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
              PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
      var out = new BufferedOutputStream(Channels.newOutputStream(file));
      Recording recording;
      try {
        var cast = new Cast(out, session, now, limits.fileBytes());
        cast.flush();
        recording = new Recording(name, cast, this::ended, nanoTime, limits.patience());
      } catch (IOException e) {
        file.close();
        throw e;
      }
      synchronized (this) {
        active.put(name, recording);
      }
      opened = true;
      problem = null;
      return recording;
    } catch (IOException e) {
      trouble(e);
      throw e;
    } finally {
      if (!opened) {
        forget(name);
      }
    }
  }

  private void ended(Recording recording, boolean used, @Nullable IOException failure) {
    if (!used) {
      // Of what the API server has refused: that must not drive out what there is to see.
      delete(directory.resolve(recording.name()));
    }
    forget(recording.name());
    boolean isOfTheSession =
        failure instanceof UnreadableException || failure instanceof Cast.FullException;
    if (failure != null && !isOfTheSession) {
      trouble(failure);
    }
  }

  private static void delete(Path file) {
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      log.debug("recording not deleted: reason={}", e.toString());
    }
  }

  private synchronized void forget(String name) {
    active.remove(name);
  }

  private synchronized Set<String> activeNames() {
    return Set.copyOf(active.keySet());
  }

  /** For what is being written, and for one more, which is among these. */
  private void makeRoom() throws IOException {
    var used = activeNames();
    var kept = kept(used);
    long bytes = kept.stream().mapToLong(Kept::bytes).sum() + used.size() * limits.fileBytes();
    int files = kept.size() + used.size();
    for (Kept oldest : kept) {
      if (bytes <= limits.bytes() && files <= limits.files()) {
        return;
      }
      Files.deleteIfExists(oldest.path());
      log.info("oldest recording deleted, to make room: recording={}", oldest.path());
      bytes -= oldest.bytes();
      files--;
    }
    if (bytes > limits.bytes() || files > limits.files()) {
      throw new IOException("there is no room for another recording");
    }
  }

  /** Those that nobody writes, the oldest first. */
  private List<Kept> kept(Set<String> used) throws IOException {
    try (var all = Files.list(directory)) {
      return all.filter(path -> NAME.matcher(path.getFileName().toString()).matches())
          .filter(path -> !used.contains(path.getFileName().toString()))
          .filter(path -> Files.isRegularFile(path, LinkOption.NOFOLLOW_LINKS))
          .sorted()
          .map(path -> new Kept(path, path.toFile().length()))
          .toList();
    }
  }

  private void trouble(IOException e) {
    String reason = e instanceof NoSuchFileException ? "there is no such directory" : e.toString();
    problem = new Problem(Reason.AUDIT_NOT_WRITTEN, directory + ": " + reason);
    log.warn("sessions are not recorded: directory={} reason={}", directory, reason);
  }

  /** Why no session can be recorded; empty: nothing is known against it. */
  public Optional<Problem> problem() {
    return Optional.ofNullable(problem);
  }

  /** Ends what is being written; each for a limited time. */
  @Override
  public void close() {
    List<Recording> left;
    synchronized (this) {
      left = active.values().stream().filter(one -> one != null).map(one -> one).toList();
    }
    left.forEach(Recording::close);
  }
}
