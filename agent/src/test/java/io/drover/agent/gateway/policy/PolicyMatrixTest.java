package io.drover.agent.gateway.policy;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/**
 * Policies and requests at random, against a model that is written straight from {@code
 * docs/policy.md} and from what an API server does, and shares nothing with what is tested: nothing
 * passes that the model denies, and what is plain and allowed there passes.
 */
class PolicyMatrixTest {
  private static final int POLICIES = 120;
  private static final int REQUESTS = 400;
  private static final Instant NOW = Instant.parse("2026-11-28T12:00:00Z");

  private static final List<String> USERS =
      List.of("", "u-abc", "u-def", "system:serviceaccount:ci:bot", "system:anonymous");

  private static final List<String> VERBS =
      List.of(
          "get",
          "list",
          "watch",
          "create",
          "update",
          "patch",
          "delete",
          "deletecollection",
          "proxy");

  private static final List<String> NAMESPACES = List.of("shop", "kube-system", "dev");
  private static final List<String> NAMES = List.of("web", "db", "shop");

  private static final List<String> TYPES =
      List.of(
          "/pods",
          "/secrets",
          "/services",
          "/namespaces",
          "/nodes",
          "apps/deployments",
          "metrics.k8s.io/pods",
          "unknown.example.org/things",
          "rbac.authorization.k8s.io/clusterroles",
          "coordination.k8s.io/leases");

  /** Makes what is not there when it is updated, or belongs to nobody knows whom. */
  private static final Pattern MADE_BY_UPDATE =
      Pattern.compile(
          "/services|(rbac.authorization|coordination|metrics)\\.k8s\\.io/.*|unknown\\..*");

  private static final List<String> SUBRESOURCES =
      List.of("exec", "log", "proxy", "scale", "status", "portforward");

  private static final List<String> URLS =
      List.of("/", "/api", "/apis", "/apis/apps/v1", "/version", "/healthz", "/metrics", "/logs/");

  /** What makes a plain request a hostile one, in place of its first occurrence. */
  private static final Map<String, List<String>> TRICKS =
      Map.of(
          "/pods", List.of("/Pods", "/%70ods", "//pods", "/./pods", "/x/../pods", "/pods%00"),
          "/secrets", List.of("/secret%73", "%2fsecrets", "/SECRETS", "/secrets;a", "/secrets/."),
          "/exec", List.of("%2fexec", "/%65xec", "//exec", "/exec/", "/EXEC", "/exec%20"),
          "/namespaces", List.of("%2Fnamespaces", "/namespaces/", "/namespace%73"),
          "/api", List.of("//api", "/API", "/%61pi", "/x/..%2fapi", "/api/."),
          "?watch=1", List.of("?watch=0&watch=1", "?Watch=1", "?watch=1;", "?w%61tch=1", "?watch"),
          "/version", List.of("/version/", "/./version", "/Version", "/version%2f", "/versio%6e"),
          "/metrics", List.of("/metrics/", "//metrics", "/%6detrics"));

  /** As a policy has it; fields that are null are left out. */
  private record ModelRule(boolean allow, Optional<String> user, Map<String, List<String>> lists) {
    String yaml() {
      var lines = new StringBuilder("- effect: " + (allow ? "allow" : "deny") + "\n");
      user.ifPresent(
          name ->
              lines
                  .append("  subjects: [")
                  .append(name.isEmpty() ? "{kind: Server}" : subject(name))
                  .append("]\n"));
      lists.forEach(
          (field, texts) ->
              lines.append(
                  texts.stream()
                      .map(text -> '"' + text + '"')
                      .collect(Collectors.joining(", ", "  " + field + ": [", "]\n"))));
      return lines.toString();
    }

    private static String subject(String name) {
      if (name.startsWith("group:")) {
        return "{kind: Group, name: \"" + name.substring("group:".length()) + "\"}";
      }
      return name.startsWith("system:serviceaccount:")
          ? "{kind: ServiceAccount, namespace: ci, name: bot}"
          : "{kind: User, name: \"" + name + "\"}";
    }

    boolean covers(String who, ApiServerModel.Info info) {
      return coversUser(who) && (info.group().isPresent() ? coversResource(info) : coversUrl(info));
    }

    private boolean coversUser(String who) {
      if (user.isEmpty() || user.get().equals(who)) {
        return true;
      }
      return switch (user.get()) {
        case "*" -> !who.isEmpty();
        case "group:system:authenticated" -> !who.equals("system:anonymous");
        case "group:system:serviceaccounts:ci" -> who.startsWith("system:serviceaccount:ci:");
        default -> false;
      };
    }

    private boolean in(String field, String text) {
      var texts = lists.get(field);
      return texts != null && (texts.contains("*") || texts.contains(text));
    }

