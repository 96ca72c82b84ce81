package io.drover.steve.api;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.steve.api.KindReading.Child;
import io.drover.steve.api.KindReading.Found;
import io.drover.steve.api.KindReading.Naming;
import io.drover.steve.api.KindReading.Wanted;
import io.drover.steve.kube.ApiServer;
import io.drover.steve.kube.Json;
import io.drover.steve.kube.ObjectId;
import io.drover.steve.kube.Stopping;
import io.drover.steve.kube.Together;
import io.drover.steve.kube.User;
import io.drover.steve.live.LiveCounts;
import io.drover.steve.state.Relationship;
import io.drover.steve.state.Summary;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What the objects of lists have to do with others. While a list is answered, each other kind that
 * matters to it is read once, not once for each row, and only what the user may see of it. Past one
 * of the limits less is told; what a row names itself always is. Any thread; each {@link OfList} is
 * for one.
 */
public final class ListRelations {
  /** For all that is read for one list. */
  static final Duration LIMIT = Duration.ofSeconds(2);

  /** Objects of a kind that are looked at for one list. */
  static final int MAX_OBJECTS = 5_000;

  /** States and relationships that are kept for one list, until it is answered. */
  static final int MAX_KEPT = 20_000;

  /** The same for all lists that are answered at one time; some 200 bytes each. */
  static final int MAX_KEPT_OF_ALL = 50_000;

  /** Namespaces that are asked one by one. With more, all are asked at once. */
  static final int MAX_NAMESPACES = 8;

  /** Kinds that are read at one time, for whichever lists. */
  static final int PARALLEL = 8;

  private static final Logger log = LoggerFactory.getLogger(ListRelations.class);

  private final ApiServer api;
  private final Applying applying;
  private final Clock clock;
  private final Semaphore room = new Semaphore(PARALLEL, true);
  private final Semaphore unkept = new Semaphore(MAX_KEPT_OF_ALL);

  /**
   * Asks nothing yet.
   *
   * @param counts know of objects that belong to rows by an annotation
   */
  public ListRelations(ApiServer api, LiveCounts counts, Clock clock) {
    this.api = api;
    this.applying = new Applying(counts);
    this.clock = clock;
  }

  /**
   * For one list; to be closed. Asks nothing yet.
   *
   * @param related whether relationships are wanted
   * @param associated whether the pods of workloads, and the jobs of CronJobs, are
   */
  OfList of(Call call, boolean related, boolean associated) {
    return new OfList(call, related, associated);
  }

  /** What the rows of one list have to do with others. One thread. */
  final class OfList implements KindReading.ForRows, AutoCloseable {
    private final Call call;
    private final String rowType;
    private final boolean related;
    private final String childType;
    private final AtomicInteger kept = new AtomicInteger();
    private final Map<String, Map<String, Summary>> states = new HashMap<>();
    private final Map<String, List<Naming>> naming = new HashMap<>();
    private final Map<String, List<Child>> children = new HashMap<>();
    private @Nullable Set<String> rowIds;
    private boolean begun;
    private long leftNanos = LIMIT.toNanos();

    OfList(Call call, boolean related, boolean associated) {
      this.call = call;
      this.rowType = call.schema().id();
      this.related = related;
      this.childType = associated ? Kinds.shownWith(rowType) : "";
    }

    private boolean isNeeded() {
      return related || !childType.isEmpty();
    }

    /** These will be all rows: nothing is looked for but what they have to do with. */
    void expect(Collection<ObjectNode> rows) throws IOException {
      if (!isNeeded() || rows.isEmpty()) {
        return;
      }
      begun = true;
      var ids = new HashSet<String>();
      var namespaces = new TreeSet<String>();
      var wanted = new TreeMap<String, Wanted>();
      for (var row : rows) {
        ids.add(ObjectId.of(row));
        namespaces.add(row.path("metadata").path("namespace").asText(""));
        if (related) {
          for (var one : named(row)) {
            if (!one.id().isEmpty()) {
              int slash = one.id().indexOf('/');
              var of = wanted.computeIfAbsent(one.type(), _ -> new Wanted(Set.of()));
              if (of.states != null && of.namespaces != null) {
                of.states.add(one.id());
                of.namespaces.add(slash < 0 ? "" : one.id().substring(0, slash));
              }
            }
          }
        }
      }
      rowIds = ids;
      fromRows(wanted, namespaces);
      read(wanted);
    }

    /** Nothing is known of the rows but whose list it is. */
    private void begin() throws IOException {
      if (!begun && isNeeded()) {
        begun = true;
        var wanted = new TreeMap<String, Wanted>();
        fromRows(wanted, namespaces());
        read(wanted);
      }
    }

    private @Nullable Set<String> namespaces() {
      return call.namespace().isEmpty() ? null : Set.of(call.namespace());
    }

    private void fromRows(Map<String, Wanted> wanted, @Nullable Set<String> namespaces) {
      var in = rowType.equals("node") ? Set.of(Kinds.LEASES_OF_NODES) : namespaces;
      if (related) {
        for (String kind : Kinds.naming(rowType)) {
          of(wanted, kind, in).naming = true;
        }
      }
      if (!childType.isEmpty()) {
        of(wanted, childType, in).children = true;
      }
    }

