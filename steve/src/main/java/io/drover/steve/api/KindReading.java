package io.drover.steve.api;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.steve.access.Access;
import io.drover.steve.access.Rights;
import io.drover.steve.http.Turn;
import io.drover.steve.kube.ApiRequest;
import io.drover.steve.kube.ApiServer;
import io.drover.steve.kube.Json;
import io.drover.steve.kube.ObjectId;
import io.drover.steve.kube.Refusal;
import io.drover.steve.kube.User;
import io.drover.steve.schema.ResourceType;
import io.drover.steve.state.Relationship;
import io.drover.steve.state.State;
import io.drover.steve.state.Summary;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One reading of the objects of one kind, for what they have to do with rows. One thread. */
final class KindReading {
  private static final Logger log = LoggerFactory.getLogger(KindReading.class);

  /** For which rows it is. Any thread. */
  interface ForRows {
    /** Who is shown them. */
    User user();

    /** What an object names. */
    List<Relationship> named(ObjectNode object);

    /** Whether that is one of the rows, as far as is known. */
    boolean isRow(String type, String id);

    /** Takes room for one more thing that is kept; false: there is none. */
    boolean mayKeep();
  }

  /** Time or number is over. */
  private static final class EnoughException extends IOException {
    private static final long serialVersionUID = 1;

    EnoughException(String reason) {
      super(reason);
    }
  }

  /** What is asked of one kind. Null: the rows are not known beforehand, so it is anything. */
  static final class Wanted {
    final @Nullable Set<String> namespaces;
    @Nullable Set<String> states = new HashSet<>();
    boolean naming;
    boolean children;

    Wanted(@Nullable Set<String> namespaces) {
      this.namespaces = namespaces == null ? null : new TreeSet<>(namespaces);
    }

    boolean state(String id) {
      return states == null || states.contains(id);
    }
  }

  /** One that names a row. */
  record Naming(Relationship relationship, Summary summary) {}

  /** One that is shown in a row. */
  record Child(String name, Map<String, String> labels, State state) {}

  /** What one request of a pass brings: all of it his, or what the rights say. */
  private record Part(String namespace, boolean isHis) {}

  /** What was found of one kind. One thread, then another. */
  static final class Found {
    final Map<String, Summary> states = new HashMap<>();
    final Map<String, List<Naming>> naming = new HashMap<>();

    /** By namespace, or by the row that owns them. */
    final Map<String, List<Child>> children = new HashMap<>();

    // So that what is the same is there once.
    private final Map<Object, Object> same = new HashMap<>();

    @SuppressWarnings("unchecked")
    <T> T once(T value) {
      return (T) same.computeIfAbsent(value, it -> it);
    }
  }

  private final ApiServer api;
  private final Clock clock;
  private final Semaphore room;
  private final ForRows rows;
  private final ResourceType type;
  private final Rights rights;
  private final Wanted wanted;
  private final long untilNanos;
  private final Found found = new Found();
  private int looked;

  /**
   * Asks nothing yet.
   *
   * @param room how many kinds are read at one time
   * @param rights the user's, of the kind
   * @param untilNanos when it is too late
   */
  KindReading(
      ApiServer api,
      Clock clock,
      Semaphore room,
      ForRows rows,
      ResourceType type,
      Rights rights,
      Wanted wanted,
      long untilNanos) {
    this.api = api;
    this.clock = clock;
    this.room = room;
    this.rows = rows;
    this.type = type;
    this.rights = rights;
    this.wanted = wanted;
    this.untilNanos = untilNanos;
  }

  /** Returns what has come in time. */
  Found read() throws InterruptedException {
    if (room.tryAcquire(untilNanos - System.nanoTime(), TimeUnit.NANOSECONDS)) {
      try {
        for (var part : parts()) {
          readUnlessRefused(part);
        }
      } catch (IOException e) {
        log.debug("relations not told: type={} reason={}", type.id(), e.toString());
      } finally {
        room.release();
      }
    }
    return found;
  }

