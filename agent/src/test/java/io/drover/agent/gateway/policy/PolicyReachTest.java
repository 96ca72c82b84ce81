package io.drover.agent.gateway.policy;

import static org.assertj.core.api.Assertions.assertThat;

import io.drover.steve.kube.Reach;
import io.drover.steve.kube.Reach.Extent;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * How far verbs reach, against what is decided of each request by itself, which is the model here:
 * what is said to be reached is allowed, and what is said not to be is denied.
 */
class PolicyReachTest {
  private static final long SEED = 20_261_128;
  private static final int POLICIES = 400;
  private static final int MAX_RULES = 5;
  private static final Instant SATURDAY = Instant.parse("2026-11-28T12:00:00Z");
  private static final Requester USER = Requester.user("u-abc", List.of("dev"));

  private static final List<String> VERBS =
      List.of("get", "list", "watch", "create", "update", "patch", "delete");

  /** Some, and one of which no rule says anything. */
  private static final List<String> NAMESPACES = List.of("shop", "bank", "nowhere");

  private static final List<String> NAMES = List.of("web", "shop", "nobody");

  /** By group and resource; whether they are in namespaces. */
  private record Type(String group, String resource, boolean namespaced) {
    String path(String namespace) {
      return (group.isEmpty() ? "/api/v1/" : "/apis/" + group + "/v1/")
          + (namespace.isEmpty() ? "" : "namespaces/" + namespace + "/")
          + resource;
    }
  }

  private static final List<Type> TYPES =
      List.of(
          new Type("", "pods", true),
          new Type("", "secrets", true),
          new Type("apps", "deployments", true),
          new Type("", "services", true),
          new Type("", "nodes", false),
          new Type("", "namespaces", false),
          new Type("example.org", "things", false));

  private static <T> T one(Random random, List<T> of) {
    return of.get(random.nextInt(of.size()));
  }

  private static String list(List<String> texts) {
    return texts.stream().map(text -> '"' + text + '"').collect(Collectors.joining(", ", "[", "]"));
  }

  private static List<String> some(Random random, List<String> of) {
    return random.nextInt(3) == 0 ? List.of("*") : List.of(one(random, of), one(random, of));
  }

  private static String rule(Random random) {
    var types = List.of(one(random, TYPES), one(random, TYPES));
    Supplier<Boolean> often = () -> random.nextInt(3) > 0;
    var text = new StringBuilder("- effect: " + (random.nextBoolean() ? "allow" : "deny") + "\n");
    if (random.nextBoolean()) {
      text.append(
          "  subjects: [{kind: %s}]\n"
              .formatted(
                  one(
                      random,
                      List.of(
                          "User, name: u-abc",
                          "User, name: u-def",
                          "Group, name: dev",
                          "Group, name: \"system:authenticated\""))));
    }
    var verbs = some(random, VERBS);
    text.append("  verbs: " + list(verbs) + "\n");
    text.append(
        "  apiGroups: "
            + list(often.get() ? List.of("*") : types.stream().map(Type::group).toList())
            + "\n");
    var resources =
        random.nextBoolean() ? List.of("*") : types.stream().map(Type::resource).toList();
    text.append("  resources: " + list(resources) + "\n");
    if (random.nextBoolean() && !resources.contains("nodes")) { // which are in none
      text.append("  namespaces: " + list(List.of(one(random, List.of("shop", "bank")))) + "\n");
    }
    if (!often.get() && !verbs.contains("create")) { // which has no name
      text.append("  resourceNames: " + list(List.of(one(random, List.of("web", "shop")))) + "\n");
    }
    if (!often.get()) {
      text.append("  hours: " + (random.nextBoolean() ? "inside" : "outside") + "\n");
    }
    return text.toString();
  }

  private static Policy policy(Random random) throws PolicyException {
    var text =
        new StringBuilder(
            "apiVersion: drover.io/v1alpha1\nkind: GatewayPolicy\ndefault: "
                + (random.nextBoolean() ? "allow" : "deny")
                + "\nbusinessHours: {timeZone: Europe/Berlin, days: [Mon], from: \"08:00\","
                + " to: \"18:00\"}\nrules:\n");
    int rules = random.nextInt(MAX_RULES) + 1;
    for (int i = 0; i < rules; i++) {
      text.append(rule(random));
    }
    return Policy.parse(text.toString());
  }

  /** A request for one object, or for all of a namespace; of many by the name, a selector. */
  private static boolean isAllowed(
      Policy policy, String verb, Type type, String namespace, String name) {
    String all = type.path(namespace);
    String object = name.isEmpty() ? all : all + "/" + name;
    String selector = name.isEmpty() ? "" : "fieldSelector=metadata.name%3D" + name;
    var request =
        switch (verb) {
          case "get" -> RequestInfo.of("GET", object);
          case "list" -> RequestInfo.of("GET", all + "?" + selector);
          case "watch" -> RequestInfo.of("GET", all + "?watch=1&" + selector);
          case "create" -> RequestInfo.of("POST", all);
          case "update" -> RequestInfo.of("PUT", object);
          case "patch" -> RequestInfo.of("PATCH", object);
          default -> RequestInfo.of("DELETE", object);
        };
    return policy.decide(USER, request, BreakGlass.off(), SATURDAY).allowed();
  }

