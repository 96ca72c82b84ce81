package io.drover.steve.api;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.steve.access.Access;
import io.drover.steve.access.Rights;
import io.drover.steve.access.Rights.Part;
import io.drover.steve.api.HeldLists.Page;
import io.drover.steve.kube.ApiRequest;
import io.drover.steve.kube.ApiServer;
import io.drover.steve.kube.Json;
import io.drover.steve.kube.Refusal;
import io.drover.steve.live.Feeds;
import io.drover.steve.query.Columns;
import io.drover.steve.query.ContinueToken;
import io.drover.steve.query.Dialect;
import io.drover.steve.query.Field;
import io.drover.steve.query.Projects;
import io.drover.steve.query.Query;
import io.drover.steve.query.QueryException;
import io.drover.steve.query.TableColumn;
import io.drover.steve.schema.ResourceType;
import java.io.IOException;
import java.time.Clock;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Lists of Kubernetes' objects. What is not sorted goes out as it comes in, an object at a time;
 * what is, when all objects have been seen, of which the {@link Best} are held.
 */
final class KubeLists {
  private static final String NAMESPACES = "/api/v1/namespaces";

  /** Parameters that mean something to Kubernetes. */
  private static final Set<String> OF_LIST =
      Set.of(
          "labelSelector",
          "fieldSelector",
          "resourceVersion",
          "resourceVersionMatch",
          "timeoutSeconds");

  private final ApiServer api;
  private final HeldLists held;
  private final Dialect dialect;
  private final Clock clock;
  private final ListRelations relations;

  KubeLists(ApiServer api, Feeds feeds, ListRelations relations, Dialect dialect, Clock clock) {
    this.api = api;
    this.held = new HeldLists(feeds);
    this.dialect = dialect;
    this.clock = clock;
    this.relations = relations;
  }

  /**
   * Objects that are listed by one request.
   *
   * @param namespace empty: all, or none
   * @param part which of them are the user's; all: he asks himself
   */
  private record Partition(String namespace, Part part) {
    /** Whether an object of it is his, if he does not ask himself. */
    boolean has(Rights rights, ObjectNode object) {
      var metadata = object.path("metadata");
      String name = metadata.path("name").asText("");
      return part.filtered()
          ? rights.shows(metadata.path("namespace").asText(""), name)
          : part.names().contains(name);
    }
  }

  void list(Call call) throws IOException {
    try (var run = new Run(call)) {
      run.list();
    } catch (QueryException e) {
      throw new Refusal(e.status(), e.code(), e.getMessage());
    }
  }

  static Columns columns(ResourceType type) {
    var paths = type.crd().map(ResourceType.CrdFacts::jsonPaths).orElse(java.util.Map.of());
    return new Columns(
        type.id(),
        type.namespaced(),
        type.columns().stream()
            .map(
                column -> {
                  String path = paths.getOrDefault(column.name(), "");
                  return new TableColumn(
                      column.name(),
                      column.type(),
                      column.description(),
                      path.matches("\\{\\.[\\w.]+}")
                          ? Field.parse(path.substring(2, path.length() - 1))
                          : null);
                })
            .toList());
  }

  /** One list. */
  private final class Run implements AutoCloseable {
    private final Call call;
    private final ResourceType type;
    private final Columns columns;
    private final Query query;
    private final Rows rows;
    private final View view;
    private final Projects projects;
    private final ListRelations.OfList others;

    /** Rows in an answer of Kubernetes; 0 for all. Dialects with columns count rows themselves. */
    private final int limit;

    private String revision = "";
    private boolean isWhole;
    private int read;

    Run(Call call) throws IOException, QueryException {
      this.call = call;
      this.type = call.schema().type().orElseThrow();
      this.columns = columns(type);
      this.query = Query.parse(dialect, columns, call.query().values());
      this.limit = dialect.hasColumns() ? 0 : query.limit();
      this.rows = new Rows(!query.shape().exclude().contains("metadata.managedFields"));
      this.view = new View(call, call.schema(), type, query.shape(), clock);
      this.projects = query.projects() == null ? Projects.NONE : projects();
      query.checkProjects(projects);
      boolean associated =
          dialect.hasColumns() && call.query().first("includeAssociatedData").equals("true");
      this.others = relations.of(call, view.wantsRelationships(), associated);
    }

    @Override
    public void close() {
      others.close();
    }

