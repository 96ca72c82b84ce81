package io.drover.agent;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Path;

/** The real programs that {@code interop/build} makes with Go. */
public final class Interop {
  private Interop() {}

  /** The directory of what is built, which takes minutes the first time. */
  public static Path built(String what) throws IOException, InterruptedException {
    var build =
        new ProcessBuilder(Path.of("..", "interop", "build").toString(), what)
            .redirectError(Redirect.INHERIT)
            .start();
    var output = new String(build.getInputStream().readAllBytes(), UTF_8).strip();
    assertThat(build.waitFor()).as("interop/build %s, which needs Go", what).isZero();
    return Path.of(output);
  }
}