    private boolean coversResource(ApiServerModel.Info info) {
      String combined =
          info.subresource().isEmpty()
              ? info.resource()
              : info.resource() + "/" + info.subresource();
      boolean typed =
          in("resources", combined)
              || (!info.subresource().isEmpty() && in("resources", "*/" + info.subresource()));
      if (!typed || !in("verbs", info.verb()) || !in("apiGroups", info.group().orElseThrow())) {
        return false;
      }
      boolean many = List.of("list", "watch", "deletecollection").contains(info.verb());
      var namespaces = lists.get("namespaces");
      if (namespaces != null && !namespaces.contains(info.namespace())) {
        boolean clusterWide =
            info.resource().matches("nodes|namespaces|clusterroles")
                && !lists.getOrDefault("resources", List.of()).contains(combined);
        if (allow || !many || !info.namespace().isEmpty() || clusterWide) {
          return false;
        }
      }
      var names = lists.get("resourceNames");
      if (names != null && !names.contains(info.name())) {
        boolean proxied =
            info.subresource().equals("proxy")
                && names.stream()
                    .anyMatch(name -> (":" + info.name() + ":").contains(":" + name + ":"));
        return !allow && (proxied || (many && info.name().isEmpty()));
      }
      return true;
    }

    private boolean coversUrl(ApiServerModel.Info info) {
      if (!in("verbs", info.verb()) || !lists.containsKey("nonResourceURLs")) {
        return false;
      }
      for (String url : lists.getOrDefault("nonResourceURLs", List.of())) {
        boolean matches =
            url.endsWith("*")
                ? info.path().startsWith(url.substring(0, url.length() - 1))
                : info.path().equals(url) || (!allow && info.path().equals(url + "/"));
        if (matches) {
          return true;
        }
      }
      return false;
    }
  }

  private final Random random = new Random(9);

  private <T> T one(List<T> all) {
    return all.get(random.nextInt(all.size()));
  }

  private List<String> some(List<String> all) {
    var some = new ArrayList<String>();
    for (int i = random.nextInt(2); i >= 0; i--) {
      some.add(one(all));
    }
    return some.stream().distinct().toList();
  }

  private ModelRule rule() {
    var lists = new LinkedHashMap<String, List<String>>();
    Optional<String> user = Optional.empty();
    if (random.nextBoolean()) {
      user =
          Optional.of(
              one(
                  List.of(
                      "",
                      "u-abc",
                      "*",
                      "system:serviceaccount:ci:bot",
                      "group:system:authenticated",
                      "group:system:serviceaccounts:ci")));
    }
    if (random.nextInt(5) == 0) {
      lists.put("verbs", some(List.of("get", "post", "head", "*")));
      lists.put("nonResourceURLs", some(List.of("*", "/api*", "/version", "/metrics", "/apis/*")));
      return new ModelRule(random.nextBoolean(), user, lists);
    }
    lists.put("verbs", random.nextInt(3) == 0 ? List.of("*") : some(VERBS));
    lists.put("apiGroups", random.nextInt(2) == 0 ? List.of("*") : some(List.of("", "apps")));
    var resources = new ArrayList<String>();
    boolean namespaced = random.nextInt(3) == 0;
    for (String type : some(TYPES)) {
      String plural = type.substring(type.indexOf('/') + 1);
      resources.add(namespaced && plural.matches("nodes|clusterroles") ? "pods" : plural);
    }
    switch (random.nextInt(4)) {
      case 0 -> resources.add("*");
      case 1 -> resources.add("*/" + one(SUBRESOURCES));
      case 2 -> resources.add("pods/" + one(SUBRESOURCES));
      default -> {}
    }
    lists.put("resources", resources.stream().distinct().toList());
    if (namespaced) {
      lists.put("namespaces", some(NAMESPACES));
    }
    if (random.nextInt(3) == 0 && !lists.getOrDefault("verbs", List.of()).contains("create")) {
      lists.put("resourceNames", some(NAMES));
    }
    return new ModelRule(random.nextBoolean(), user, lists);
  }

