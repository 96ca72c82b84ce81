package io.drover.agent.report;

import static java.util.Comparator.comparing;

import io.drover.agent.kube.Answer;
import io.drover.agent.view.Kinds;
import io.drover.agent.view.Node;
import io.drover.agent.view.Service;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** Whether the cluster has IPv4, IPv6 or both. */
final class IpFamilyDetector {
  private static final String IPV4 = "IPv4";
  private static final String IPV6 = "IPv6";

  private final Seen seen;

  IpFamilyDetector(Seen seen) {
    this.seen = seen;
  }

  Finding<List<String>> families() {
    return switch (seen.all(
        Kinds.SERVICES, comparing(Service::namespace).thenComparing(Service::name))) {
      case Answer.Missing<List<Service>> missing -> Finding.unknown(missing);
      case Answer.Found<List<Service>>(var services) -> {
        var families = new LinkedHashSet<String>();
        services.stream()
            .filter(service -> (service.namespace() + "/" + service.name()).equals(KUBERNETES))
            .forEach(service -> addFamilies(families, service));
        if (families.isEmpty()) {
          yield Finding.noEvidence("Service " + KUBERNETES + " is not there");
        }
        services.forEach(service -> addFamilies(families, service));
        seen.nodes().found().orElse(List.of()).stream()
            .map(Node::podCidrs)
            .forEach(cidrs -> cidrs.forEach(cidr -> families.add(familyOf(cidr))));
        var both = List.copyOf(families);
        // A second family need not show: not every network writes its ranges on the nodes.
        yield families.size() > 1
            ? Finding.certain(both, "Services and pod CIDRs")
            : Finding.likely(both, "Service " + KUBERNETES);
      }
    };
  }

  private static final String KUBERNETES = Service.KUBERNETES;

  private static void addFamilies(Set<String> families, Service service) {
    for (String family : service.ipFamilies()) {
      if (family.equals(IPV4) || family.equals(IPV6)) {
        families.add(family);
      }
    }
    // Before 1.20 a Service said its addresses only.
    for (String address : service.clusterIps()) {
      if (service.ipFamilies().isEmpty() && !address.isEmpty() && !address.equals("None")) {
        families.add(familyOf(address));
      }
    }
  }

  private static String familyOf(String address) {
    return address.contains(":") ? IPV6 : IPV4;
  }
}
