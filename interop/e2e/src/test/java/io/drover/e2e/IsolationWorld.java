package io.drover.e2e;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Objects, and users with roles of every kind of rule. For one seed always the same: what is made
 * up is made up by one {@link Random}, in one order.
 */
final class IsolationWorld {
  static final List<String> NAMESPACES = List.of("iso-a", "iso-b", "iso-c", "iso-d");

  /** Objects of each kind, in each namespace or outside of them. */
  static final List<String> NAMES = List.of("one", "two");

  /** What rules may name besides: no such object is there. */
  static final String NO_SUCH = "no-such";

  static final List<String> VERBS =
      List.of("get", "list", "watch", "create", "update", "patch", "delete");

  private static final int USERS = 24;
  private static final int MAX_BINDINGS = 4;
  private static final int MAX_RULES = 3;
  private static final String RBAC = "rbac.authorization.k8s.io";

  /** A kind of objects. */
  record Kind(String group, String version, String kind, String resource, boolean namespaced) {
    String id() {
      return (group.isEmpty() ? kind : group + "." + kind).toLowerCase(Locale.ROOT);
    }

    String pluralName() {
      return group.isEmpty() ? resource : group + "." + resource;
    }

    String apiVersion() {
      return group.isEmpty() ? version : group + "/" + version;
    }
  }

  static final List<Kind> KINDS =
      List.of(
          new Kind("", "v1", "ServiceAccount", "serviceaccounts", true),
          new Kind("", "v1", "ConfigMap", "configmaps", true),
          new Kind("", "v1", "Secret", "secrets", true),
          new Kind("", "v1", "Service", "services", true),
          new Kind("apps", "v1", "Deployment", "deployments", true),
          new Kind("apps", "v1", "ReplicaSet", "replicasets", true),
          new Kind("batch", "v1", "Job", "jobs", true),
          new Kind("", "v1", "Pod", "pods", true),
          new Kind("scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", false),
          new Kind("storage.k8s.io", "v1", "StorageClass", "storageclasses", false));

  /** Who asks. */
  record User(String name, List<String> groups) {}

  private final Random random;
  private final List<User> users = new ArrayList<>();
  private final List<ObjectNode> rights = new ArrayList<>();

  IsolationWorld(long seed) {
    random = new Random(seed);
    for (int i = 0; i < USERS; i++) {
      var user = user(i);
      users.add(user);
      for (int bindings = random.nextInt(MAX_BINDINGS + 1); bindings > 0; bindings--) {
        bind(user, "iso-%d-%d".formatted(i, bindings));
      }
    }
  }

  List<User> users() {
    return List.copyOf(users);
  }

  /** Roles and bindings. */
  List<ObjectNode> rights() {
    return List.copyOf(rights);
  }

  private <T> T any(List<T> all) {
    return all.get(random.nextInt(all.size()));
  }

  private boolean oneOf(int times) {
    return random.nextInt(times) == 0;
  }

  private User user(int number) {
    if (number % 4 == 3) {
      String namespace = any(NAMESPACES);
      return new User(
          "system:serviceaccount:%s:robot-%d".formatted(namespace, number),
          List.of(
              "system:serviceaccounts",
              "system:serviceaccounts:" + namespace,
              "system:authenticated"));
    }
    return new User("u-" + number, List.of("g-" + number % 5, "system:authenticated"));
  }

  private void bind(User user, String name) {
    boolean everywhere = oneOf(3);
    boolean ofCluster = everywhere || oneOf(2);
    String namespace = any(NAMESPACES);
    var role = object(RBAC + "/v1", ofCluster ? "ClusterRole" : "Role", ofCluster ? "" : namespace);
    name(role, name);
    var rules = role.putArray("rules");
    for (int count = 1 + random.nextInt(MAX_RULES); count > 0; count--) {
      rule(rules.addObject());
    }
    rights.add(role);
    var binding =
        object(
            RBAC + "/v1",
            everywhere ? "ClusterRoleBinding" : "RoleBinding",
            everywhere ? "" : namespace);
    name(binding, name);
    binding
        .putObject("roleRef")
        .put("apiGroup", RBAC)
        .put("kind", ofCluster ? "ClusterRole" : "Role")
        .put("name", name);
    var subject = binding.putArray("subjects").addObject();
    var account = user.name().split(":", -1);
    if (account.length == 4) {
      subject.put("kind", "ServiceAccount").put("namespace", account[2]).put("name", account[3]);
    } else if (oneOf(4)) {
      subject.put("apiGroup", RBAC).put("kind", "Group").put("name", user.groups().getFirst());
    } else {
      subject.put("apiGroup", RBAC).put("kind", "User").put("name", user.name());
    }
    rights.add(binding);
  }

