package io.drover.agent.tls;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CertificateAuthoritiesTest {
  @TempDir private Path directory;

  /** A file that belongs to somebody else, or that goes as it is about to be read. */
  @Test
  void aFileThatCannotBeReadIsNoneAndTheOthersCount() throws Exception {
    Files.createSymbolicLink(directory.resolve("a.pem"), Path.of("/proc/self/mem"));
    Files.writeString(directory.resolve("b.pem"), TestCa.root("corporate").pem());

    var found =
        CertificateAuthorities.ofDirectories(List.of(directory.resolve("missing"), directory));

    assertThat(found.certificates()).hasSize(1);
  }
}
