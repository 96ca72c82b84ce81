package io.drover.steve;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.steve.ScriptedGuard.Denial;
import io.drover.steve.kube.Json;
import io.drover.steve.shell.ShellImage;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Denials at random, and everything that a page can ask for, against a straight model: a list shows
 * what could be listed, an object what could be read, and so on. Nothing is shown, counted, offered
 * or asked of the API server that is denied; to somebody whom roles allow everything, nothing less.
 */
@Timeout(120)
class GuardedMatrixTest {
  private static final long SEED = 20_261_128;
  private static final int ROUNDS = 8;
  private static final int MAX_DENIALS = 3;

  /** Jane may do anything, joe in one namespace, and kim read one name. */
  private static final List<String> USERS = List.of("jane", "joe", "kim");

  private static final List<String> NAMESPACES = List.of("bank", "lab", "shop");
  private static final List<String> NAMES = List.of("a", "b");
  private static final Map<String, String> TYPES =
      Map.of("configmap", "configmaps", "pod", "pods", "secret", "secrets");
  private static final List<String> VERBS =
      List.of("get", "list", "watch", "create", "update", "patch", "delete", "*");
  private static final String LOCAL = "/v1/management.cattle.io.clusters/local";

  private final ScriptedGuard guard = new ScriptedGuard();
  private final List<String> faults = new ArrayList<>();
  private FakeApiServer api;
  private Browser browser;
  private int cases;

  @BeforeEach
  void start() throws IOException {
    api = new FakeApiServer();
    var resources = new ArrayList<String>();
    var discovered = new ArrayList<String>();
    for (var type : new TreeMap<>(TYPES).entrySet()) {
      String kind = kind(type.getKey());
      resources.add(
          ("{'resource':'%s','responseKind':{'kind':'%s'},'scope':'Namespaced','verbs':['get',"
                  + "'list','watch','create','update','patch','delete']}")
              .formatted(type.getValue(), kind));
      discovered.add(
          "{'name':'%s','kind':'%s','namespaced':true}".formatted(type.getValue(), kind));
      var objects = new TreeMap<String, String>();
      for (String namespace : NAMESPACES) {
        for (String name : NAMES) {
          String object = object(type.getKey(), namespace, name);
          objects.put(namespace + "/" + name, object);
          api.has(
              "/api/v1/namespaces/%s/%s/%s".formatted(namespace, type.getValue(), name), object);
        }
      }
      api.lists("/api/v1", type.getValue(), objects);
    }
    api.has(
        "/api",
        FakeApiServer.list(
            "{'metadata':{},'versions':[{'version':'v1','resources':["
                + String.join(",", resources)
                + "]}]}"));
    api.has("/api/v1", "{'resources':[" + String.join(",", discovered) + "]}");
    String rbac = "/apis/rbac.authorization.k8s.io/v1/";
    api.has(
        rbac + "clusterroles",
        FakeApiServer.list(
            "{'metadata':{'name':'all'},'rules':[{'verbs':['*'],'apiGroups':[''],"
                + "'resources':['*']}]}",
            "{'metadata':{'name':'one'},'rules':[{'verbs':['get'],'apiGroups':[''],"
                + "'resources':['*'],'resourceNames':['a']}]}"));
    api.has(rbac + "clusterrolebindings", FakeApiServer.list(binding("b1", "", "all", "jane")));
    api.has(
        rbac + "rolebindings",
        FakeApiServer.list(
            binding("b2", "shop", "all", "joe"), binding("b3", "shop", "one", "kim")));
    browser = browser(true);
  }

  private Browser browser(boolean sql) throws IOException {
    return new Browser(
        api,
        guard,
        new Explorer.Options("ui-sql-cache=" + sql, "", false, ShellImage.NONE, Optional.empty()));
  }

  @AfterEach
  void stop() {
    browser.close();
    api.close();
  }

  private static String kind(String type) {
    return switch (type) {
      case "configmap" -> "ConfigMap";
      case "pod" -> "Pod";
      default -> "Secret";
    };
  }

  /** Pods use what has their name. */
  private static String object(String type, String namespace, String name) {
    String spec =
        type.equals("pod")
            ? (",'spec':{'containers':[{'name':'c','envFrom':[{'configMapRef':{'name':'%1$s'}},"
                    + "{'secretRef':{'name':'%1$s'}}]}]}")
                .formatted(name)
            : "";
    return ("{'apiVersion':'v1','kind':'%s','metadata':{'namespace':'%s','name':'%s',"
            + "'resourceVersion':'5'}%s}")
        .formatted(kind(type), namespace, name, spec)
        .replace('\'', '"');
  }

