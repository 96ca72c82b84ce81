package io.drover.agent.gateway.audit;

import static io.drover.agent.reason.ReasonIs.reason;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.drover.agent.reason.Reason;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FileSinkTest {
  @TempDir private Path directory;
  private Path path;
  private FileSink sink;

  @BeforeEach
  void open() {
    path = directory.resolve("audit.log");
    sink = new FileSink(path, 10, 2);
  }

  @AfterEach
  void close() {
    sink.close();
  }

  private void write(String... lines) throws IOException {
    var left = new ArrayList<byte[]>();
    for (String line : lines) {
      left.add((line + "\n").getBytes(UTF_8));
    }
    while (!left.isEmpty()) {
      left.subList(0, sink.write(left)).clear();
    }
  }

  private List<String> names() throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  @Test
  void whetherItCanBeWrittenIsSaidWithoutWriting() throws Exception {
    var directory = Files.createDirectory(this.directory.resolve("tried"));
    var file = directory.resolve("audit.log");
    FileSink.requireWritable(file);
    assertThat(file).doesNotExist();
    Files.writeString(file, "half a li");
    FileSink.requireWritable(file);
    assertThat(file).hasContent("half a li");

    assertThatThrownBy(() -> FileSink.requireWritable(directory.resolve("none/audit.log")))
        .hasMessageContaining("there is no such directory");
    assertThatThrownBy(() -> FileSink.requireWritable(directory))
        .hasMessageContaining("it is no file that can be written");
  }

  @Test
  void isForThisUserOnlyAndGoesOnWhereItWas() throws Exception {
    write("one");
    sink.close();
    write("two");

    assertThat(path).hasContent("one\ntwo\n");
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(path)))
        .isEqualTo("rw-------");
  }

  @Test
  void atItsLimitItIsPutAsideAndTheOldestGoes() throws Exception {
    write("aaaa", "bbbb");
    assertThat(names()).containsExactly("audit.log");
    write("cccc", "dddd", "eeee", "ffff", "gggg", "hhhh");

    assertThat(names()).containsExactly("audit.log", "audit.log.1", "audit.log.2");
    assertThat(path).hasContent("gggg\nhhhh\n");
    assertThat(directory.resolve("audit.log.1")).hasContent("eeee\nffff\n");
    assertThat(directory.resolve("audit.log.2")).hasContent("cccc\ndddd\n");
  }

  @Test
  void lineThatIsLongerThanAFileHasOneOfItsOwn() throws Exception {
    write("a", "b".repeat(50), "c");

    assertThat(path).hasContent("c\n");
    assertThat(directory.resolve("audit.log.1")).hasContent("b".repeat(50) + "\n");
    assertThat(directory.resolve("audit.log.2")).hasContent("a\n");
  }

  @Test
  void whoMovesItAwayGetsANewOne() throws Exception {
    write("one");
    Files.move(path, directory.resolve("taken"));
    write("two");

    assertThat(directory.resolve("taken")).hasContent("one\n");
    assertThat(path).hasContent("two\n");
  }

  @Test
  void tornLineDoesNotSpoilTheNextOne() throws Exception {
    Files.writeString(path, "{\"a");
    write("two");

    assertThat(path).hasContent("{\"a\ntwo\n");
  }

  @Test
  void troubleIsExplainedAndPasses() throws Exception {
    var deep = directory.resolve("no/audit.log");
    try (var other = new FileSink(deep)) {
      var lines = List.of("x\n".getBytes(UTF_8));
      assertThatThrownBy(() -> other.write(lines))
          .has(reason(Reason.AUDIT_NOT_WRITTEN))
          .hasMessage(deep + ": there is no such directory");

      Files.createDirectory(directory.resolve("no"));
      assertThat(other.write(lines)).isEqualTo(1);
    }
    assertThat(deep).hasContent("x\n");
  }
}