    private Projects projects() throws IOException {
      var byNamespace = new HashMap<String, String>();
      var limits = call.schemas().access().limits();
      var listed = limits.reach("list", "", "namespaces");
      var read = limits.reach("get", "", "namespaces");
      try (var answer = api.send(ApiRequest.get(NAMESPACES, ApiRequest.METADATA))) {
        new Rows(false)
            .list(
                answer.body(),
                (namespace, _) -> {
                  String name = namespace.at("/metadata/name").asText("");
                  if (listed.one("", name) || read.one("", name)) {
                    byNamespace.put(
                        name,
                        namespace.path("metadata").path("labels").path(Projects.LABEL).asText(""));
                  }
                });
      }
      return new Projects(byNamespace);
    }

    private List<Partition> partitions() throws Refusal {
      var rights = call.schema().rights();
      String namespace = call.namespace();
      if (namespace.contains("/")) {
        throw Refusal.fault("invalid namespace \"" + namespace + "\": [may not contain '/']");
      }
      String where = namespace.isEmpty() ? Access.ALL : namespace;
      if (rights.all("list") || rights.grants("list", where, Access.ALL)) {
        return List.of(new Partition(namespace, Part.ALL));
      }
      if (rights.isFiltered("list", where)) {
        return List.of(new Partition(namespace, Part.FILTERED));
      }
      var parts = rights.parts("list");
      if (!namespace.isEmpty()) {
        var part = parts.getOrDefault(namespace, Part.NONE);
        if (part.isNone()) {
          requireUnlimited(namespace);
        }
        return List.of(new Partition(namespace, part));
      }
      var partitions = new ArrayList<Partition>();
      if (dialect.hasColumns() && parts.isEmpty()) {
        partitions.add(new Partition("", Part.NONE)); // for the revision
      }
      parts.forEach(
          (in, part) -> {
            boolean nowhere = in.equals(Access.ALL);
            if (nowhere != type.namespaced()) {
              partitions.add(new Partition(nowhere ? "" : in, part));
            }
          });
      if (parts.isEmpty() && rights.any("list", "get")) {
        requireUnlimited(namespace);
      }
      return partitions;
    }

    /** Nothing is to be seen, which may be for another reason than roles. */
    private void requireUnlimited(String namespace) throws Refusal {
      call.schemas()
          .access()
          .limits()
          .check("GET", type.path(type.namespaced() ? ApiRequest.segment(namespace) : ""));
    }

    void list() throws IOException, QueryException {
      var partitions = partitions();
      isWhole = call.namespace().isEmpty() && call.schema().rights().all("list");
      boolean toHold =
          !query.sort().isEmpty() || query.tally() != null || !query.revision().isEmpty();
      var from = dialect.hasColumns() ? ContinueToken.NONE : ContinueToken.parse(query.resume());
      var here = dialect.hasColumns() ? held.page(call, query, projects) : Optional.<Page>empty();
      try (var collection = call.reply().collection(Envelope.head(call), call.links())) {
        if (here.isPresent()) {
          show(collection, here.get());
        } else if (begin(collection, partitions)) {
          // Kubernetes' order, of which the page is the first part
        } else if (toHold) {
          hold(collection, partitions, from);
        } else {
          stream(collection, partitions, from);
        }
      }
    }

    /** As they come: Kubernetes lists by namespace and name, and so does every dialect. */
    private void stream(Reply.Collection collection, List<Partition> partitions, ContinueToken from)
        throws IOException {
      var count = new int[1];
      String next =
          read(
              partitions,
              from,
              (object, _) -> {
                int index = count[0]++;
                if (query.page().from(count[0]) <= index && index < query.page().to(count[0])) {
                  send(collection, object);
                }
              });
      collection.complete(tail(count[0], next));
    }

    /** When all have been seen; of those that no page up to this one can have, none is kept. */
    private void hold(Reply.Collection collection, List<Partition> partitions, ContinueToken from)
        throws IOException, QueryException {
      var best = new Best(query, columns);
      String next = read(partitions, from, best::add);
      if (dialect.hasColumns()) {
        query.checkRevision(revision.isEmpty() ? 0 : Long.parseLong(revision));
      }
      send(collection, best, best.count(), next);
    }

    private void send(Reply.Collection collection, Best best, int count, String next)
        throws IOException {
      var page = best.page();
      others.expect(page.rows());
      for (var object : page.rows()) {
        send(collection, object);
      }
      var tail = tail(count, next);
      if (page.tallied() != null) {
        tail.set("summary", page.tallied());
      }
      collection.complete(tail);
    }