  private static String binding(String name, String namespace, String role, String user) {
    return ("{'metadata':{'name':'%s','namespace':'%s'},'roleRef':{'kind':'ClusterRole',"
            + "'name':'%s'},'subjects':[{'kind':'User','apiGroup':'rbac.authorization.k8s.io',"
            + "'name':'%s'}]}")
        .formatted(name, namespace, role, user);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void nothingIsShownThatIsDenied(boolean sql) throws Exception {
    browser.close();
    browser = browser(sql);
    var random = new Random(SEED);
    browser.get("/v1/schemas");
    for (int round = 0; round < ROUNDS; round++) {
      var denials = new Denial[random.nextInt(MAX_DENIALS) + 1];
      for (int i = 0; i < denials.length; i++) {
        denials[i] = denial(random);
      }
      guard.denies(denials);
      int before = faults.size();
      api.asked();
      for (String user : USERS) {
        counts(user);
        for (var type : TYPES.entrySet()) {
          schema(user, type.getKey(), type.getValue());
          lists(user, type.getKey(), type.getValue());
          objects(user, type.getKey(), type.getValue());
          changes(user, type.getValue(), "a");
          apply(user, kind(type.getKey()), type.getValue());
        }
      }
      api.asked().stream()
          .filter(one -> USERS.contains(one.user()))
          .filter(one -> guard.isDenied(one.user(), one.method(), one.target()))
          .forEach(one -> faults.add("asked: " + one));
      if (faults.size() > before) {
        faults.add("by " + List.of(denials));
      }
    }
    System.out.printf("guarded: sql=%s cases=%d%n", sql, cases);
    assertThat(faults).isEmpty();
    assertThat(cases).isGreaterThan(2_000);
  }

  private static <T> T one(Random random, List<T> of) {
    return of.get(random.nextInt(of.size()));
  }

  private static Denial denial(Random random) {
    return new Denial(
        random.nextBoolean() ? ScriptedGuard.ANY : one(random, USERS),
        one(random, VERBS),
        random.nextInt(3) == 0 ? ScriptedGuard.ANY : one(random, List.copyOf(TYPES.values())),
        random.nextInt(3) == 0 ? ScriptedGuard.ANY : one(random, NAMESPACES),
        random.nextInt(3) == 0 ? one(random, NAMES) : ScriptedGuard.ANY);
  }

  private void fault(String user, String what) {
    faults.add(user + ": " + what);
  }

  private Browser.Reply ask(String user, String path) throws IOException {
    cases++;
    return browser.send(user, "GET", path, "");
  }

  /** Whether it is refused for nothing else. */
  private static boolean isGuarded(Browser.Reply reply) {
    return reply.status() == 403 && reply.body().contains(ScriptedGuard.RULE);
  }

  private Set<String> listed(String user, String resource, String in) {
    var ids = new TreeSet<String>();
    for (String namespace : NAMESPACES) {
      for (String name : NAMES) {
        if ((in.isEmpty() || in.equals(namespace))
            && !guard.isDenied(user, "list", resource, namespace, name)) {
          ids.add(namespace + "/" + name);
        }
      }
    }
    return ids;
  }

  /** A method of a type is not offered if it is denied for all there could be. */
  private void schema(String user, String type, String resource) throws IOException {
    var reply = ask(user, "/v1/schemas/" + type);
    var methods = new HashSet<String>();
    if (reply.status() == 200) {
      reply.json().path("resourceMethods").forEach(method -> methods.add(method.asText()));
      reply.json().path("collectionMethods").forEach(method -> methods.add(method.asText()));
    }
    Map.of("DELETE", "delete", "PUT", "update", "POST", "create")
        .forEach(
            (method, verb) -> {
              // Denials of this test that cover a name that nobody has are of all names.
              boolean denied =
                  guard.isDenied(user, verb, resource, "nowhere", verb.equals("create") ? "" : "x");
              if (denied && methods.contains(method)) {
                fault(user, type + " offers " + method);
              } else if (!denied && user.equals("jane") && !methods.contains(method)) {
                fault(user, type + " does not offer " + method);
              }
            });
  }

  private void lists(String user, String type, String resource) throws IOException {
    for (String in : List.of("", "bank", "lab", "shop")) {
      String path = "/v1/" + resource + (in.isEmpty() ? "" : "/" + in);
      var expected = listed(user, resource, in);
      for (String query : List.of("?exclude=metadata.managedFields", "?sort=-metadata.name")) {
        var reply = ask(user, path + query);
        var shown = new TreeSet<String>();
        if (reply.status() == 200) {
          for (var object : reply.json().path("data")) {
            shown.add(object.path("id").asText());
            around(user, type, resource, object);
          }
        } else if (user.equals("jane") ? !isGuarded(reply) : reply.status() != 404) {
          if (!isGuarded(reply)) {
            fault(user, path + ": " + reply);
          }
        }
        if (!expected.containsAll(shown)) {
          fault(user, path + query + " shows " + shown + " and not only " + expected);
        } else if (user.equals("jane") && !shown.equals(expected)) {
          fault(user, path + query + " shows " + shown + " and not all of " + expected);
        }
      }
    }
  }

  /** Links, and what is said of others. */
  private void around(String user, String type, String resource, JsonNode object) {
    String[] id = object.path("id").asText().split("/", -1);
    Map.of("view", "get", "remove", "delete", "update", "update", "patch", "patch")
        .forEach(
            (link, verb) -> {
              if (object.path("links").has(link)
                  && guard.isDenied(user, verb, resource, id[0], id[1])) {
                fault(user, type + " " + object.path("id") + " has the link " + link);
              }
            });
    for (var one : object.path("metadata").path("relationships")) {
      boolean inbound = one.has("fromType");
      String other = TYPES.getOrDefault(one.path(inbound ? "fromType" : "toType").asText(), "");
      String[] at = one.path(inbound ? "fromId" : "toId").asText().split("/", -1);
      if (at.length == 2 && (inbound || one.has("state"))) {
        boolean hidden =
            guard.isDenied(user, "get", other, at[0], at[1])
                && guard.isDenied(user, "list", other, at[0], at[1]);
        if (hidden) {
          fault(user, type + " " + object.path("id") + " tells of " + one);
        }
      }
    }
  }

  private void objects(String user, String type, String resource) throws IOException {
    for (String namespace : NAMESPACES) {
      for (String name : NAMES) {
        String path = "/v1/%s/%s/%s".formatted(resource, namespace, name);
        boolean denied = guard.isDenied(user, "get", resource, namespace, name);
        for (String form : List.of("", "?_format=yaml")) {
          var reply = ask(user, path + form);
          if (denied ? reply.status() == 200 : user.equals("jane") && reply.status() != 200) {
            fault(user, path + form + ": " + reply);
          } else if (denied && user.equals("jane") && !isGuarded(reply)) {
            fault(user, path + form + " does not say why: " + reply);
          } else if (reply.status() == 200 && form.isEmpty()) {
            around(user, type, resource, reply.json());
          }
        }
      }
    }
  }

  private void counts(String user) throws IOException {
    var counts = ask(user, "/v1/counts").json().at("/data/0/counts");
    for (var type : TYPES.entrySet()) {
      var count = counts.path(type.getKey());
      var expected = listed(user, type.getValue(), "");
      if (user.equals("jane") || count.at("/summary/count").asInt() > 0) {
        compare(user, type.getKey(), count.at("/summary/count").asInt(), expected.size());
      }
      for (var part : count.path("namespaces").properties()) {
        long most = expected.stream().filter(id -> id.startsWith(part.getKey() + "/")).count();
        compare(
            user, part.getKey() + " " + type.getKey(), part.getValue().path("count").asInt(), most);
      }
    }
  }

  /** Jane sees them all; others no more than that. */
  private void compare(String user, String what, int counted, long allowed) {
    cases++;
    if (counted > allowed || (user.equals("jane") && counted != allowed)) {
      fault(user, "%s are counted: %d, and not %d".formatted(what, counted, allowed));
    }
  }

  /** What is denied has not been done: the fake API server would have done it. */
  private void changes(String user, String resource, String name) throws IOException {
    for (String namespace : List.of("bank", "shop")) {
      String one = "/v1/%s/%s/%s".formatted(resource, namespace, name);
      String body = "{\"metadata\":{\"resourceVersion\":\"5\"}}";
      change(user, "PUT", one, body, guard.isDenied(user, "update", resource, namespace, name));
      change(user, "PATCH", one, body, guard.isDenied(user, "patch", resource, namespace, name));
      change(user, "DELETE", one, "", guard.isDenied(user, "delete", resource, namespace, name));
      String all = "/v1/%s/%s".formatted(resource, namespace);
      change(user, "POST", all, "{}", guard.isDenied(user, "create", resource, namespace, ""));
    }
  }

  private void change(String user, String method, String path, String body, boolean denied)
      throws IOException {
    cases++;
    var reply = browser.send(user, method, path, body);
    if (denied ? reply.status() < 400 : user.equals("jane") && reply.status() >= 400) {
      fault(user, method + " " + path + ": " + reply);
    } else if (denied && user.equals("jane") && !isGuarded(reply)) {
      fault(user, method + " " + path + " does not say why: " + reply);
    }
  }

  private void apply(String user, String kind, String resource) throws IOException {
    cases++;
    ObjectNode input = Json.MAPPER.createObjectNode();
    input.put("yaml", "apiVersion: v1\nkind: " + kind + "\nmetadata: {name: a, namespace: lab}\n");
    var reply = browser.send(user, "POST", LOCAL + "?action=apply", input.toString());
    boolean denied =
        guard.isDenied(user, "patch", resource, "lab", "a")
            || guard.isDenied(user, "create", resource, "lab", "");
    if (denied ? !isGuarded(reply) : reply.status() != 200) {
      fault(user, "apply " + kind + ": " + reply);
    }
    if (denied && reply.body().contains("ask for a role")) {
      fault(user, "no role would help: " + reply);
    }
  }
}
