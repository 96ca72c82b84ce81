package io.drover.agent.config;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/**
 * Where files are. None of them need exist when the configuration is read.
 *
 * @param credentials directory with {@code url}, {@code token}, {@code namespace}
 * @param serviceAccount directory with the pod's {@code token} and {@code ca.crt}
 * @param caDirectories directories with further trusted CAs
 */
public record Paths(Path credentials, Path serviceAccount, List<Path> caDirectories) {
  public Paths {
    caDirectories = List.copyOf(caDirectories);
  }

  static Paths from(Environment env) {
    return new Paths(
        env.parse(Setting.DROVER_CREDENTIALS_DIR, Path::of),
        env.parse(Setting.DROVER_SERVICE_ACCOUNT_DIR, Path::of),
        env.parse(Setting.SSL_CERT_DIR, Paths::list));
  }

  private static List<Path> list(String text) {
    return Arrays.stream(text.split(":")).filter(dir -> !dir.isEmpty()).map(Path::of).toList();
  }
}