  private String[] request() {
    if (random.nextInt(6) == 0) {
      return new String[] {one(List.of("GET", "HEAD", "POST")), one(URLS)};
    }
    String type = one(TYPES);
    int slash = type.indexOf('/');
    var target =
        new StringBuilder(slash == 0 ? "/api/v1" : "/apis/" + type.substring(0, slash) + "/v1");
    if (random.nextInt(12) == 0) {
      target.append(one(List.of("/watch", "/proxy")));
    }
    if (random.nextInt(3) > 0) {
      target.append("/namespaces/").append(one(NAMESPACES));
    }
    target.append(type.substring(slash));
    String method = one(List.of("GET", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"));
    if (random.nextInt(5) < 3) {
      boolean isNamespace = type.equals("/namespaces"); // has no colons in its name
      target.append('/');
      target.append(one(isNamespace ? NAMES : List.of("web", "db", "shop", "https:db:443", "x")));
      if (random.nextBoolean()) {
        target.append('/').append(one(SUBRESOURCES));
        if (!isNamespace && target.toString().matches("(?!.*/v1/proxy/).*/proxy")) {
          target.append("/a/B%2fc");
        }
      }
      return new String[] {method, target.toString()};
    }
    target.append(
        one(
            List.of(
                "",
                "",
                "?watch=1",
                "?watch=0&limit=5",
                "?fieldSelector=metadata.name%3Ddb",
                "?fieldSelector=metadata.name!=db",
                "?fieldSelector=metadata.name=web,spec.x=y&watch=true",
                "?labelSelector=a%3Db")));
    return new String[] {method, target.toString()};
  }

  private String hostile(String target) {
    var fitting = TRICKS.keySet().stream().filter(target::contains).sorted().toList();
    if (fitting.isEmpty()) {
      return target + one(List.of("/", "/..", "%2f", "/%2e", ";x", "?", "?watch=1&watch=0"));
    }
    String plain = one(fitting);
    int at = target.indexOf(plain);
    return target.substring(0, at)
        + one(TRICKS.getOrDefault(plain, List.of()))
        + target.substring(at + plain.length());
  }

  @Test
  void nothingPassesThatTheModelDenies() throws Exception {
    int plainAllowed = 0;
    int plainDenied = 0;
    int hostileRefused = 0;
    int hostileAllowed = 0;
    for (int i = 0; i < POLICIES; i++) {
      var rules = new ArrayList<ModelRule>();
      for (int rule = random.nextInt(6); rule >= 0; rule--) {
        rules.add(rule());
      }
      boolean allowsByDefault = random.nextBoolean();
      String text =
          "apiVersion: drover.io/v1alpha1\nkind: GatewayPolicy\ndefault: "
              + (allowsByDefault ? "allow" : "deny")
              + "\nrules:\n"
              + rules.stream().map(ModelRule::yaml).collect(Collectors.joining());
      var policy = Policy.parse(text);
      for (int request = 0; request < REQUESTS; request++) {
        String user = one(USERS);
        String[] plain = request();
        boolean isHostile = random.nextInt(3) == 0;
        String target = isHostile ? hostile(plain[1]) : plain[1];
        var info = ApiServerModel.info(plain[0], target);
        boolean expected = info.isPresent() && expected(rules, allowsByDefault, user, info.get());
        var decision = decide(policy, user, plain[0], target);
        String what = "%s %s by '%s', with%n%s".formatted(plain[0], target, user, text);
        if (isHostile) {
          if (decision.allowed()) {
            assertThat(expected).as(what).isTrue();
            hostileAllowed++;
          } else {
            hostileRefused++;
          }
        } else {
          assertThat(decision.allowed()).as(what).isEqualTo(expected);
          if (expected) {
            plainAllowed++;
          } else {
            plainDenied++;
          }
        }
      }
    }
    System.out.printf(
        "plain: allowed=%d denied=%d; hostile: allowed=%d refused=%d%n",
        plainAllowed, plainDenied, hostileAllowed, hostileRefused);
    assertThat(List.of(plainAllowed, plainDenied, hostileAllowed, hostileRefused))
        .allMatch(count -> count > 1000);
  }

  private static boolean expected(
      List<ModelRule> rules, boolean standard, String user, ApiServerModel.Info info) {
    return byRules(rules, standard, user, info)
        && (!makes(info) || byRules(rules, standard, user, made(info)));
  }

  private static boolean makes(ApiServerModel.Info info) {
    return info.verb().equals("update")
        && info.subresource().matches("(status)?")
        && MADE_BY_UPDATE.matcher(info.group().orElse("?") + "/" + info.resource()).matches();
  }

  private static ApiServerModel.Info made(ApiServerModel.Info info) {
    return new ApiServerModel.Info(
        "create",
        info.group(),
        info.version(),
        info.namespace(),
        info.resource(),
        "",
        info.name(),
        info.path());
  }

  private static boolean byRules(
      List<ModelRule> rules, boolean standard, String user, ApiServerModel.Info info) {
    for (ModelRule rule : rules) {
      if (rule.covers(user, info)) {
        return rule.allow();
      }
    }
    return standard;
  }

  private static Decision decide(Policy policy, String user, String method, String target) {
    return policy.decide(
        user.isEmpty() ? Requester.server() : Requester.user(user, List.of()),
        RequestInfo.of(method, target),
        BreakGlass.off(),
        NOW);
  }
}
