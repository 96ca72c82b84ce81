package io.drover.agent.report;

import static java.util.Comparator.comparing;

import com.fasterxml.jackson.databind.JsonNode;
import io.drover.agent.kube.Answer;
import io.drover.agent.view.ApiService;
import io.drover.agent.view.Discovery;
import io.drover.agent.view.Kinds;
import io.drover.proto.report.Details.Aggregation;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** APIs that are served by others than the API server, and those of well-known add-ons. */
final class ApiDetector {
  /** What people look for in a cluster before they install something of their own. */
  private static final List<String> WELL_KNOWN =
      List.of(
          "argoproj.io",
          "autoscaling.k8s.io",
          "cert-manager.io",
          "cluster.x-k8s.io",
          "external-secrets.io",
          "fleet.cattle.io",
          "gateway.networking.k8s.io",
          "helm.cattle.io",
          "karpenter.sh",
          "keda.sh",
          "kubevirt.io",
          "kueue.x-k8s.io",
          "longhorn.io",
          "monitoring.coreos.com",
          "networking.istio.io",
          "nvidia.com",
          "opentelemetry.io",
          "policy.networking.k8s.io",
          "resource.k8s.io",
          "serving.knative.dev",
          "snapshot.storage.k8s.io",
          "source.toolkit.fluxcd.io",
          "tekton.dev",
          "velero.io");

  private static final String CONFIGURATION = "kube-system/extension-apiserver-authentication";
  private static final String CLIENT_CA = "requestheader-client-ca-file";
  private static final String PATH = "details.aggregation.enabled";

  private final Seen seen;
  private final Findings findings;

  ApiDetector(Seen seen, Findings findings) {
    this.seen = seen;
    this.findings = findings;
  }

  Finding<List<String>> wellKnown() {
    return switch (seen.facts().discovery()) {
      case Answer.Missing<Discovery> missing -> Finding.unknown(missing);
      case Answer.Found<Discovery>(var discovery) ->
          Finding.certain(WELL_KNOWN.stream().filter(discovery::hasGroup).toList(), "discovery");
    };
  }

  Finding<Aggregation> aggregation() {
    return switch (seen.all(Kinds.API_SERVICES, comparing(ApiService::name))) {
      case Answer.Missing<List<ApiService>> missing -> Finding.unknown(missing);
      case Answer.Found<List<ApiService>>(var all) -> {
        var aggregated = all.stream().filter(ApiService::aggregated).toList();
        yield Finding.certain(
            new Aggregation(enabled(aggregated), aggregated.size()), Kinds.API_SERVICES.toString());
      }
    };
  }

  private @Nullable Boolean enabled(List<ApiService> aggregated) {
    var working = aggregated.stream().filter(api -> api.available().equals("True")).findFirst();
    if (working.isPresent()) {
      return findings.take(PATH, Finding.certain(true, "APIService " + working.get().name()));
    }
    return findings.take(
        PATH,
        switch (seen.object(CONFIGURATION)) {
          case Answer.Missing<JsonNode> missing -> Finding.unknown(missing);
          case Answer.Found<JsonNode>(var object) ->
              // The API server writes down there what it was started with.
              Finding.likely(
                  !object.path("data").path(CLIENT_CA).asText().isEmpty(),
                  "ConfigMap " + CONFIGURATION);
        });
  }
}
