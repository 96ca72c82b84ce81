package io.drover.agent.report;

import io.drover.agent.kube.Answer;
import io.drover.agent.view.Node;
import io.drover.agent.view.Service;
import io.drover.proto.report.Cause;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.jspecify.annotations.Nullable;

/**
 * A known load balancer, and what it is told by. Several may be of one provider.
 *
 * @param needs of each list one; without it, it gives no addresses
 * @param restrictedBy a node label: once a node has it, only such nodes serve
 */
record LoadBalancerRow(
    String provider,
    List<String> protocols,
    @Nullable Boolean healthCheck,
    List<String> providerIdPrefixes,
    List<Pattern> providerIdPatterns,
    List<String> classes,
    List<String> finalizers,
    List<String> hostnameSuffixes,
    List<Pattern> hostnamePatterns,
    List<String> annotationPrefixes,
    List<String> apiGroups,
    List<String> configMaps,
    List<WorkloadSign> workloads,
    List<List<Need>> needs,
    @Nullable String restrictedBy,
    @Nullable NodeArgsRule disabledBy,
    @Nullable NodeArgsRule enabledBy) {

  static final List<LoadBalancerRow> KNOWN = KnownTable.read("load-balancers", LoadBalancerRow::of);

  /** What a Service tells of who serves it, the most telling first. */
  enum Trait {
    CLASS,
    FINALIZER,
    HOST_NAME,
    ANNOTATION
  }

  /**
   * A resource that has to have an object.
   *
   * @param name {@code group/plural}; which version is served does not matter
   * @param isOfSome whether not every object will do
   */
  record Need(String name, boolean isOfSome) {
    private static final Pattern TEXT = Pattern.compile("([^/]+)/[^/]+/([^/?]+)(\\?.+)?");

    /** Of {@code group/version/plural}, perhaps with {@code ?path=value}. */
    static Need parse(String text, KnownTable.Row row) {
      var parts = TEXT.matcher(text);
      if (!parts.matches()) {
        throw row.wrong("needs " + text + ", which is no group/version/plural");
      }
      return new Need(parts.group(1) + "/" + parts.group(2), parts.group(3) != null);
    }

    Answer<Boolean> isMet(Seen seen) {
      Answer<Boolean> any = seen.hasAny(name);
      return isOfSome && any.found().orElse(false)
          ? new Answer.Missing<>(Cause.NO_EVIDENCE, name + ": not looked at one by one")
          : any;
    }
  }

  private static LoadBalancerRow of(KnownTable.Row row) {
    row.optionalText("product"); // for readers of the table
    KnownTable.Row signs = row.row("signs");
    signs.texts("serviceAccounts"); // no view shows them
    var needs = new ArrayList<List<Need>>();
    for (List<String> alternatives : row.textLists("needs")) {
      needs.add(alternatives.stream().map(text -> Need.parse(text, row)).toList());
    }
    return new LoadBalancerRow(
        row.text("provider"),
        row.texts("protocols"),
        row.optionalFlag("healthCheck"),
        signs.texts("providerIdPrefixes"),
        patterns(signs, "providerIdPatterns"),
        signs.texts("loadBalancerClasses"),
        signs.texts("finalizers"),
        signs.texts("hostnameSuffixes"),
        patterns(signs, "hostnamePatterns"),
        signs.texts("serviceAnnotationPrefixes"),
        signs.texts("apiGroups"),
        signs.texts("configMaps"),
        WorkloadSign.of(signs),
        List.copyOf(needs),
        row.optionalText("restrictedByNodeLabel"),
        NodeArgsRule.of(row, "disabledByNodeArgs"),
        NodeArgsRule.of(row, "enabledByNodeArgs"));
  }

  private static List<Pattern> patterns(KnownTable.Row row, String field) {
    var patterns = new ArrayList<Pattern>();
    for (String text : row.texts(field)) {
      try {
        patterns.add(Pattern.compile(text));
      } catch (PatternSyntaxException e) {
        throw row.wrong(field + ": " + e.getDescription());
      }
    }
    return List.copyOf(patterns);
  }

  boolean fits(Trait trait, Service service) {
    return switch (trait) {
      case CLASS -> classes.contains(service.loadBalancerClass());
      case FINALIZER -> service.finalizers().stream().anyMatch(finalizers::contains);
      case HOST_NAME -> service.addresses().stream().anyMatch(this::isOwnName);
      case ANNOTATION ->
          service.annotations().keySet().stream()
              .anyMatch(key -> annotationPrefixes.stream().anyMatch(key::startsWith));
    };
  }

  private boolean isOwnName(String address) {
    return hostnameSuffixes.stream().anyMatch(address::endsWith)
        || hostnamePatterns.stream().anyMatch(pattern -> pattern.matcher(address).find());
  }

  /** Whether a node is one of its cloud. */
  boolean isCloudOf(Node node) {
    return providerIdPrefixes.stream().anyMatch(node.providerId()::startsWith)
        || providerIdPatterns.stream().anyMatch(p -> p.matcher(node.providerId()).find());
  }

  /** Whether all that it needs is there. */
  Answer<Boolean> needsMet(Seen seen) {
    Answer<Boolean> met = new Answer.Found<>(true);
    for (List<Need> alternatives : needs) {
      Answer<Boolean> one = oneOf(alternatives, seen);
      if (one instanceof Answer.Found<Boolean>(var there) && !there) {
        return one;
      }
      met = met instanceof Answer.Found<Boolean> ? one : met;
    }
    return met;
  }

  private static Answer<Boolean> oneOf(List<Need> alternatives, Seen seen) {
    Answer<Boolean> result = new Answer.Found<>(false);
    for (Need need : alternatives) {
      switch (need.isMet(seen)) {
        case Answer.Found<Boolean> found -> {
          if (found.value()) {
            return found;
          }
        }
        case Answer.Missing<Boolean> missing -> result = missing;
      }
    }
    return result;
  }
}