    /**
     * Where the page is the first part of Kubernetes' own list, no more is read than that, and
     * Kubernetes counts what is behind it.
     *
     * @return whether it was, and is answered
     */
    private boolean begin(Reply.Collection collection, List<Partition> partitions)
        throws IOException {
      if (partitions.size() != 1 || !partitions.getFirst().part().all()) {
        return false;
      }
      var whole = partitions.getFirst();
      var order = KeyOrder.of(query, type.namespaced() && whole.namespace().isEmpty());
      if (order == null) {
        return false;
      }
      var best = new Best(query, columns);
      var first =
          new Chunk(
              whole,
              ContinueToken.NONE,
              query.page().to(Integer.MAX_VALUE),
              (object, bytes) -> {
                order.next(object);
                best.add(object, bytes);
              });
      var metadata = first.read("");
      var behind = metadata.path("remainingItemCount");
      boolean isAll = metadata.path("continue").asText("").isEmpty();
      boolean isFirst =
          isAll || (behind.canConvertToInt() && order.isKept() && nothingBefore(order));
      if (isFirst) {
        revision = metadata.path("resourceVersion").asText("");
        read = first.got + behind.asInt();
        send(collection, best, read, "");
      }
      return isFirst;
    }

    /** Whether no object belongs before the last one that was read and comes behind it. */
    private boolean nothingBefore(KeyOrder order) throws IOException {
      var namespaces = order.namespacesBefore();
      if (namespaces.size() > KeyOrder.MAX_NAMESPACES) {
        return false;
      }
      for (String namespace : namespaces) {
        var seen = new boolean[1];
        String target = type.path(ApiRequest.segment(namespace)) + "?limit=1";
        var one = ApiRequest.get(target, ApiRequest.METADATA).as(call.user());
        try (var answer = api.send(one)) {
          new Rows(false).list(answer.body(), (_, _) -> seen[0] = true);
        }
        if (seen[0]) {
          return false;
        }
      }
      return true;
    }

    /** Of objects that are held already. */
    private void show(Reply.Collection collection, Page page) throws IOException {
      revision = Long.toString(page.revision());
      read = page.all();
      others.expect(page.rows());
      for (var object : page.rows()) {
        send(collection, object);
      }
      var tail = tail(page.count(), "");
      if (page.tallied() != null) {
        tail.set("summary", page.tallied());
      }
      collection.complete(tail);
    }

    private ObjectNode tail(int count, String rest) {
      var tail = Json.MAPPER.createObjectNode();
      boolean never = dialect.hasColumns() && isWhole && read == 0; // nothing has ever happened
      if (!revision.isEmpty() && !never) {
        tail.put("revision", revision);
      }
      String next = dialect.hasColumns() ? query.page().next(count) : rest;
      int pages = query.page().pages(count);
      if (pages > 0 && !dialect.hasColumns()) {
        tail.put("pages", pages);
      }
      if (count > 0) {
        tail.put("count", count);
      }
      if (!next.isEmpty()) {
        tail.put("continue", next);
      }
      if (!next.isEmpty() || call.query().has("continue")) {
        tail.set("pagination", pagination(next));
      }
      return tail;
    }

    private ObjectNode pagination(String next) {
      var pagination = Json.MAPPER.createObjectNode();
      String self = call.links().to(call.request().path());
      pagination.put("first", self);
      if (!next.isEmpty()) {
        pagination.put("next", self + "?" + call.query().with("continue", next).text());
      }
      pagination.put("partial", true);
      return pagination;
    }

    private void send(Reply.Collection collection, ObjectNode object) throws IOException {
      if (dialect.hasColumns()) {
        columns.showTimes(object, clock.instant());
      } else {
        // Not before: filters go by the names that Kubernetes uses.
        View.explain(object, clock);
      }
      var associated = others.associated(object);
      var sent = view.of(object, others.relationships(object));
      if (associated != null && sent.get("metadata") instanceof ObjectNode metadata) {
        metadata.set("associatedData", associated);
      }
      collection.add(sent);
    }

    /** What is to be done with an object that the query asks for. */
    private interface Taken {
      void object(ObjectNode object, long bytes) throws IOException;
    }

