package io.drover.agent.node;

import io.drover.agent.tls.TestCa;
import io.drover.proto.report.NodeSnapshot;
import io.drover.proto.report.NodeSnapshot.Check;
import io.drover.proto.report.NodeSnapshot.Facts;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Base64;
import java.util.List;

/** What node agents have and say, for tests. */
final class TestNodes {
  static final String TOKEN = "token-of-the-nodes";

  private TestNodes() {}

  /** As the chart's Secret is mounted. */
  static Path identity(Path directory) throws Exception {
    return identity(directory, TestCa.root("nodes"), NodeIdentity.NAME);
  }

  static Path identity(Path directory, TestCa ca, String name) throws Exception {
    Files.createDirectories(directory);
    var own = ca.issue(name);
    Files.writeString(directory.resolve("ca.crt"), ca.pem());
    Files.writeString(directory.resolve("tls.crt"), TestCa.pem(own.chain().getFirst()));
    Files.writeString(directory.resolve("tls.key"), pkcs8(own.key().getPrivate().getEncoded()));
    Files.writeString(directory.resolve("token"), TOKEN + "\n");
    return directory;
  }

  static String pkcs8(byte[] der) {
    return "-----BEGIN PRIVATE KEY-----\n"
        + Base64.getMimeEncoder().encodeToString(der)
        + "\n-----END PRIVATE KEY-----\n";
  }

  static NodeSnapshot snapshot(String node, Check... checks) {
    return new NodeSnapshot(
        node,
        "1.0",
        Instant.parse("2026-11-22T12:00:00Z"),
        List.of(checks),
        new Facts(null, null, null, null, null, null, null, null));
  }

  /** As long as that of a node from which all is well. */
  static NodeSnapshot full(String node) {
    String server = "https://rancher.example.com/ping";
    return new NodeSnapshot(
        node,
        "1.0",
        Instant.parse("2026-11-22T12:00:00Z"),
        List.of(
            new Check("server", server, 14L, "", ""),
            new Check("clock", server, null, "", ""),
            new Check("dns", "rancher.example.com", 3L, "", ""),
            new Check("dns", "drover-node-agent", 3L, "", ""),
            new Check("api-server", "https://10.43.0.1:443/readyz", 11L, "", ""),
            new Check("registry", "https://registry.example.com/v2/", 31L, "", ""),
            new Check("peer", "10.42.7.11:8443", 1L, "", ""),
            new Check("peer", "10.42.8.12:8443", 1L, "", ""),
            new Check("peer", "10.42.9.13:8443", 1L, "", ""),
            new Check("disk", "/", null, "", ""),
            new Check("inodes", "/", null, "", "")),
        new Facts(
            0L,
            "6.12.0-amd64",
            List.of("10.43.0.10"),
            List.of("cattle-system.svc.cluster.local", "svc.cluster.local", "cluster.local"),
            1450,
            new NodeSnapshot.Pressure(12.25, 0, 1.5),
            new NodeSnapshot.Room(270_553_174_016L, 73_002_590_208L),
            new NodeSnapshot.Room(16_777_216, 16_166_275)));
  }

  /** Replaces a mounted file. */
  static void write(Path directory, String name, String text) throws IOException {
    Files.writeString(directory.resolve(name), text);
  }
}
