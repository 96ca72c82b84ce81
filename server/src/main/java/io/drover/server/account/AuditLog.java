package io.drover.server.account;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.InstantSource;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Who did what: one line of JSON each, in {@code audit.log}, older ones in {@code audit.log.1} and
 * on. No body, no query and no secret is in it. A line that cannot be written is told in the
 * server's log, and its request goes on. Any thread; a write waits for the file.
 */
public final class AuditLog implements AutoCloseable {
  /** Its name in the server's directory. */
  public static final String FILE = "audit.log";

  /** The longest file, in bytes. */
  static final long MAX_BYTES = 10 * 1024 * 1024;

  /** Files beside the newest; the oldest goes. */
  static final int OLD_FILES = 9;

  /** The longest path, and the longest id of a cluster, in a line; in characters. */
  static final int MAX_PATH = 500;

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Logger log = LoggerFactory.getLogger(AuditLog.class);

  private final Path file;
  private final InstantSource clock;
  private final long maxBytes;
  private final ReentrantLock writing = new ReentrantLock();
  // Guarded by writing.
  private @Nullable FileChannel channel;

  /** In that directory; the file is there from the first line on. */
  public AuditLog(Path directory, InstantSource clock) {
    this(directory, clock, MAX_BYTES);
  }

  AuditLog(Path directory, InstantSource clock, long maxBytes) {
    this.file = directory.resolve(FILE);
    this.clock = clock;
    this.maxBytes = maxBytes;
  }

  /**
   * Something that was done, or tried.
   *
   * @param who empty: nobody that we know
   * @param path without its query
   * @param action of the API's, as {@code login}; empty: none
   * @param cluster its id as it was asked for; empty: about none
   */
  public record Deed(
      String requestId,
      Optional<Principal> who,
      String address,
      String method,
      String path,
      String action,
      String cluster,
      int status) {}

  /** Writes a line. */
  public void write(Deed deed) {
    var json =
        JSON.createObjectNode()
            .put("time", clock.instant().toString())
            .put("requestId", deed.requestId());
    deed.who()
        .ifPresent(
            who -> {
              json.put("user", who.account().username()).put("userId", who.account().id());
              json.put("by", by(who));
              who.token().ifPresent(token -> json.put("token", token.id()));
            });
    json.put("address", deed.address())
        .put("method", deed.method())
        .put("path", limited(deed.path()));
    if (!deed.action().isEmpty()) {
      json.put("action", deed.action());
    }
    if (!deed.cluster().isEmpty()) {
      json.put("cluster", limited(deed.cluster()));
    }
    byte[] line = (json.put("status", deed.status()) + "\n").getBytes(UTF_8);
    writing.lock();
    try {
      append(line);
    } catch (IOException e) {
      log.error("audit line lost: reason={} line={}", e.toString(), json);
      close(); // there may be a part of it, which the next one ends
    } finally {
      writing.unlock();
    }
  }

  /** How somebody came. */
  private static String by(Principal who) {
    if (who.token().isPresent()) {
      return "api-token";
    }
    return who.isBrowser() ? "session" : "admin-token";
  }

  private static String limited(String text) {
    return text.length() > MAX_PATH ? text.substring(0, MAX_PATH) : text;
  }

  private void append(byte[] line) throws IOException {
    var out = channel();
    if (out.size() > 0 && out.size() + line.length > maxBytes) {
      close();
      for (int i = OLD_FILES - 1; i >= 0; i--) {
        var from = i == 0 ? file : old(i);
        if (Files.exists(from)) {
          Files.move(from, old(i + 1), StandardCopyOption.REPLACE_EXISTING);
        }
      }
      out = channel();
    }
    var bytes = ByteBuffer.wrap(line);
    while (bytes.hasRemaining()) {
      out.write(bytes);
    }
  }

  private FileChannel channel() throws IOException {
    var open = channel;
    if (open == null || !open.isOpen()) {
      if (!Files.exists(file)) {
        Files.createFile(
            file,
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
      }
      open = FileChannel.open(file, StandardOpenOption.WRITE, StandardOpenOption.APPEND);
      channel = open;
      if (endsWithinLine()) {
        open.write(ByteBuffer.wrap(new byte[] {'\n'}));
      }
    }
    return open;
  }

  /** Whether a server was ended, or the disk was full, in the middle of one. */
  private boolean endsWithinLine() throws IOException {
    try (var in = FileChannel.open(file, StandardOpenOption.READ)) {
      var last = ByteBuffer.allocate(1);
      return in.size() > 0 && in.read(last, in.size() - 1) == 1 && last.get(0) != '\n';
    }
  }

  private Path old(int number) {
    return file.resolveSibling(FILE + "." + number);
  }

  /** Ends it; a later line opens the file again. */
  @Override
  public void close() {
    writing.lock();
    try {
      if (channel != null) {
        channel.close();
      }
    } catch (IOException e) {
      log.warn("audit log not closed: reason={}", e.toString());
    } finally {
      writing.unlock();
    }
  }
}
