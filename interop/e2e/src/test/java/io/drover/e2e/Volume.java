package io.drover.e2e;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Map;
import java.util.TreeMap;

/**
 * A Secret that is mounted, as the kubelet does it: the files are links through {@code ..data},
 * which is turned to a new directory in one go. For one thread.
 */
final class Volume {
  private static final String DATA = "..data";

  private final Path directory;
  private final Map<String, String> content = new TreeMap<>();
  private int versions;

  /** Mounts what is in {@code source}, which is left as it is. */
  static Volume mount(Path source, Path directory) throws IOException {
    var volume = new Volume(Files.createDirectories(directory));
    try (var files = Files.list(source)) {
      for (var file : files.toList()) {
        volume.content.put(file.getFileName().toString(), Files.readString(file));
      }
    }
    volume.turn();
    for (var name : volume.content.keySet()) {
      Files.createSymbolicLink(directory.resolve(name), Path.of(DATA, name));
    }
    return volume;
  }

  private Volume(Path directory) {
    this.directory = directory;
  }

  Path directory() {
    return directory;
  }

  String get(String name) {
    return content.getOrDefault(name, "");
  }

  /** Changes one of the files. */
  void put(String name, String text) throws IOException {
    content.put(name, text);
    turn();
  }

  private void turn() throws IOException {
    var version = Files.createDirectory(directory.resolve("..version-" + ++versions));
    for (var file : content.entrySet()) {
      Files.writeString(version.resolve(file.getKey()), file.getValue());
    }
    var link = Files.createSymbolicLink(directory.resolve("..data_tmp"), version.getFileName());
    Files.move(link, directory.resolve(DATA), StandardCopyOption.ATOMIC_MOVE);
  }
}
