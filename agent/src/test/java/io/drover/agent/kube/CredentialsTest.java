package io.drover.agent.kube;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CredentialsTest {
  @TempDir private Path directory;

  @BeforeEach
  void mount() throws Exception {
    write("url", "https://rancher.example.com");
    write("token", "hunter2hunter2");
    write("namespace", "c-abcde");
  }

  @Test
  void readsAnewEachTime() throws Exception {
    var first = Credentials.read(directory);
    write("token", "rotated");
    var second = Credentials.read(directory);

    assertThat(first.url()).isEqualTo(URI.create("https://rancher.example.com"));
    assertThat(first.token().value()).isEqualTo("hunter2hunter2");
    assertThat(first.namespace()).isEqualTo("c-abcde");
    assertThat(second.token().value()).isEqualTo("rotated");
    assertThat(first).asString().doesNotContain("hunter");
  }

  @Test
  void namespaceMayBeMissingOrEmpty() throws Exception {
    write("namespace", "");
    assertThat(Credentials.read(directory).namespace()).isEmpty();

    Files.delete(directory.resolve("namespace"));
    assertThat(Credentials.read(directory).namespace()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"url", "token"})
  void missingOrEmptyFileIsNamed(String name) throws Exception {
    write(name, "");
    assertThatThrownBy(() -> Credentials.read(directory))
        .isInstanceOf(IOException.class)
        .hasMessage(directory.resolve(name) + " is empty: apply the cluster's manifest again");

    Files.delete(directory.resolve(name));
    assertThatThrownBy(() -> Credentials.read(directory))
        .hasMessageContaining(directory.resolve(name) + " does not exist")
        .hasMessageContaining("--credentials-dir");
  }

  @ParameterizedTest
  @ValueSource(strings = {"hunter2\n", " hunter2", "hun\r\nX-Evil: hunter2", "hunter2\u00e9"})
  void tokenThatCannotBeAHeaderIsRefusedAndNotRepeated(String token) throws Exception {
    write("token", token);

    assertThatThrownBy(() -> Credentials.read(directory))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("white space")
        .hasMessageNotContaining("hunter2");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "https://rancher.example.com\n",
        "rancher.example.com",
        "ftp://x",
        "https://a:b@c",
        "https://rancher:84430"
      })
  void urlThatIsNoneIsRefused(String url) throws Exception {
    write("url", url);

    assertThatThrownBy(() -> Credentials.read(directory))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(directory.resolve("url").toString());
  }

  private void write(String name, String content) throws IOException {
    Files.writeString(directory.resolve(name), content);
  }
}
