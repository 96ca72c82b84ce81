package io.drover.e2e;

import java.net.URI;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** The bare minimum of an agent on Rancher's own tunnel library, to compare with. */
final class GoAgent {
  private GoAgent() {}

  /**
   * Starts it.
   *
   * @param token registration token of the cluster at the server
   * @param imported whose service account it uses
   */
  static RunningProcess start(
      Path directory, ControlPlane plane, URI server, Path caFile, String token, Import imported) {
    var account = imported.serviceAccount();
    return RunningProcess.start(
        "go-agent",
        directory,
        Map.of(),
        List.of(
            Programs.goAgent(),
            "--server=" + server,
            "--token=" + token,
            "--ca=" + caFile,
            "--cluster-params=%s,@%s,%s"
                .formatted(plane.address(), account.resolve("token"), account.resolve("ca.crt")),
            "--exit-with-stdin"));
  }
}