  private List<Part> parts() {
    boolean all = rights.all("list");
    if (!type.namespaced()) {
      return List.of(new Part("", all));
    }
    var in = wanted.namespaces;
    var parts = rights.parts("list");
    if (!all) {
      var his = new TreeSet<>(parts.keySet());
      boolean partOfAll = his.remove(Access.ALL) && rights.isFiltered("list", Access.ALL);
      if (in != null) {
        his.retainAll(in);
      }
      in = partOfAll ? in : his;
    }
    return in == null || in.size() > ListRelations.MAX_NAMESPACES
        ? List.of(new Part("", all))
        : in.stream()
            .filter(namespace -> !namespace.isEmpty())
            .map(
                namespace ->
                    new Part(namespace, all || rights.grants("list", namespace, Access.ALL)))
            .toList();
  }

  /** What one namespace refuses holds the others not up. */
  private void readUnlessRefused(Part part) throws IOException {
    try {
      read(part);
    } catch (Refusal e) {
      log.debug("relations not told: type={} reason={}", type.id(), e.toString());
    }
  }

  private void read(Part part) throws IOException {
    boolean cells = wanted.children && type.id().equals("pod");
    String target =
        type.path(ApiRequest.segment(part.namespace()))
            + "?limit="
            + (ListRelations.MAX_OBJECTS - looked);
    var request =
        ApiRequest.get(
                cells ? target + "&includeObject=Object" : target,
                cells ? ApiRequest.TABLE : Kinds.accept(type.id()))
            .within(Duration.ofNanos(Math.max(1, untilNanos - System.nanoTime())));
    try (var answer = api.send(part.isHis() ? request.as(rows.user()) : request)) {
      new Rows(false).list(answer.body(), (object, _) -> look(object, part));
    }
  }

  private void look(ObjectNode object, Part part) throws IOException {
    if (looked++ == ListRelations.MAX_OBJECTS) {
      throw new EnoughException("more than " + ListRelations.MAX_OBJECTS + " objects");
    }
    if (System.nanoTime() - untilNanos > 0) {
      throw new EnoughException("not read within " + ListRelations.LIMIT.toSeconds() + " s");
    }
    Turn.give();
    var metadata = object.path("metadata");
    String namespace = metadata.path("namespace").asText("");
    String name = metadata.path("name").asText("");
    if (!part.isHis() && !rights.shows(namespace, name)) {
      return;
    }
    type.declare(object);
    String id = ObjectId.of(object);
    if (wanted.state(id)) {
      keep(() -> found.states.put(id, summary(object)));
    }
    if (wanted.naming || (wanted.children && !type.id().equals("pod"))) {
      named(object, name);
    }
    if (wanted.children && type.id().equals("pod")) {
      var child = child(object, name, found.once(Json.texts(metadata.path("labels"))));
      keep(() -> found.children.computeIfAbsent(namespace, _ -> new ArrayList<>()).add(child));
    }
  }

  private void named(ObjectNode object, String name) throws IOException {
    for (var one : rows.named(object)) {
      boolean isRow = !one.id().isEmpty() && rows.isRow(one.type(), one.id());
      if (isRow && wanted.naming) {
        var mirrored = one.reversed(type.id(), ObjectId.of(object));
        var names = new Naming(mirrored, summary(object));
        keep(() -> found.naming.computeIfAbsent(one.id(), _ -> new ArrayList<>()).add(names));
      }
      if (isRow && wanted.children && one.inbound()) {
        var child = child(object, name, Map.of());
        keep(() -> found.children.computeIfAbsent(one.id(), _ -> new ArrayList<>()).add(child));
      }
    }
  }

  private Child child(ObjectNode object, String name, Map<String, String> labels) {
    return new Child(name, labels, found.once(State.of(object, clock)));
  }

  private Summary summary(ObjectNode object) {
    return found.once(Summary.of(object, clock));
  }

  private void keep(Runnable what) throws IOException {
    if (!rows.mayKeep()) {
      throw new EnoughException(
          "more than " + ListRelations.MAX_KEPT + " are kept, or too many by all lists");
    }
    what.run();
  }

  static boolean isReadable(ResourceType type, Rights rights) {
    // Who may do something in a namespace is shown that it is there, but no more of it.
    boolean onlyKnown = type.id().equals("namespace") && !rights.all("list");
    return type.verbs().contains("list") && !onlyKnown && rights.any("list", "get");
  }
}
