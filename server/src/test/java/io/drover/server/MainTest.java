package io.drover.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class MainTest {
  @TempDir private Path directory;

  @Test
  void wrongUseIs2() {
    assertThat(Main.execute("nonsense")).isEqualTo(2);
    assertThat(Main.execute("run", "--listen", "here")).isEqualTo(2);
    assertThat(Main.execute("run", "--listen", "127.0.0.1:99999")).isEqualTo(2);
    assertThat(Main.execute("run", "--url", "http://plain")).isEqualTo(2);
    assertThat(Main.execute("run", "--check-interval", "15")).isEqualTo(2);
    assertThat(Main.execute("cluster", "create")).isEqualTo(2);
  }

  @Test
  void severalServersNeedWhatTheyShare() {
    var database = "--database-url=jdbc:postgresql://127.0.0.1/x";

    assertThat(Main.execute("run", "--peer-url", "http://plain")).isEqualTo(2);
    assertThat(Main.execute("run", "--peer-url", "https://me")).isEqualTo(2);
    assertThat(Main.execute("run", "--peer-url", "https://me", database)).isEqualTo(2);
  }

  @Test
  void helpAndVersionAre0() {
    assertThat(Main.execute("--help")).isZero();
    assertThat(Main.execute("cluster", "wait", "--help")).isZero();
    assertThat(Main.execute("version")).isZero();
  }

  @Test
  void directoryWithoutAServerIs1() {
    assertThat(Main.execute("cluster", "list", "--dir", directory.toString())).isEqualTo(1);
  }

  @Test
  void waitForAClusterThatNeverConnectsIs1() throws Exception {
    try (var server = TestServer.start(directory)) {
      var cluster = server.create("one");

      int code =
          Main.execute(
              "cluster", "wait", cluster.id(), "--timeout", "300ms", "--dir", directory.toString());

      assertThat(code).isEqualTo(1);
    }
  }

  @Test
  void kubeconfigIsWrittenToAFile() throws Exception {
    try (var server = TestServer.start(directory)) {
      var cluster = server.create("one");
      var file = directory.resolve("kubeconfig");

      int code =
          Main.execute(
              "kubeconfig", cluster.id(), "--out", file.toString(), "--dir", directory.toString());

      assertThat(code).isZero();
      assertThat(file).content().contains(cluster.id());
    }
  }

  @Test
  void durationsHaveUnits() {
    var converter = new Main.DurationConverter();

    assertThat(converter.convert("500ms")).isEqualTo(Duration.ofMillis(500));
    assertThat(converter.convert("15s")).isEqualTo(Duration.ofSeconds(15));
    assertThat(converter.convert("2m")).isEqualTo(Duration.ofMinutes(2));
  }
}
