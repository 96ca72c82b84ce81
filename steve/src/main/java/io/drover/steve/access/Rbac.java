package io.drover.steve.access;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.steve.access.AccessSet.Right;
import io.drover.steve.kube.ObjectId;
import io.drover.steve.kube.User;
import io.drover.steve.kube.Watch;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.StreamSupport;
import org.jspecify.annotations.Nullable;

/**
 * The roles and bindings of the cluster, as they change, and what follows from them for a user. Of
 * each no more is kept than counts. Any thread.
 */
public final class Rbac {
  private static final String GROUP = "rbac.authorization.k8s.io";

  /** The four kinds, by the names of their resources. */
  public enum Kind {
    CLUSTERROLES,
    ROLES,
    CLUSTERROLEBINDINGS,
    ROLEBINDINGS;

    /** Where they are listed. */
    public String path() {
      return "/apis/" + GROUP + "/v1/" + name().toLowerCase(java.util.Locale.ROOT);
    }

    private boolean isRole() {
      return this == CLUSTERROLES || this == ROLES;
    }
  }

  private record Rule(
      List<String> verbs, List<String> groups, List<String> resources, List<String> names) {}

  private record Role(String version, List<Rule> rules) {}

  /** A binding of subjects, each {@code User name} or {@code Group name}, to a role. */
  private record Binding(String namespace, String roleKind, String role, Set<String> subjects) {}

  // Guarded by this. By namespace/name, or the name.
  private final Map<Kind, Map<String, Role>> roles = new HashMap<>();
  private final Map<Kind, Map<String, Binding>> bindings = new HashMap<>();
  private long changes;

  /** Takes what a watch of a kind tells. */
  public Watch.Events of(Kind kind) {
    return kind.isRole()
        ? new Kept<>(kind, roles, Rbac::role)
        : new Kept<>(kind, bindings, object -> binding(kind, object));
  }

  /** Changes since the beginning: as long as it stays, so do all access sets. */
  public synchronized long changes() {
    return changes;
  }

  /** What a user may do now. */
  public synchronized AccessSet of(User user) {
    var subjects = new TreeSet<String>();
    subjects.add("User " + user.name());
    user.groups().forEach(group -> subjects.add("Group " + group));
    var granted = new HashMap<Right, Set<Access>>();
    var parts = new TreeMap<String, String>();
    for (var kind : List.of(Kind.ROLEBINDINGS, Kind.CLUSTERROLEBINDINGS)) {
      for (var binding : bindings.getOrDefault(kind, Map.of()).values()) {
        var role = role(binding);
        if (role != null && binding.subjects().stream().anyMatch(subjects::contains)) {
          role.rules().forEach(rule -> grant(granted, binding.namespace(), rule));
          parts.put(
              binding.namespace() + " " + binding.roleKind() + " " + binding.role(),
              role.version());
        }
      }
    }
    return new AccessSet(digest(parts.toString()), granted);
  }

  private @Nullable Role role(Binding binding) {
    return binding.roleKind().equals("ClusterRole")
        ? roles.getOrDefault(Kind.CLUSTERROLES, Map.of()).get(binding.role())
        : roles.getOrDefault(Kind.ROLES, Map.of()).get(binding.namespace() + "/" + binding.role());
  }

  private static void grant(Map<Right, Set<Access>> granted, String namespace, Rule rule) {
    for (String group : rule.groups()) {
      for (String resource : rule.resources()) {
        for (String name : rule.names()) {
          var access = access(namespace, group, resource, name);
          for (String verb : rule.verbs()) {
            granted
                .computeIfAbsent(new Right(verb, group, resource), _ -> new HashSet<>())
                .add(access);
          }
        }
      }
    }
  }

  /** A namespace is no object in itself, but a role in it may allow to read it. */
  private static Access access(String namespace, String group, String resource, String name) {
    boolean itself =
        !namespace.equals(Access.ALL)
            && group.isEmpty()
            && resource.equals("namespaces")
            && (name.equals(Access.ALL) || name.equals(namespace));
    return itself ? new Access(Access.ALL, namespace) : new Access(namespace, name);
  }

