package io.drover.agent.report;

import static java.util.Comparator.comparing;

import io.drover.agent.kube.Answer;
import io.drover.agent.view.CustomResource;
import io.drover.agent.view.Kinds;
import io.drover.agent.view.Networking;
import io.drover.proto.report.Details.GatewayApi;
import io.drover.proto.report.Details.GatewayClass;
import java.util.List;
import java.util.Map;

/** The Gateway API. */
final class GatewayDetector {
  private static final String PATH = "details.gatewayApi";
  private static final String GROUP = "gateway.networking.k8s.io";
  private static final String DEFINITION = "gatewayclasses." + GROUP;

  private record Known(Shape shape, String provider) {
    static Known of(KnownTable.Row row) {
      return new Known(Shape.of(row, "controller"), row.text("provider"));
    }
  }

  private static final List<Known> KNOWN = KnownTable.read("gateway-controllers", Known::of);

  private final Seen seen;
  private final Findings findings;
  private final ListLimit limit;

  GatewayDetector(Seen seen, Findings findings, ListLimit limit) {
    this.seen = seen;
    this.findings = findings;
    this.limit = limit;
  }

  Finding<GatewayApi> gatewayApi() {
    return switch (seen.serves(GROUP, "gatewayclasses")) {
      case Answer.Missing<Boolean> missing -> Finding.unknown(missing);
      case Answer.Found<Boolean>(var served) when !served ->
          Finding.certain(new GatewayApi(false, null, null, List.of()), "discovery");
      case Answer.Found<Boolean> _ -> served();
    };
  }

  private Finding<GatewayApi> served() {
    return switch (seen.all(Kinds.GATEWAY_CLASSES, comparing(Networking.GatewayClass::name))) {
      // Without its classes it would look as if there were none.
      case Answer.Missing<List<Networking.GatewayClass>> missing -> Finding.unknown(missing);
      case Answer.Found<List<Networking.GatewayClass>>(var classes) -> {
        var annotations = annotations();
        yield Finding.certain(
            new GatewayApi(
                true,
                annotations.get(GROUP + "/bundle-version"),
                annotations.get(GROUP + "/channel"),
                limit.cut(
                    "gatewayClasses", classes.stream().map(GatewayDetector::described).toList())),
            Kinds.GATEWAY_CLASSES.toString());
      }
    };
  }

  private static GatewayClass described(Networking.GatewayClass each) {
    return new GatewayClass(
        each.name(),
        each.controller(),
        Shape.best(KNOWN, Known::shape, each.controller())
            .map(Known::provider)
            .orElse(each.controller()),
        each.accepted());
  }

  private Map<String, String> annotations() {
    String path = PATH + ".bundleVersion";
    return switch (seen.all(Kinds.CUSTOM_RESOURCES, comparing(CustomResource::name))) {
      case Answer.Missing<List<CustomResource>> missing -> {
        findings.take(path, Finding.unknown(missing));
        yield Map.of();
      }
      case Answer.Found<List<CustomResource>>(var definitions) -> {
        var found =
            definitions.stream()
                .filter(definition -> definition.name().equals(DEFINITION))
                .map(CustomResource::annotations)
                .findFirst()
                .orElse(Map.of());
        if (!found.containsKey(GROUP + "/bundle-version")) {
          findings.take(path, Finding.noEvidence(DEFINITION + " has no such annotation"));
        }
        yield found;
      }
    };
  }
}
