package io.drover.agent.inspect;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * A zip of files, each of which may fail to be had: then {@value #MISSING} in it says why. For one
 * thread.
 */
public final class Bundle implements AutoCloseable {
  /** Of one file; the rest is left out, and noted. */
  static final int MAX_FILE_BYTES = 16 * 1024 * 1024;

  /** Lists what is not there or not whole; it is there only if something is. */
  public static final String MISSING = "missing.txt";

  private static final int CHUNK_BYTES = 16 * 1024;

  /** Where a file comes from. */
  @FunctionalInterface
  public interface Source {
    /**
     * Opens it, to be read once.
     *
     * @throws IOException if it cannot be had; the message says why
     */
    InputStream open() throws IOException, InterruptedException;

    /** From a text that is to be had. */
    static Source of(Text text) {
      return () -> new ByteArrayInputStream(text.text().getBytes(UTF_8));
    }
  }

  /** A text, or why there is none. */
  @FunctionalInterface
  public interface Text {
    String text() throws IOException, InterruptedException;
  }

  private final ZipOutputStream zip;
  private final List<String> missing = new ArrayList<>();

  /** Writes to {@code out}, and closes it in the end. */
  public Bundle(OutputStream out) {
    this.zip = new ZipOutputStream(out, UTF_8);
  }

  /**
   * Adds a file.
   *
   * @throws IOException if the zip itself cannot be written
   */
  public void add(String name, Source source) throws IOException, InterruptedException {
    InputStream in;
    try {
      in = source.open();
    } catch (IOException e) {
      missing(name, String.valueOf(e.getMessage()));
      return;
    }
    try (in) {
      zip.putNextEntry(new ZipEntry(name));
      copy(name, in);
      zip.closeEntry();
    }
  }

  private void copy(String name, InputStream in) throws IOException {
    int left = MAX_FILE_BYTES;
    while (left > 0) {
      byte[] chunk;
      try {
        chunk = in.readNBytes(Math.min(left, CHUNK_BYTES));
      } catch (IOException e) {
        missing(name, "not whole: " + e.getMessage());
        return;
      }
      if (chunk.length == 0) {
        return;
      }
      zip.write(chunk);
      left -= chunk.length;
    }
    missing(name, "not whole: there may be more than " + MAX_FILE_BYTES + " bytes");
  }

  /** Notes that a file is not there. */
  public void missing(String name, String why) {
    missing.add(name + ": " + why + "\n");
  }

  /** What was noted, a line each, with its end. */
  public List<String> missing() {
    return List.copyOf(missing);
  }

  /** Ends the zip; without it, it is none. */
  @Override
  public void close() throws IOException {
    try (zip) {
      if (!missing.isEmpty()) {
        zip.putNextEntry(new ZipEntry(MISSING));
        zip.write(String.join("", missing).getBytes(UTF_8));
        zip.closeEntry();
      }
    }
  }
}
