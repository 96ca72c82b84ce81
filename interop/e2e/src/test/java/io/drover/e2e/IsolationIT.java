package io.drover.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.drover.e2e.IsolationWorld.Kind;
import io.drover.e2e.IsolationWorld.User;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
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
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * What the Explorer shows to users with all kinds of rights, compared with what Kubernetes says that
 * they may see: no object, no name, no number and no method may be shown that a SubjectAccessReview
 * refuses, and none left out that it allows. Another world: {@code -Ddrover.isolation.seed=7}.
 */
@Tag("interop")
final class IsolationIT {
  private static final long SEED = Long.getLong("drover.isolation.seed", 20_261_128L);

  /** Cases that there must be. */
  private static final int MIN_CASES = 2_000;

  private static final int PARALLEL = 8;
  private static final Duration KINDS_LIMIT = Duration.ofSeconds(30);
  private static final Duration RIGHTS_LIMIT = Duration.ofSeconds(30);

  private final Queue<String> faults = new ConcurrentLinkedQueue<>();
  private final AtomicInteger cases = new AtomicInteger();
  private InetSocketAddress explorer;
  private AccessReviews reviews;

  @Test
  @Timeout(90)
  void showsWhatKubernetesShows() throws Exception {
    var world = new IsolationWorld(SEED);
    long beginNanos = System.nanoTime();
    try (var plane = ControlPlane.startBare("isolation");
        var all = new AccessReviews(plane)) {
      reviews = all;
      make(plane, Programs.directory("isolation"), world);
      for (String sqlCache : List.of("true", "false")) {
        try (var installation =
            Installation.start(
                plane,
                "isolation-" + sqlCache,
                Peer.VERSIONS.getLast(),
                Map.of("CATTLE_FEATURES", "ui-sql-cache=" + sqlCache),
                Installation.NO_CHECKS)) {
          explorer = installation.peer().forwardToSteve();
          awaitRights(world);
          check(world);
        }
      }
    }
    System.out.printf(
        "isolation: seed=%d cases=%d reviews=%d seconds=%d%n",
        SEED,
        cases.get(),
        reviews.asked(),
        Duration.ofNanos(System.nanoTime() - beginNanos).toSeconds());
    assertThat(faults).isEmpty();
    assertThat(cases.get()).isGreaterThanOrEqualTo(MIN_CASES);
  }

  private static void make(ControlPlane plane, Path directory, IsolationWorld world)
      throws IOException, InterruptedException {
    var file = directory.resolve("world.json");
    var all = Stream.concat(IsolationWorld.objects().stream(), world.rights().stream());
    Files.writeString(file, IsolationWorld.list(all).toString());
    Await.that(
        "everything is made",
        KINDS_LIMIT,
        () ->
            plane
                    .admin()
                    .outcome(
                        new byte[0], "apply", "--server-side", "--validate=false", "-f", "" + file)
                    .exitCode()
                == 0);
  }

  /** The Explorer reads roles when it is first asked. */
  private void awaitRights(IsolationWorld world) throws InterruptedException {
    var user = world.users().getFirst();
    Await.that(
        "the Explorer answers", RIGHTS_LIMIT, () -> ask(user, "/v1/schemas").status() == 200);
  }

