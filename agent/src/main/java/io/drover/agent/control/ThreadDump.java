package io.drover.agent.control;

import com.sun.management.HotSpotDiagnosticMXBean;
import com.sun.management.HotSpotDiagnosticMXBean.ThreadDumpFormat;
import java.io.IOException;
import java.io.InputStream;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The stacks of all threads, virtual ones too. By way of a file, since with many streams they are
 * more than the heap should hold.
 */
public final class ThreadDump {
  private static final String NAME = "threads.txt";

  private ThreadDump() {}

  /**
   * Makes one.
   *
   * @param parent directory where there may be a file for a moment
   * @return reads the file, which is gone when this is closed
   */
  public static InputStream open(Path parent) throws IOException {
    Path directory = Files.createTempDirectory(parent, "threads");
    Path file = directory.resolve(NAME);
    try {
      ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class)
          .dumpThreads(file.toAbsolutePath().toString(), ThreadDumpFormat.TEXT_PLAIN);
      var in = Files.newInputStream(file);
      Files.delete(file); // it can still be read
      return in;
    } finally {
      Files.deleteIfExists(file);
      Files.delete(directory);
    }
  }
}