  private static void check(
      List<String> faults, String what, Extent extent, List<Boolean> allowed) {
    if (extent == Extent.ALL
        ? allowed.contains(false)
        : extent == Extent.NONE && allowed.contains(true)) {
      faults.add(what + ": " + extent + ", but " + allowed);
    }
  }

  @Test
  void isWhatIsDecidedOfEachRequest() throws PolicyException {
    var random = new Random(SEED);
    var faults = new ArrayList<String>();
    var extents = new ArrayList<Extent>();
    int cases = 0;
    for (int i = 0; i < POLICIES; i++) {
      var policy = policy(random);
      for (var type : TYPES) {
        for (String verb : VERBS) {
          var reach = PolicyReach.of(policy, USER, verb, type.group(), type.resource(), SATURDAY);
          String what = "policy " + i + ", " + verb + " " + type;
          var everywhere = new ArrayList<Boolean>();
          for (String namespace : type.namespaced() ? NAMESPACES : List.of("")) {
            var here = new ArrayList<Boolean>();
            for (String name : NAMES) {
              boolean allowed = isAllowed(policy, verb, type, namespace, name);
              if (reach.one(namespace, name) != allowed) {
                faults.add(what + " " + namespace + "/" + name + ": " + !allowed);
              }
              here.add(allowed);
              cases++;
            }
            if (Verbs.OF_MANY.contains(verb)) {
              boolean all = isAllowed(policy, verb, type, namespace, "");
              if (all != (reach.in(namespace) == Extent.ALL)) {
                faults.add(what + " in " + namespace + ": " + reach.in(namespace));
              }
            }
            check(faults, what + " in " + namespace, reach.in(namespace), here);
            everywhere.addAll(here);
          }
          if (type.namespaced()) {
            check(faults, what, reach.everywhere(), everywhere);
            if (Verbs.OF_MANY.contains(verb)
                && isAllowed(policy, verb, type, "", "") != (reach.everywhere() == Extent.ALL)) {
              faults.add(what + ": " + reach.everywhere());
            }
            extents.add(reach.everywhere());
          }
          if (!reach.isByName()) {
            checkNamesAreEqual(faults, what, reach, type);
          }
        }
      }
      if (policy.denial(USER, SATURDAY).isEmpty()) {
        boolean all =
            TYPES.stream()
                .allMatch(
                    type ->
                        VERBS.stream().allMatch(verb -> isAllowed(policy, verb, type, "", "web")));
        if (!all) {
          faults.add("policy " + i + " denies something");
        }
      }
    }
    System.out.printf("reach: policies=%d cases=%d%n", POLICIES, cases);
    assertThat(faults).isEmpty();
    assertThat(extents).contains(Extent.values());
  }

  private static void checkNamesAreEqual(List<String> faults, String what, Reach reach, Type type) {
    for (String namespace : type.namespaced() ? NAMESPACES : List.<String>of()) {
      if (NAMES.stream().map(name -> reach.one(namespace, name)).distinct().count() > 1) {
        faults.add(what + " depends on names in " + namespace);
      }
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      nullValues = "-",
      value = {
        "audit-only     | -",
        "no-exec        | preset no-exec, rule 1 \"no commands in containers\" (line 4): no command may be run"
            + " in a container through the gateway",
      })
  void saysWhatIsDenied(String preset, String rule) throws PolicyException {
    var policy = Policy.of(Preset.of(preset).orElseThrow());
    var denial = policy.denial(USER, SATURDAY);
    if (rule == null) {
      assertThat(denial).isEmpty();
    } else {
      assertThat(denial).contains(rule);
    }
  }

  @Test
  void whoMayDoEverythingIsDeniedNothing() throws PolicyException {
    var policy =
        Policy.parse(
            """
            apiVersion: drover.io/v1alpha1
            kind: GatewayPolicy
            default: deny
            contact: the team
            rules:
            - effect: allow
              subjects: [{kind: Group, name: dev}]
              verbs: ["*"]
              apiGroups: ["*"]
              resources: ["*"]
            - effect: allow
              subjects: [{kind: Group, name: dev}]
              verbs: ["*"]
              nonResourceURLs: ["*"]
            - effect: deny
              verbs: ["*"]
              apiGroups: [""]
              resources: [secrets]
            """);
    assertThat(policy.denial(USER, SATURDAY)).isEmpty();
    assertThat(policy.denial(Requester.user("u-def", List.of()), SATURDAY))
        .contains("rule 3 (line 15); ask the team");
  }
}
