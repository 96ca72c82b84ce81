package io.drover.e2e;

import com.fasterxml.jackson.databind.JsonNode;
import io.drover.e2e.IsolationWorld.Kind;
import io.drover.e2e.IsolationWorld.User;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/** Asks one Explorer everything in the name of every user, and compares it with the reviews. */
final class IsolationCheck {
  private static final int PARALLEL = 8;

  private final InetSocketAddress explorer;
  private final AccessReviews reviews;
  private final IsolationPolicy policy;
  private final Map<String, List<String>> outside;
  private final Queue<String> faults = new ConcurrentLinkedQueue<>();
  private final AtomicInteger cases = new AtomicInteger();
  private final AtomicLong askingNanos = new AtomicLong();

  /**
   * Asks nothing yet.
   *
   * @param policy that holds beside what reviews say
   * @param outside all objects that are in no namespace, by their resources
   */
  IsolationCheck(
      InetSocketAddress explorer,
      AccessReviews reviews,
      IsolationPolicy policy,
      Map<String, List<String>> outside) {
    this.explorer = explorer;
    this.reviews = reviews;
    this.policy = policy;
    this.outside = Map.copyOf(outside);
  }

  /** What was shown that should not be, or the other way round. */
  List<String> faults() {
    return List.copyOf(faults);
  }

  /** How many answers, or parts of them, were compared. */
  int cases() {
    return cases.get();
  }

  /** How long answers of the Explorer took, all together. */
  Duration asking() {
    return Duration.ofNanos(askingNanos.get());
  }

  /** Whether types are told. */
  boolean answers(User user) throws IOException {
    return ask(user, "/v1/schemas").status() == 200;
  }

