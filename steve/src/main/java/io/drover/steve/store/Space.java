package io.drover.steve.store;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Where stores put what they hold. What is small lies on the heap. What grows lies outside: in
 * memory of its own, or, if there is a directory for it, in a file there, which is mapped, so that
 * the system may take its memory whenever others need it. Such a file has no name from the moment
 * it is open: nothing stays of it, however the agent ends. Any thread.
 *
 * @param memory what may be taken of memory
 * @param disk what may be taken of files, and where; empty: all is memory
 */
public record Space(Budget memory, Optional<Disk> disk) {
  /** Chunks that are smaller are on the heap. */
  static final int OUTSIDE_FROM_BYTES = 64 * 1024;

  /** A file grows by so much, or by what is asked for if that is more. */
  static final int EXTENT_BYTES = 1024 * 1024;

  private static final String PREFIX = "explorer-";

  /**
   * A directory that is not in memory.
   *
   * @param directory of files that only we may read
   * @param budget of all of them together
   */
  public record Disk(Path directory, Budget budget) {}

  /** Memory only. */
  public static Space inMemory(Budget memory) {
    return new Space(memory, Optional.empty());
  }

  /** A part that is given back at once. Guarded by whoever has it. */
  Part part() {
    return new Part();
  }

  /** What one holder has taken. */
  final class Part {
    private long takenBytes;
    private @Nullable Outside outside;

    private Part() {}

    /** Takes memory that the caller allots by himself, on the heap. */
    void take(long bytes) throws StoreFullException {
      memory.take(bytes);
      takenBytes += bytes;
    }

    /** A new chunk, all zero; it lasts until {@link #release}. */
    MemorySegment chunk(int bytes) throws StoreFullException {
      if (bytes < OUTSIDE_FROM_BYTES) {
        take(bytes);
        return MemorySegment.ofArray(new byte[bytes]);
      }
      if (outside == null) {
        outside = new Outside(disk);
      }
      if (disk.isEmpty()) {
        take(bytes);
      }
      return outside.chunk(bytes);
    }

    /** A chunk is no longer used; what lies outside of the heap stays until the end. */
    void forget(MemorySegment chunk) {
      if (!chunk.isNative()) {
        memory.give(chunk.byteSize());
        takenBytes -= chunk.byteSize();
      }
    }

    /** Gives everything back. It cannot be used any more. */
    void release() {
      if (outside != null) {
        outside.close();
        outside = null;
      }
      memory.give(takenBytes);
      takenBytes = 0;
    }
  }

  /** What does not lie on the heap: memory, or a file from its first chunk on. */
  private static final class Outside implements AutoCloseable {
    private final Optional<Disk> disk;
    private final Arena arena = Arena.ofShared();
    private long takenBytes;
    private @Nullable FileChannel file;
    private MemorySegment extent = MemorySegment.NULL;
    private long used;

    Outside(Optional<Disk> disk) {
      this.disk = disk;
    }

    MemorySegment chunk(int bytes) throws StoreFullException {
      if (disk.isEmpty()) {
        return arena.allocate(bytes);
      }
      if (used + bytes > extent.byteSize()) {
        extent = extent(disk.get(), Math.max(EXTENT_BYTES, bytes));
        used = 0;
      }
      var chunk = extent.asSlice(used, bytes);
      used += bytes;
      return chunk;
    }

    private MemorySegment extent(Disk disk, long bytes) throws StoreFullException {
      disk.budget().take(bytes);
      takenBytes += bytes;
      try {
        if (file == null) {
          file = nameless(disk.directory());
        }
        long place = file.size();
        fill(file, place, bytes);
        return file.map(MapMode.READ_WRITE, place, bytes, arena);
      } catch (IOException e) {
        throw new StoreFullException("no room in " + disk.directory() + ": " + e);
      }
    }

    @Override
    public void close() {
      arena.close();
      disk.ifPresent(of -> of.budget().give(takenBytes));
      if (file != null) {
        try {
          file.close();
        } catch (IOException e) {
          throw new UncheckedIOException(e);
        }
      }
    }
  }

  private static FileChannel nameless(Path directory) throws IOException {
    var path = directory.resolve(PREFIX + UUID.randomUUID());
    var channel =
        FileChannel.open(
            path,
            Set.of(
                StandardOpenOption.CREATE_NEW, StandardOpenOption.READ, StandardOpenOption.WRITE),
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    try {
      Files.delete(path);
      return channel;
    } catch (IOException e) {
      channel.close();
      throw e;
    }
  }

  /**
   * Writes zeros, so that a full disk is an error here, and not a signal when memory is touched.
   */
  private static void fill(FileChannel channel, long place, long bytes) throws IOException {
    var zeros = ByteBuffer.allocate(OUTSIDE_FROM_BYTES);
    for (long at = place; at < place + bytes; ) {
      zeros.clear().limit((int) Math.min(zeros.capacity(), place + bytes - at));
      at += channel.write(zeros, at);
    }
  }
}
