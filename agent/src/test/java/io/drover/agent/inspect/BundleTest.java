package io.drover.agent.inspect;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.drover.agent.inspect.Bundle.Source;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.SequenceInputStream;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.ZipInputStream;
import org.junit.jupiter.api.Test;

class BundleTest {
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();

  private Map<String, String> files() throws IOException {
    var files = new LinkedHashMap<String, String>();
    try (var zip = new ZipInputStream(new ByteArrayInputStream(out.toByteArray()), UTF_8)) {
      for (var entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
        files.put(entry.getName(), new String(zip.readAllBytes(), UTF_8));
      }
    }
    return files;
  }

  @Test
  void filesAreThereAndNothingIsMissing() throws Exception {
    try (var bundle = new Bundle(out)) {
      bundle.add("a.txt", Source.of(() -> "ä"));
      bundle.add("b.txt", Source.of(() -> ""));
    }

    assertThat(files()).containsExactly(Map.entry("a.txt", "ä"), Map.entry("b.txt", ""));
  }

  @Test
  void fileThatCannotBeHadIsNamedAndKeepsNoOtherAway() throws Exception {
    try (var bundle = new Bundle(out)) {
      bundle.add(
          "a.txt",
          () -> {
            throw new IOException("nobody listens");
          });
      bundle.missing("b.txt", "off");
      bundle.add("c.txt", Source.of(() -> "here"));
      assertThat(bundle.missing()).containsExactly("a.txt: nobody listens\n", "b.txt: off\n");
    }

    assertThat(files())
        .containsExactly(
            Map.entry("c.txt", "here"),
            Map.entry("missing.txt", "a.txt: nobody listens\nb.txt: off\n"));
  }

  @Test
  void fileThatEndsTooEarlyIsKeptAndNoted() throws Exception {
    var breaks = InputStream.nullInputStream();
    breaks.close();
    try (var bundle = new Bundle(out)) {
      bundle.add(
          "a.txt",
          () -> new SequenceInputStream(new ByteArrayInputStream(new byte[100_000]), breaks));
      bundle.add("b.txt", Source.of(() -> "here"));
    }

    assertThat(files().keySet()).containsExactly("a.txt", "b.txt", "missing.txt");
    assertThat(files()).containsEntry("missing.txt", "a.txt: not whole: Stream closed\n");
  }

  @Test
  void fileIsCutAtTheLimit() throws Exception {
    try (var bundle = new Bundle(out)) {
      bundle.add("a.txt", () -> new ByteArrayInputStream(new byte[Bundle.MAX_FILE_BYTES + 1]));
    }

    assertThat(files().get("a.txt")).hasSize(Bundle.MAX_FILE_BYTES);
    assertThat(files().get("missing.txt")).startsWith("a.txt: not whole: ");
  }

  @Test
  void zipThatCannotBeWrittenIsAFailure() {
    var full =
        new OutputStream() {
          @Override
          public void write(int b) throws IOException {
            throw new IOException("no space left");
          }
        };

    assertThatThrownBy(
            () -> {
              try (var bundle = new Bundle(full)) {
                bundle.add("a.txt", Source.of(() -> "x"));
              }
            })
        .isInstanceOf(IOException.class)
        .hasMessage("no space left");
  }
}
