package io.drover.agent.node;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.drover.proto.report.NodeSnapshot.Pressure;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HostFactsTest {
  @TempDir private Path root;

  private void file(String name, String text) throws IOException {
    var file = root.resolve(name);
    Files.createDirectories(file.getParent());
    Files.writeString(file, text);
  }

  @Test
  void readsWhatTheKernelAndTheKubeletWrite() throws Exception {
    file("proc/sys/kernel/osrelease", "6.12.0-amd64\n");
    file(
        "etc/resolv.conf",
        """
        # by hand
        search cattle-system.svc.cluster.local  svc.cluster.local
        nameserver 10.43.0.10
        nameserver fd00::10
        options ndots:5
        """);
    file("proc/pressure/cpu", "some avg10=0.00 avg60=1.25 avg300=0.00 total=12\n");
    file(
        "proc/pressure/memory",
        "some avg10=9.00 avg60=2.50 avg300=0.00 total=1\nfull avg10=0.00 avg60=7.77 avg300=0.00\n");
    file("proc/pressure/io", "some avg10=0.00 avg60=100.00 avg300=0.00 total=12\n");
    var host = new HostFacts(root);

    assertThat(host.kernel()).hasValue("6.12.0-amd64");
    assertThat(host.resolvConf("nameserver").orElseThrow())
        .containsExactly("10.43.0.10", "fd00::10");
    assertThat(host.resolvConf("search").orElseThrow())
        .containsExactly("cattle-system.svc.cluster.local", "svc.cluster.local");
    assertThat(host.pressure()).hasValue(new Pressure(1.25, 2.5, 100));
  }

  @Test
  void whatIsNotThereIsEmpty() throws Exception {
    file("proc/pressure/cpu", "some avg10=0.00\n");
    var host = new HostFacts(root);

    assertThat(host.kernel()).isEmpty();
    assertThat(host.resolvConf("nameserver")).isEmpty();
    assertThat(host.pressure()).isEmpty();
  }

  @Test
  void noFileIsReadFurtherThanItsLimit() throws Exception {
    file("proc/sys/kernel/osrelease", "x".repeat(HostFacts.MAX_FILE_BYTES + 1));

    assertThat(new HostFacts(root).kernel().orElseThrow()).hasSize(HostFacts.MAX_FILE_BYTES);
  }

  /** {@code df} knows nothing else. */
  @Test
  void roomIsWhatTheSystemSays() throws Exception {
    var host = new HostFacts(root);
    var inodes = host.inodes().orElseThrow();
    var disk = host.disk().orElseThrow();

    assertThat(disk.total()).isEqualTo(stat("%S * %b", root));
    assertThat(inodes.total()).isEqualTo(stat("1 * %c", root));
    assertThat(inodes.free()).isPositive().isLessThan(inodes.total());
    assertThat(inodes.usedPercent()).isBetween(0.0, 100.0);
  }

  private static long stat(String format, Path path) throws IOException, InterruptedException {
    var process =
        new ProcessBuilder("stat", "--file-system", "--format=" + format, path.toString()).start();
    var factors =
        new String(process.getInputStream().readAllBytes(), UTF_8).strip().split(" \\* ", 2);
    assertThat(process.waitFor()).isZero();
    return Long.parseLong(factors[0]) * Long.parseLong(factors[1]);
  }

  @Test
  void inodesOfWhatIsNotThereAreUnknown() {
    assertThat(new HostFacts(root.resolve("missing")).inodes()).isEmpty();
    assertThat(new HostFacts(root.resolve("missing")).disk()).isEmpty();
  }

  @Test
  void mtuIsThatOfTheWay() throws Exception {
    assertThat(HostFacts.mtu(InetAddress.getLoopbackAddress(), 443)).hasValue(65_536);
  }
}