    private static Wanted of(
        Map<String, Wanted> wanted, String kind, @Nullable Set<String> namespaces) {
      var known = wanted.get(kind);
      if (known == null) {
        known = new Wanted(namespaces);
        wanted.put(kind, known);
      } else if (known.namespaces != null && namespaces != null) {
        known.namespaces.addAll(namespaces);
      }
      return known;
    }

    /** As {@code metadata.relationships}. The row is renamed. */
    JsonNode relationships(ObjectNode row) throws IOException {
      if (!related) {
        return Json.MAPPER.nullNode();
      }
      begin();
      var all = Json.MAPPER.createArrayNode();
      for (var one : named(row)) {
        all.add(one.json(one.id().isEmpty() ? null : state(one)));
      }
      for (var one : naming.getOrDefault(ObjectId.of(row), List.of())) {
        all.add(one.relationship().json(one.summary()));
      }
      applying.tell(call, row, all);
      return all.isEmpty() ? Json.MAPPER.nullNode() : all;
    }

    private @Nullable Summary state(Relationship one) throws IOException {
      var known = states.get(one.type());
      if (known == null) {
        known = Map.of();
        if (rowIds == null) {
          var wanted = new Wanted(namespaces());
          wanted.states = null;
          read(Map.of(one.type(), wanted));
          known = states.getOrDefault(one.type(), known);
        }
        states.put(one.type(), known);
      }
      return known.get(one.id());
    }

    @Override
    public User user() {
      return call.user();
    }

    @Override
    public boolean isRow(String type, String id) {
      return type.equals(rowType) && (rowIds == null || rowIds.contains(id));
    }

    @Override
    public List<Relationship> named(ObjectNode row) {
      return Relationship.of(row, call.schemas().types()::isNamespaced);
    }

    /** As {@code metadata.associatedData}; null: there is none. */
    @Nullable ArrayNode associated(ObjectNode row) throws IOException {
      if (childType.isEmpty()) {
        return null;
      }
      begin();
      var type = call.schemas().types().byId(childType);
      var found = childrenOf(row);
      if (found.isEmpty() || type == null) {
        return null;
      }
      var all = Json.MAPPER.createArrayNode();
      var kind = all.addObject();
      var data = kind.putArray("data");
      for (var child : found) {
        var json = data.addObject();
        json.put(childType.equals("pod") ? "childName" : "podName", child.name());
        json.putObject("state")
            .put("error", Boolean.toString(child.state().error()))
            .put("message", child.state().message())
            .put("name", child.state().name())
            .put("transitioning", Boolean.toString(child.state().transitioning()));
      }
      kind.putObject("gvk")
          .put("group", type.group())
          .put("kind", type.kind())
          .put("version", type.version());
      return all;
    }

    private List<Child> childrenOf(ObjectNode row) {
      if (!childType.equals("pod")) {
        return children.getOrDefault(ObjectId.of(row), List.of());
      }
      var selector = row.path("spec").path("selector");
      var labels = Json.texts(selector.path("matchLabels"));
      if (labels.isEmpty() || !selector.path("matchExpressions").isEmpty()) {
        return List.of();
      }
      var namespace = row.path("metadata").path("namespace").asText("");
      return children.getOrDefault(namespace, List.of()).stream()
          .filter(child -> child.labels().entrySet().containsAll(labels.entrySet()))
          .toList();
    }

    /** Reads kinds, each once and all at the same time. */
    private void read(Map<String, Wanted> wanted) throws IOException {
      var passes = new ArrayList<Callable<Found>>();
      var kinds = new ArrayList<String>();
      long begunNanos = System.nanoTime();
      for (var entry : wanted.entrySet()) {
        var schema = call.schemas().lookup(entry.getKey());
        var type = call.schemas().types().byId(entry.getKey());
        if (schema != null
            && type != null
            && KindReading.isReadable(type, schema.rights())
            && leftNanos > 0) {
          kinds.add(type.id());
          var pass =
              new KindReading(
                  api,
                  clock,
                  room,
                  this,
                  type,
                  schema.rights(),
                  entry.getValue(),
                  begunNanos + leftNanos);
          passes.add(pass::read);
        }
      }
      if (passes.isEmpty()) {
        return;
      }
      try {
        var answers = Together.within(Duration.ofNanos(leftNanos), "explorer-relations-", passes);
        for (int i = 0; i < answers.size(); i++) {
          keep(kinds.get(i), answers.get(i));
        }
      } catch (InterruptedException e) {
        throw Stopping.interrupted(e);
      } finally {
        leftNanos -= System.nanoTime() - begunNanos;
      }
    }

    private void keep(String kind, Future<Found> answer) throws InterruptedException {
      if (answer.isCancelled()) {
        return;
      }
      Found found;
      try {
        found = answer.get();
      } catch (ExecutionException e) {
        // One kind that cannot be read does not take the list from the page.
        log.warn("relations not told: type={} reason={}", kind, String.valueOf(e.getCause()));
        return;
      }
      states.put(kind, found.states);
      found.naming.forEach(
          (id, some) -> naming.computeIfAbsent(id, _ -> new ArrayList<>()).addAll(some));
      children.putAll(found.children);
    }

    /** Whether one more thing may be kept. */
    @Override
    public boolean mayKeep() {
      if (kept.incrementAndGet() <= MAX_KEPT && unkept.tryAcquire()) {
        return true;
      }
      kept.decrementAndGet();
      return false;
    }

    /** Lets all of it go. */
    @Override
    public void close() {
      unkept.release(kept.getAndSet(0));
    }
  }
}