  private void rule(ObjectNode rule) {
    var groups = rule.putArray("apiGroups");
    var resources = rule.putArray("resources");
    for (int count = 1 + random.nextInt(3); count > 0; count--) {
      var kind = any(KINDS);
      groups.add(kind.group());
      resources.add(kind.resource());
    }
    if (oneOf(12)) {
      groups.add("*");
    }
    if (oneOf(12)) {
      resources.add("*");
    }
    if (oneOf(6)) {
      resources.add("pods/log");
    }
    if (oneOf(6)) {
      groups.add("");
      resources.add("namespaces");
    }
    var verbs = rule.putArray("verbs");
    for (int count = 1 + random.nextInt(3); count > 0; count--) {
      verbs.add(any(VERBS));
    }
    if (oneOf(10)) {
      verbs.add("*");
    }
    if (oneOf(3)) {
      var names = rule.putArray("resourceNames");
      names.add(any(NAMES));
      if (oneOf(2)) {
        names.add(NO_SUCH);
      }
      if (oneOf(3)) {
        names.add(any(NAMESPACES));
      }
      if (oneOf(4)) {
        names.add("*"); // which is no wildcard there
      }
    }
  }

  private static ObjectNode object(String apiVersion, String kind, String namespace) {
    var object = VectorCase.JSON.createObjectNode();
    object.put("apiVersion", apiVersion).put("kind", kind);
    var metadata = object.putObject("metadata");
    if (!namespace.isEmpty()) {
      metadata.put("namespace", namespace);
    }
    return object;
  }

  private static void name(ObjectNode object, String name) {
    ((ObjectNode) object.path("metadata")).put("name", name);
  }

  /** Namespaces, and everything in them and outside of them. Each depends on those before only. */
  static List<ObjectNode> objects() {
    var objects = new ArrayList<ObjectNode>();
    for (String namespace : NAMESPACES) {
      var object = object("v1", "Namespace", "");
      name(object, namespace);
      ((ObjectNode) object.path("metadata")).putObject("annotations").put("secret", "of iso");
      objects.add(object);
    }
    for (var kind : KINDS) {
      for (String namespace : kind.namespaced() ? NAMESPACES : List.of("")) {
        for (String name : NAMES) {
          var object = object(kind.apiVersion(), kind.kind(), namespace);
          name(object, name);
          fill(kind, object, name);
          objects.add(object);
        }
      }
    }
    return objects;
  }

  private static void fill(Kind kind, ObjectNode object, String name) {
    switch (kind.kind()) {
      case "ConfigMap" -> object.putObject("data").put("k", "v");
      case "Secret" -> object.putObject("stringData").put("k", "v");
      case "Service" -> {
        var spec = object.putObject("spec");
        spec.putObject("selector").put("app", name);
        spec.putArray("ports").addObject().put("port", 80);
      }
      case "Deployment", "ReplicaSet" -> {
        var spec = object.putObject("spec");
        spec.putObject("selector").putObject("matchLabels").put("app", name);
        template(spec, name);
        if (kind.kind().equals("ReplicaSet")) {
          owner(object, "apps/v1", "Deployment", name);
        }
      }
      case "Job" -> {
        template(object.putObject("spec"), name);
        ((ObjectNode) object.at("/spec/template/spec")).put("restartPolicy", "Never");
      }
      case "Pod" -> {
        pod(object.putObject("spec"), name);
        owner(object, "apps/v1", "ReplicaSet", name);
      }
      case "PriorityClass" -> object.put("value", 1);
      case "StorageClass" -> object.put("provisioner", "example.org/none");
      default -> {} // has nothing but its name
    }
  }

  private static void template(ObjectNode spec, String name) {
    var template = spec.putObject("template");
    template.putObject("metadata").putObject("labels").put("app", name);
    pod(template.putObject("spec"), name);
  }

  /** Uses a ConfigMap, a Secret and a ServiceAccount of the same name. */
  private static void pod(ObjectNode spec, String name) {
    spec.put("serviceAccountName", name);
    var container = spec.putArray("containers").addObject();
    container.put("name", "c").put("image", "example.org/none");
    var from = container.putArray("envFrom");
    from.addObject().putObject("configMapRef").put("name", name);
    from.addObject().putObject("secretRef").put("name", name);
  }

  /** No controller is there that would look for it. */
  private static void owner(ObjectNode object, String apiVersion, String kind, String name) {
    ((ObjectNode) object.path("metadata"))
        .putArray("ownerReferences")
        .addObject()
        .put("apiVersion", apiVersion)
        .put("kind", kind)
        .put("name", name)
        .put("uid", "00000000-0000-0000-0000-000000000000");
  }

  /** As kubectl applies them. */
  static ObjectNode list(Stream<ObjectNode> objects) {
    var list = VectorCase.JSON.createObjectNode().put("apiVersion", "v1").put("kind", "List");
    ArrayNode items = list.putArray("items");
    objects.forEach(items::add);
    return list;
  }

  /** Of a kind, by its schema id; null: it is none of ours. */
  static @Nullable Kind kind(JsonNode id) {
    return KINDS.stream().filter(kind -> kind.id().equals(id.asText())).findFirst().orElse(null);
  }
}