  private void check(IsolationWorld world) throws Exception {
    var tasks = new ArrayList<Callable<Boolean>>();
    var room = new Semaphore(PARALLEL);
    for (var user : world.users()) {
      tasks.add(() -> schemas(user));
      tasks.add(() -> counts(user));
      tasks.add(() -> namespaces(user));
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

  private void fault(User user, String what, Object... arguments) {
    faults.add(user.name() + ": " + what.formatted(arguments));
  }

  private RawHttp.Reply ask(User user, String path) throws IOException {
    var fields = new ArrayList<Map.Entry<String, String>>();
    fields.add(Map.entry("Host", "isolation.example"));
    fields.add(Map.entry("Accept", "application/json"));
    fields.add(Map.entry("Impersonate-User", user.name()));
    user.groups().forEach(group -> fields.add(Map.entry("Impersonate-Group", group)));
    return RawHttp.send(explorer, "GET", path, fields, new byte[0]);
  }

  private JsonNode json(User user, String path) throws IOException {
    var reply = ask(user, path);
    if (reply.status() != 200) {
      fault(user, "%s: status %d: %s", path, reply.status(), reply.body());
    }
    return VectorCase.JSON.readTree(reply.body().isEmpty() ? "{}" : reply.body());
  }

  private static List<String> namespacesOf(Kind kind) {
    return kind.namespaced() ? IsolationWorld.NAMESPACES : List.of("");
  }

  /** Whether there is anything of a kind that the user may do it with. */
  private boolean allows(User user, Kind kind, String verb) {
    var names = new ArrayList<>(IsolationWorld.NAMES);
    names.add(0, "");
    names.add(IsolationWorld.NO_SUCH);
    names.addAll(IsolationWorld.NAMESPACES);
    for (String namespace : namespacesOf(kind)) {
      for (String name : names) {
        if (reviews.allow(user, verb, kind.group(), kind.resource(), namespace, name)) {
          return true;
        }
      }
    }
    return false;
  }

  private boolean shows(User user, Kind kind, String namespace, String name) {
    return reviews.show(user, kind.group(), kind.resource(), namespace, name);
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
      if (allows(user, kind, "get") || allows(user, kind, "list")) {
        expected.add("GET");
      }
      if (allows(user, kind, "create")) {
        expected.add("POST");
      }
      if (allows(user, kind, "update")) {
        expected.addAll(List.of("PUT", "PATCH"));
      }
      if (allows(user, kind, "patch")) {
        expected.add("PATCH");
      }
      if (allows(user, kind, "delete")) {
        expected.add("DELETE");
      }
      if (!methods.equals(expected)) {
        fault(user, "schema %s: %s, Kubernetes allows %s", kind.id(), methods, expected);
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
      // No type, or one of which he may only create objects.
      if (allows(user, kind, "list") || allows(user, kind, "get")) {
        fault(user, "%s: status %d", path, reply.status());
      }
      return;
    }
    if (reply.status() != 200) {
      fault(user, "%s: status %d: %s", path, reply.status(), reply.body());
      return;
    }
    var found = new HashSet<String>();
    for (var object : VectorCase.JSON.readTree(reply.body()).path("data")) {
      String id = object.path("id").asText();
      found.add(id);
      if (!shows(user, kind, namespace(id), name(id))) {
        fault(user, "%s: shows %s", path, id);
      }
      related(user, path, object);
    }
    for (String namespace : in.isEmpty() ? namespacesOf(kind) : List.of(in)) {
      if (reviews.allow(user, "list", kind.group(), kind.resource(), namespace, "")) {
        for (String name : IsolationWorld.NAMES) {
          String id = namespace.isEmpty() ? name : namespace + "/" + name;
          if (!found.contains(id)) {
            fault(user, "%s: lacks %s", path, id);
          }
        }
      }
    }
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
      if ((!named || one.has("state")) && !shows(user, kind, namespace(id), name(id))) {
        fault(user, "%s: %s tells of %s", path, object.path("id").asText(), one);
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
        boolean allowed =
            reviews.allow(user, "get", kind.group(), kind.resource(), namespace, name);
        if ((reply.status() == 200) != allowed) {
          fault(user, "%s: status %d, Kubernetes allows: %s", path, reply.status(), allowed);
        }
        if (reply.status() == 200) {
          related(user, path, VectorCase.JSON.readTree(reply.body()));
        } else if (reply.status() != 403 && reply.status() != 404) {
          fault(user, "%s: status %d: %s", path, reply.status(), reply.body());
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
            fault(user, "%d of %s in %s are counted", number, kind.id(), namespace);
          }
        } else if (number > 0
            && !reviews.allow(user, "list", kind.group(), kind.resource(), namespace, "")
            && !reviews.allow(user, "get", kind.group(), kind.resource(), namespace, "")) {
          fault(user, "%d of %s in %s are counted", number, kind.id(), namespace);
        }
      }
      int summary = count.at("/summary/count").asInt();
      int expected = kind.namespaced() ? all : allowed(user, kind, "");
      if (summary != expected) {
        fault(user, "%d of %s are counted, and not %d", summary, kind.id(), expected);
      }
      if (kind.namespaced()) {
        for (String namespace : IsolationWorld.NAMESPACES) {
          int number = count.path("namespaces").path(namespace).path("count").asInt();
          if (number != allowed(user, kind, namespace)) {
            fault(user, "%d of %s in %s are counted", number, kind.id(), namespace);
          }
        }
      }
    }
    return true;
  }

  private int allowed(User user, Kind kind, String namespace) {
    return (int)
        IsolationWorld.NAMES.stream().filter(name -> shows(user, kind, namespace, name)).count();
  }

  /** Who may do anything in a namespace is told its name; only who may read it, more. */
  private boolean namespaces(User user) throws IOException {
    for (var namespace : json(user, "/v1/namespaces").path("data")) {
      cases.incrementAndGet();
      String name = namespace.path("id").asText();
      if (reviews.show(user, "", "namespaces", "", name)
          || reviews.allow(user, "get", "", "namespaces", name, name)) {
        continue;
      }
      boolean hasSomething =
          IsolationWorld.KINDS.stream()
              .filter(Kind::namespaced)
              .anyMatch(
                  kind ->
                      IsolationWorld.VERBS.stream()
                          .anyMatch(verb -> anything(user, kind, verb, name)));
      if (!hasSomething || namespace.path("metadata").path("annotations").has("secret")) {
        fault(user, "shows namespace %s: %s", name, namespace);
      }
    }
    return true;
  }

  private boolean anything(User user, Kind kind, String verb, String namespace) {
    return Stream.of("", "one", "two", IsolationWorld.NO_SUCH)
        .anyMatch(
            name -> reviews.allow(user, verb, kind.group(), kind.resource(), namespace, name));
  }
}