    /** Reads up to the limit, and returns where to go on; empty: that was all. */
    private String read(List<Partition> partitions, ContinueToken from, Taken taken)
        throws IOException {
      revision = from.revision();
      String inner = from.inner();
      int left = limit;
      boolean begun = from.partition().isEmpty();
      for (var partition : partitions) {
        begun |= partition.namespace().equals(from.partition());
        if (!begun) {
          continue;
        }
        if (limit > 0 && left <= 0) {
          return new ContinueToken(revision, partition.namespace(), "", 0, limit).text();
        }
        var chunk = new Chunk(partition, from, left, taken);
        var metadata = chunk.read(inner);
        left -= chunk.got;
        read += chunk.got;
        if (revision.isEmpty()) {
          revision = metadata.path("resourceVersion").asText("");
        }
        inner = partition.part().all() ? metadata.path("continue").asText("") : "";
        if (!inner.isEmpty() || chunk.more) {
          String here = partitions.size() == 1 ? "" : partition.namespace();
          int offset = chunk.more ? chunk.seen : 0;
          return new ContinueToken(revision, here, inner, offset, limit).text();
        }
      }
      return "";
    }

    /** Makes an object ready to be looked at, and looks. */
    private boolean isWanted(ObjectNode object) {
      View.name(object, type);
      if (dialect.hasColumns()) {
        View.explain(object, clock);
        columns.keepTimes(object, clock.instant());
      }
      return query.matches(object, columns, projects);
    }

    /**
     * What one request brings. Of names only, the rows are counted here: Kubernetes counts others
     * too.
     */
    private final class Chunk {
      private final Partition partition;
      private final ContinueToken from;
      private final int left;
      private final Taken taken;
      private int seen;
      private int got;
      private boolean more;

      Chunk(Partition partition, ContinueToken from, int left, Taken taken) {
        this.partition = partition;
        this.from = from;
        this.left = left;
        this.taken = taken;
      }

      /** Returns the metadata of the list. */
      ObjectNode read(String inner) throws IOException {
        var part = partition.part();
        var request = ApiRequest.get(target(inner), ApiRequest.TABLE);
        // What Kubernetes would not list for him is read in our name, and only his names are shown.
        try (var answer = api.send(part.all() ? request.as(call.user()) : request)) {
          var before = new long[1];
          return rows.list(
              answer.body(),
              (object, end) -> {
                if (part.all()) {
                  take(object, end - before[0]);
                } else if (partition.has(call.schema().rights(), object)
                    && !isSelectedUnseen(object)) {
                  takeNamed(object, end - before[0]);
                }
                before[0] = end;
              });
        }
      }

      private String target(String inner) throws Refusal {
        var asked = call.query().only(dialect.hasColumns() ? Set.of() : OF_LIST);
        asked = asked.with("includeObject", "Object");
        if (partition.part().isNone()) {
          asked = asked.with("limit", "1"); // nothing of it is his: only the revision is wanted
        } else if (left > 0 && partition.part().all()) {
          asked = asked.with("limit", Integer.toString(left));
        }
        if (!inner.isEmpty()) {
          asked = asked.with("continue", inner);
        } else if (!revision.isEmpty()) {
          asked = asked.with("resourceVersion", revision).with("resourceVersionMatch", "Exact");
        } else if (!query.revision().isEmpty() && !dialect.hasColumns()) {
          asked =
              asked.with("resourceVersion", query.revision()).with("resourceVersionMatch", "Exact");
        }
        // What a page calls a namespace may be anything, and much of this is asked in our own name.
        return type.path(ApiRequest.segment(partition.namespace())) + "?" + asked.text();
      }

      /** Whether Kubernetes has selected it by labels that are not shown. */
      private boolean isSelectedUnseen(ObjectNode object) {
        return !dialect.hasColumns()
            && call.query().has("labelSelector")
            && Namespaces.isOnlyKnown(call, type, object);
      }

      private void takeNamed(ObjectNode object, long bytes) throws IOException {
        boolean goesOn =
            from.partition().isEmpty() || from.partition().equals(partition.namespace());
        if (seen < (goesOn ? from.offset() : 0)) {
          seen++; // given before
        } else if (limit > 0 && got == left) {
          more = true;
        } else {
          seen++;
          take(object, bytes);
        }
      }

      private void take(ObjectNode object, long bytes) throws IOException {
        got++;
        // Before filters, sorting and counting, which would tell of what is not shown.
        var seen = Namespaces.isOnlyKnown(call, type, object) ? Namespaces.reduced(object) : object;
        if (isWanted(seen)) {
          taken.object(seen, bytes);
        }
      }
    }
  }
}