  void run(IsolationWorld world) throws Exception {
    var tasks = new ArrayList<Callable<Boolean>>();
    var room = new Semaphore(PARALLEL);
    for (var user : world.users()) {
      tasks.add(() -> schemas(user));
      tasks.add(() -> counts(user));
      tasks.add(() -> namespaces(user));
      tasks.add(() -> strangeNamespaces(user));
      for (var kind : IsolationWorld.KINDS) {
        tasks.add(() -> lists(user, kind));
        tasks.add(() -> objects(user, kind));
      }
    }
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      var limited =
          tasks.stream()
              .map(
                  task ->
                      (Callable<Boolean>)
                          () -> {
                            room.acquire();
                            try {
                              return task.call();
                            } finally {
                              room.release();
                            }
                          })
              .toList();
      for (var done : threads.invokeAll(limited)) {
        done.get();
      }
    }
  }

  private void fault(User user, String what) {
    faults.add(user.name() + ": " + what);
  }

  private RawHttp.Reply ask(User user, String path) throws IOException {
    var fields = new ArrayList<Map.Entry<String, String>>();
    fields.add(Map.entry("Host", "isolation.example"));
    fields.add(Map.entry("Accept", "application/json"));
    fields.add(Map.entry("Impersonate-User", user.name()));
    user.groups().forEach(group -> fields.add(Map.entry("Impersonate-Group", group)));
    long beginNanos = System.nanoTime();
    try {
      return RawHttp.send(explorer, "GET", path, fields, new byte[0]);
    } finally {
      askingNanos.addAndGet(System.nanoTime() - beginNanos);
    }
  }

  private JsonNode json(User user, String path) throws IOException {
    var reply = ask(user, path);
    if (reply.status() != 200) {
      fault(user, "%s: status %d: %s".formatted(path, reply.status(), reply.body()));
    }
    return VectorCase.JSON.readTree(reply.body().isEmpty() ? "{}" : reply.body());
  }

  private static List<String> namespacesOf(Kind kind) {
    return kind.namespaced() ? IsolationWorld.NAMESPACES : List.of("");
  }

  /** Whether there is anything of a kind that the user may do it with. */
  private boolean allows(User user, Kind kind, String verb) {
    var names = new ArrayList<>(IsolationWorld.NAMES);
    names.add(IsolationWorld.NO_SUCH);
    names.addAll(IsolationWorld.NAMESPACES);
    for (String namespace : namespacesOf(kind)) {
      if (reviews.allowAny(user, verb, kind.group(), kind.resource(), namespace, names)) {
        return true;
      }
    }
    return false;
  }

  /** Whether an object is part of lists and counts: it may be listed, or at least read. */
  private boolean shows(User user, Kind kind, String namespace, String name) {
    return permits(user, "list", kind, namespace, name) && knows(user, kind, namespace, name);
  }

  /** Whether he may know of an object, in whatever way. */
  private boolean knows(User user, Kind kind, String namespace, String name) {
    boolean mayList =
        reviews.allow(user, "list", kind.group(), kind.resource(), namespace, "")
            || reviews.allow(user, "list", kind.group(), kind.resource(), namespace, name);
    return gets(user, kind, namespace, name)
        || (mayList && permits(user, "list", kind, namespace, name));
  }

  private boolean gets(User user, Kind kind, String namespace, String name) {
    return permits(user, "get", kind, namespace, name)
        && reviews.allow(user, "get", kind.group(), kind.resource(), namespace, name);
  }

  /** By the policy. */
  private boolean permits(User user, String verb, Kind kind, String namespace, String name) {
    return policy.allows(user, verb, kind.group(), kind.resource(), namespace, name);
  }

  /** Whether the policy denies all that there could be of a kind. */
  private boolean deniesAll(User user, Kind kind, String verb) {
    // Rules are of names and namespaces that there are: they are all equal to one that is not.
    String name = verb.equals("create") ? "" : IsolationWorld.NO_SUCH;
    return !permits(user, verb, kind, kind.namespaced() ? "elsewhere" : "", name);
  }

  /** Whether a page is told that he may. */
  private boolean offers(User user, Kind kind, String verb) {
    return allows(user, kind, verb) && !deniesAll(user, kind, verb);
  }

  /** Methods of types. */
  private boolean schemas(User user) throws IOException {
    var shown = json(user, "/v1/schemas").path("data");
    for (var kind : IsolationWorld.KINDS) {
      cases.incrementAndGet();
      var methods = new HashSet<String>();
      for (var schema : shown) {
        if (schema.path("id").asText().equals(kind.id())) {
          schema.path("resourceMethods").forEach(method -> methods.add(method.asText()));
          schema.path("collectionMethods").forEach(method -> methods.add(method.asText()));
        }
      }
      var expected = new HashSet<String>();
      if (offers(user, kind, "get") || offers(user, kind, "list")) {
        expected.add("GET");
      }
      if (offers(user, kind, "create")) {
        expected.add("POST");
      }
      if (offers(user, kind, "update")) {
        expected.addAll(List.of("PUT", "PATCH"));
      }
      if (offers(user, kind, "patch")) {
        expected.add("PATCH");
      }
      if (offers(user, kind, "delete")) {
        expected.add("DELETE");
      }
      if (!methods.equals(expected)) {
        fault(user, "schema %s: %s, and not %s".formatted(kind.id(), methods, expected));
      }
    }
    return true;
  }

  /** Lists of everything, and of each namespace. */
  private boolean lists(User user, Kind kind) throws IOException {
    list(user, kind, "");
    if (kind.namespaced()) {
      for (String namespace : IsolationWorld.NAMESPACES) {
        list(user, kind, namespace);
      }
    }
    return true;
  }

  private void list(User user, Kind kind, String in) throws IOException {
    cases.incrementAndGet();
    String path = "/v1/" + kind.pluralName() + (in.isEmpty() ? "" : "/" + in);
    var reply = ask(user, path + "?sort=metadata.name");
    if (reply.status() == 404 || reply.status() == 403) {
      // No type, or one of which he may only create objects, or the policy denies all.
      boolean shown =
          policy.isNone()
              ? allows(user, kind, "list") || allows(user, kind, "get")
              : listsAny(user, kind, in);
      if (shown) {
        fault(user, "%s: status %d".formatted(path, reply.status()));
      }
      return;
    }
    if (reply.status() != 200) {
      fault(user, "%s: status %d: %s".formatted(path, reply.status(), reply.body()));
      return;
    }
    var found = new HashSet<String>();
    for (var object : VectorCase.JSON.readTree(reply.body()).path("data")) {
      String id = object.path("id").asText();
      found.add(id);
      if (!shows(user, kind, namespace(id), name(id))) {
        fault(user, "%s: shows %s".formatted(path, id));
      }
      related(user, path, object);
    }
    for (String namespace : in.isEmpty() ? namespacesOf(kind) : List.of(in)) {
      if (reviews.allow(user, "list", kind.group(), kind.resource(), namespace, "")) {
        for (String name : IsolationWorld.NAMES) {
          String id = namespace.isEmpty() ? name : namespace + "/" + name;
          if (!found.contains(id) && permits(user, "list", kind, namespace, name)) {
            fault(user, "%s: lacks %s".formatted(path, id));
          }
        }
      }
    }
  }

  /** Whether there must be something in a list; names that roles name are not looked at. */
  private boolean listsAny(User user, Kind kind, String in) {
    for (String namespace : in.isEmpty() ? namespacesOf(kind) : List.of(in)) {
      for (String name : IsolationWorld.NAMES) {
        if (permits(user, "list", kind, namespace, name)
            && reviews.allow(user, "list", kind.group(), kind.resource(), namespace, "")) {
          return true;
        }
      }
    }
    return false;
  }

  /** What is no namespace is none, whatever the API server would make of it in a path. */
  private boolean strangeNamespaces(User user) throws IOException {
    var there = strange(user, IsolationWorld.NAMES.getFirst());
    var notThere = strange(user, IsolationWorld.NO_SUCH);
    if (there.status() != notThere.status()
        || there.body().contains("\"revision\"") != notThere.body().contains("\"revision\"")) {
      fault(user, "tells whether a Secret is there: %s, %s".formatted(there, notThere));
    }
    return true;
  }

  private RawHttp.Reply strange(User user, String secret) throws IOException {
    cases.incrementAndGet();
    return ask(
        user,
        "/v1/configmaps/%s%%252Fsecrets%%252F%s%%3F"
            .formatted(IsolationWorld.NAMESPACES.getFirst(), secret));
  }

  private static String namespace(String id) {
    return id.substring(0, Math.max(0, id.indexOf('/')));
  }

  private static String name(String id) {
    return id.substring(id.indexOf('/') + 1);
  }

  /** What it says of others: their states, and the names of those that it does not name itself. */
  private void related(User user, String path, JsonNode object) {
    for (var one : object.path("metadata").path("relationships")) {
      boolean inbound = one.has("fromType");
      var kind = IsolationWorld.kind(one.path(inbound ? "fromType" : "toType"));
      String id = one.path(inbound ? "fromId" : "toId").asText();
      if (kind == null || id.isEmpty()) {
        continue;
      }
      boolean named = one.path("rel").asText().equals("uses") != inbound;
      if ((!named || one.has("state")) && !knows(user, kind, namespace(id), name(id))) {
        fault(user, "%s: %s tells of %s".formatted(path, object.path("id").asText(), one));
      }
    }
  }

  /** Each object by itself. */
  private boolean objects(User user, Kind kind) throws IOException {
    for (String namespace : namespacesOf(kind)) {
      for (String name : IsolationWorld.NAMES) {
        cases.incrementAndGet();
        String id = namespace.isEmpty() ? name : namespace + "/" + name;
        String path = "/v1/" + kind.pluralName() + "/" + id;
        var reply = ask(user, path);
        boolean allowed = gets(user, kind, namespace, name);
        if ((reply.status() == 200) != allowed) {
          fault(
              user,
              "%s: status %d, Kubernetes allows: %s".formatted(path, reply.status(), allowed));
        }
        if (reply.status() == 200) {
          related(user, path, VectorCase.JSON.readTree(reply.body()));
        } else if (reply.status() != 403 && reply.status() != 404) {
          fault(user, "%s: status %d: %s".formatted(path, reply.status(), reply.body()));
        }
      }
    }
    return true;
  }

  /** Numbers of objects, by namespace. */
  private boolean counts(User user) throws IOException {
    var counts = json(user, "/v1/counts").at("/data/0/counts");
    for (var kind : IsolationWorld.KINDS) {
      cases.incrementAndGet();
      var count = counts.path(kind.id());
      int all = 0;
      for (var part : count.path("namespaces").properties()) {
        String namespace = part.getKey();
        int number = part.getValue().path("count").asInt();
        all += number;
        if (IsolationWorld.NAMESPACES.contains(namespace)) {
          if (number != allowed(user, kind, namespace)) {
            fault(user, "%d of %s in %s are counted".formatted(number, kind.id(), namespace));
          }
        } else if (number > 0
            && (!permits(user, "list", kind, namespace, IsolationWorld.NO_SUCH)
                || (!reviews.allow(user, "list", kind.group(), kind.resource(), namespace, "")
                    && !reviews.allow(
                        user, "get", kind.group(), kind.resource(), namespace, "")))) {
          fault(user, "%d of %s in %s are counted".formatted(number, kind.id(), namespace));
        }
      }
      int summary = count.at("/summary/count").asInt();
      int expected = kind.namespaced() ? all : allowed(user, kind, "");
      if (summary != expected) {
        fault(user, "%d of %s are counted, and not %d".formatted(summary, kind.id(), expected));
      }
      if (kind.namespaced()) {
        for (String namespace : IsolationWorld.NAMESPACES) {
          int number = count.path("namespaces").path(namespace).path("count").asInt();
          if (number != allowed(user, kind, namespace)) {
            fault(user, "%d of %s in %s are counted".formatted(number, kind.id(), namespace));
          }
        }
      }
    }
    return true;
  }

  private int allowed(User user, Kind kind, String namespace) {
    var names = outside.getOrDefault(kind.resource(), IsolationWorld.NAMES);
    return (int) names.stream().filter(name -> shows(user, kind, namespace, name)).count();
  }

  /** Who may do anything in a namespace is told its name; only who may read it, more. */
  private boolean namespaces(User user) throws IOException {
    for (var namespace : json(user, "/v1/namespaces").path("data")) {
      cases.incrementAndGet();
      String name = namespace.path("id").asText();
      if (!policy.allows(user, "list", "", "namespaces", "", name)) {
        fault(user, "shows namespace %s".formatted(name));
      }
      if (reviews.show(user, "", "namespaces", "", name)
          || reviews.allow(user, "get", "", "namespaces", name, name)) {
        continue;
      }
      boolean hasSomething =
          IsolationWorld.KINDS.stream()
              .anyMatch(
                  kind ->
                      IsolationWorld.VERBS.stream()
                          .anyMatch(verb -> anything(user, kind, verb, name)));
      if (!hasSomething || namespace.path("metadata").path("annotations").has("secret")) {
        fault(user, "shows namespace %s: %s".formatted(name, namespace));
      }
    }
    return true;
  }

  private boolean anything(User user, Kind kind, String verb, String namespace) {
    return reviews.allowAny(
        user,
        verb,
        kind.group(),
        kind.resource(),
        namespace,
        List.of("one", "two", IsolationWorld.NO_SUCH));
  }
}