  private static String digest(String text) {
    try {
      var digest = MessageDigest.getInstance("SHA-256").digest(text.getBytes(UTF_8));
      return HexFormat.of().formatHex(digest);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  private static Role role(ObjectNode object) {
    var rules = new ArrayList<Rule>();
    for (var rule : object.path("rules")) {
      var resources = texts(rule.path("resources"));
      if (!resources.isEmpty()) {
        rules.add(
            new Rule(
                texts(rule.path("verbs")),
                texts(rule.path("apiGroups")),
                resources,
                names(texts(rule.path("resourceNames")))));
      }
    }
    return new Role(object.at("/metadata/resourceVersion").asText(""), rules);
  }

  /**
   * To Kubernetes an asterisk among names is a name like others, which no object has that is listed
   * here: it must not become {@link Access#ALL}.
   */
  private static List<String> names(List<String> said) {
    return said.isEmpty()
        ? List.of(Access.ALL)
        : said.stream().filter(name -> !name.equals(Access.ALL)).toList();
  }

  private static List<String> texts(JsonNode list) {
    return StreamSupport.stream(list.spliterator(), false)
        .map(item -> item.asText("").intern())
        .toList();
  }

  private static @Nullable Binding binding(Kind kind, ObjectNode object) {
    var role = object.path("roleRef");
    var roleKind = role.path("kind").asText("");
    if (kind == Kind.CLUSTERROLEBINDINGS && !roleKind.equals("ClusterRole")) {
      return null;
    }
    var subjects = new HashSet<String>();
    for (var subject : object.path("subjects")) {
      String subjectKind = subject.path("kind").asText("");
      String group = subject.path("apiGroup").asText("");
      String name = subject.path("name").asText("");
      String namespace = subject.path("namespace").asText("");
      if (group.equals(GROUP) && (subjectKind.equals("User") || subjectKind.equals("Group"))) {
        subjects.add(subjectKind + " " + name);
      } else if (group.isEmpty() && subjectKind.equals("ServiceAccount") && !namespace.isEmpty()) {
        subjects.add("User system:serviceaccount:" + namespace + ":" + name);
      }
    }
    return new Binding(
        kind == Kind.ROLEBINDINGS ? object.at("/metadata/namespace").asText("") : Access.ALL,
        roleKind,
        role.path("name").asText(""),
        Set.copyOf(subjects));
  }

  /** What of an object counts; null if nothing does. */
  private interface Reader<T> {
    @Nullable T read(ObjectNode object);
  }

  /** The objects of one kind. While they are listed anew the old ones count. */
  private final class Kept<T> implements Watch.Events {
    private final Kind kind;
    private final Map<Kind, Map<String, T>> all;
    private final Reader<T> reader;
    private @Nullable Map<String, T> listed;

    Kept(Kind kind, Map<Kind, Map<String, T>> all, Reader<T> reader) {
      this.kind = kind;
      this.all = all;
      this.reader = reader;
    }

    @Override
    public void begin() {
      listed = new HashMap<>();
    }

    @Override
    public void changed(ObjectNode object) {
      var read = reader.read(object);
      var listing = listed;
      if (listing != null) {
        if (read != null) {
          listing.put(ObjectId.of(object), read);
        }
        return;
      }
      synchronized (Rbac.this) {
        var kept = all.computeIfAbsent(kind, _ -> new HashMap<>());
        if (read == null) {
          kept.remove(ObjectId.of(object));
        } else {
          kept.put(ObjectId.of(object), read);
        }
        changes++;
      }
    }

    @Override
    public void deleted(ObjectNode object) {
      synchronized (Rbac.this) {
        all.computeIfAbsent(kind, _ -> new HashMap<>()).remove(ObjectId.of(object));
        changes++;
      }
    }

    @Override
    public void complete() {
      var listing = listed;
      listed = null;
      synchronized (Rbac.this) {
        all.put(kind, listing == null ? new HashMap<>() : listing);
        changes++;
      }
    }
  }
}
