package io.drover.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.util.List;

/** The Job that Rancher makes when a cluster is removed, and what gives it its rights. */
final class CleanupJob {
  static final String NAME = "cattle-cleanup-x7k2p";

  private static final List<String> RIGHTS =
      List.of("serviceaccount", "clusterrole", "clusterrolebinding");

  private CleanupJob() {}

  /** Makes it anew. It is suspended, until {@link #start}. */
  static void create(Kubectl admin, String image) throws IOException, InterruptedException {
    for (var kind : RIGHTS) { // of an earlier run, which may be about to go
      admin.run("-n", "default", "delete", kind, NAME, "--ignore-not-found");
    }
    try (var in = CleanupJob.class.getResourceAsStream("/cleanup/job.yaml")) {
      var manifest = new String(in.readAllBytes(), UTF_8).replace("IMAGE", image);
      admin.outcome(manifest.getBytes(UTF_8), "apply", "-f", "-").expect(0);
    }
    var job = admin.json("-n", "default", "get", "job", NAME, "-o", "json");
    var owner =
        """
        {"metadata": {"ownerReferences": [{"apiVersion": "batch/v1", "kind": "Job",
         "name": "%s", "uid": "%s"}]}}
        """
            .formatted(NAME, job.at("/metadata/uid").asText());
    for (var kind : RIGHTS) {
      admin.run("-n", "default", "patch", kind, NAME, "--patch", owner);
    }
  }

  /** Lets its pod run. */
  static void start(Kubectl admin) throws IOException, InterruptedException {
    admin.run("-n", "default", "patch", "job", NAME, "--patch", "{\"spec\": {\"suspend\": false}}");
  }
}
