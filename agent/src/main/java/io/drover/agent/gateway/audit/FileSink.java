package io.drover.agent.gateway.audit;

import io.drover.agent.reason.Failure;
import io.drover.agent.reason.Reason;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A file for this user only. At its limit it becomes {@code path.1}, what was that becomes {@code
 * path.2}, and so on; the oldest goes. Somebody else may move it away too. What is written is in
 * the system's hands; it is not forced to the disk.
 */
final class FileSink implements Sink {
  /** Of one file. */
  static final long MAX_BYTES = 16L * 1024 * 1024;

  /** Files beside the one that is written. */
  static final int OLD_FILES = 4;

  private static final Logger log = LoggerFactory.getLogger(FileSink.class);

  /**
   * An open file.
   *
   * @param key which one it is, whatever its name is now
   */
  private record Opened(FileChannel channel, @Nullable Object key) {}

  private final Path path;
  private final long maxBytes;
  private final int oldFiles;
  private @Nullable Opened opened;
  private long size;

  FileSink(Path path) {
    this(path, MAX_BYTES, OLD_FILES);
  }

  FileSink(Path path, long maxBytes, int oldFiles) {
    this.path = path;
    this.maxBytes = maxBytes;
    this.oldFiles = oldFiles;
  }

  /**
   * Whether it is likely that events can be written. Opens nothing: another may be writing it.
   *
   * @throws Failure if they cannot
   */
  static void requireWritable(Path path) throws Failure {
    var directory = path.toAbsolutePath().resolveSibling(".").normalize();
    String why =
        !Files.isDirectory(directory)
            ? "there is no such directory"
            : !Files.isWritable(directory)
                ? "nothing can be written in that directory"
                : Files.exists(path) && !(Files.isRegularFile(path) && Files.isWritable(path))
                    ? "it is no file that can be written"
                    : "";
    if (!why.isEmpty()) {
      throw new Failure(Reason.AUDIT_NOT_WRITTEN, path + ": " + why);
    }
  }

  @Override
  public String name() {
    return path.toString();
  }

  @Override
  public Duration linger() {
    return Duration.ZERO;
  }

  @Override
  public int write(List<byte[]> lines) throws IOException {
    try {
      var file = current();
      if (size > 0 && size + lines.getFirst().length > maxBytes) {
        rotate();
        file = current();
      }
      var bytes = new ByteArrayOutputStream();
      int count = 0;
      for (byte[] line : lines) {
        if (count > 0 && size + bytes.size() + line.length > maxBytes) {
          break;
        }
        bytes.writeBytes(line);
        count++;
      }
      append(file, bytes.toByteArray());
      return count;
    } catch (IOException e) {
      close();
      throw new Failure(Reason.AUDIT_NOT_WRITTEN, path + ": " + reason(e), e);
    }
  }

  /** Java's messages are often nothing but the path. */
  private static String reason(IOException e) {
    return e instanceof NoSuchFileException ? "there is no such directory" : e.toString();
  }

  /** Whole, or not at all: a part of a line would spoil the next one. */
  private void append(Opened file, byte[] bytes) throws IOException {
    var buffer = ByteBuffer.wrap(bytes);
    boolean whole = false;
    try {
      while (buffer.hasRemaining()) {
        file.channel().write(buffer);
      }
      size += bytes.length;
      whole = true;
    } finally {
      if (!whole) {
        file.channel().truncate(size);
      }
    }
  }

  private Opened current() throws IOException {
    var known = opened;
    if (known != null && isThere(known)) {
      return known;
    }
    close();
    var channel =
        FileChannel.open(
            path,
            Set.of(StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE),
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    var fresh = new Opened(channel, key());
    opened = fresh;
    size = channel.size();
    channel.position(size);
    if (size > 0 && !endsWithLine(channel)) {
      append(fresh, new byte[] {'\n'}); // somebody was ended in the middle of one
    }
    return fresh;
  }

  private boolean endsWithLine(FileChannel channel) throws IOException {
    var last = ByteBuffer.allocate(1);
    return channel.read(last, size - 1) == 1 && last.get(0) == '\n';
  }

  private boolean isThere(Opened file) throws IOException {
    try {
      return file.key() == null || file.key().equals(key());
    } catch (NoSuchFileException _) {
      return false;
    }
  }

  private @Nullable Object key() throws IOException {
    return Files.readAttributes(path, BasicFileAttributes.class).fileKey();
  }

  private void rotate() throws IOException {
    close();
    for (int i = oldFiles; i > 0; i--) {
      var from = i == 1 ? path : old(i - 1);
      if (Files.exists(from)) {
        Files.move(from, old(i), StandardCopyOption.REPLACE_EXISTING);
      }
    }
    if (oldFiles == 0) {
      Files.delete(path);
    }
  }

  private Path old(int number) {
    return path.resolveSibling(path.getFileName() + "." + number);
  }

  @Override
  public void close() {
    var file = opened;
    opened = null;
    if (file != null) {
      try {
        file.channel().close();
      } catch (IOException e) {
        log.debug("file not closed: reason={}", e.toString());
      }
    }
  }
}
