package io.drover.agent.inspect;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** What this container may use, and uses: the kernel's files about its control group. */
public final class Limits {
  /** Where a container has its own control group, version 2. Source: cgroups(7). */
  public static final Path CGROUP = Path.of("/sys/fs/cgroup");

  /** Of one of the files, all of which are short. */
  static final int MAX_BYTES = 16 * 1024;

  private static final List<String> FILES =
      List.of(
          "memory.max",
          "memory.current",
          "memory.peak",
          "memory.events",
          "cpu.max",
          "cpu.stat",
          "pids.max",
          "pids.current");

  private Limits() {}

  /**
   * All of them, each after a line with its name.
   *
   * @throws IOException if there is none
   */
  public static String text(Path cgroup) throws IOException {
    var text = new StringBuilder();
    for (String name : FILES) {
      Path file = cgroup.resolve(name);
      if (Files.isReadable(file)) {
        try (var in = Files.newInputStream(file)) {
          text.append("# ").append(name).append('\n');
          text.append(new String(in.readNBytes(MAX_BYTES), UTF_8).strip()).append('\n');
        }
      }
    }
    if (text.isEmpty()) {
      throw new IOException("there is no control group of version 2 at " + cgroup);
    }
    return text.toString();
  }
}
