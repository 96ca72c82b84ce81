package io.drover.agent.inspect;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LimitsTest {
  @TempDir private Path cgroup;

  @Test
  void filesThatAreThereAreRead() throws Exception {
    Files.writeString(cgroup.resolve("memory.max"), "167772160\n");
    Files.writeString(cgroup.resolve("cpu.max"), "max 100000\n");

    assertThat(Limits.text(cgroup)).isEqualTo("# memory.max\n167772160\n# cpu.max\nmax 100000\n");
  }

  @Test
  void longFileIsCut() throws Exception {
    Files.writeString(cgroup.resolve("cpu.stat"), "x".repeat(Limits.MAX_BYTES + 1));

    assertThat(Limits.text(cgroup)).hasSize("# cpu.stat\n\n".length() + Limits.MAX_BYTES);
  }

  @Test
  void noneOfThemIsAFailure() {
    assertThatThrownBy(() -> Limits.text(cgroup))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("no control group");
  }
}
