package io.drover.agent.rotate;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class FileChangesTest {
  private static final Duration LONG = Duration.ofSeconds(30);

  @TempDir private Path directory;

  /** As the kubelet does it: the files are links through {@code ..data}. */
  private void mount(String version, String token) throws IOException {
    var content = Files.createDirectory(directory.resolve("..version-" + version));
    Files.writeString(content.resolve("token"), token);
    var link = Files.createSymbolicLink(directory.resolve("..data_tmp"), content.getFileName());
    Files.move(link, directory.resolve("..data"), StandardCopyOption.ATOMIC_MOVE);
    var token2 = directory.resolve("token");
    if (!Files.exists(token2)) {
      Files.createSymbolicLink(token2, Path.of("..data", "token"));
    }
  }

  @Test
  void volumeThatIsTurnedToNewContentIsAChange() throws Exception {
    mount("1", "old");
    try (var changes = FileChanges.of(List.of(directory))) {
      assertThat(changes.await(Duration.ofMillis(1))).isFalse();

      mount("2", "new");

      assertThat(changes.await(LONG)).isTrue();
      assertThat(directory.resolve("token")).hasContent("new");
      assertThat(changes.await(Duration.ofMillis(1))).as("one change, said once").isFalse();
    }
  }

  @Test
  void fileThatIsWrittenInPlaceIsAChange() throws Exception {
    var token = Files.writeString(directory.resolve("token"), "old");
    try (var changes = FileChanges.of(List.of(directory))) {
      Files.writeString(token, "new");

      assertThat(changes.await(LONG)).isTrue();
    }
  }

  @Test
  void directoryThatComesLaterIsAChangeAndIsWatchedThen() throws Exception {
    var later = directory.resolve("later");
    try (var changes = FileChanges.of(List.of(later))) {
      assertThat(changes.await(Duration.ofMillis(1))).isFalse();
      Files.createDirectory(later);
      assertThat(changes.await(Duration.ofMillis(1))).isTrue();

      Files.writeString(later.resolve("token"), "new");
      assertThat(changes.await(LONG)).isTrue();

      Files.delete(later.resolve("token"));
      Files.delete(later);
      assertThat(changes.await(LONG)).isTrue();
      Files.createDirectory(later);
      assertThat(changes.await(LONG)).as("another directory of that name").isTrue();
    }
  }

  @Test
  void whoWritesWithoutEndIsNotWaitedFor() throws Exception {
    var writing = new AtomicBoolean(true);
    var token = directory.resolve("token");
    try (var changes = FileChanges.of(List.of(directory))) {
      var writer =
          Thread.ofPlatform()
              .start(
                  () -> {
                    try {
                      while (writing.get()) {
                        Files.writeString(token, "x");
                      }
                    } catch (IOException e) {
                      throw new IllegalStateException(e);
                    }
                  });

      assertThat(changes.await(LONG)).isTrue();

      writing.set(false);
      writer.join();
    }
  }
}
