package io.drover.steve.store;

import static io.drover.steve.Objects.object;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.steve.query.Columns;
import io.drover.steve.query.Dialect;
import io.drover.steve.query.Listing;
import io.drover.steve.query.Projects;
import io.drover.steve.query.Query;
import io.drover.steve.query.QueryException;
import io.drover.steve.query.Scope;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class ColumnStoreTest {
  private static final Columns PODS = Pods.columns();
  private static final Projects PROJECTS =
      new Projects(Map.of("team-1", "p-1", "team-2", "p-1", "team-3", "p-2"));

  private final Budget budget = new Budget(64 * 1024 * 1024);
  private final Pods pods = new Pods();
  private ColumnStore store;

  @BeforeEach
  void open() throws StoreFullException {
    store = new ColumnStore(PODS, Space.inMemory(budget), Pods::atOnce);
  }

  @AfterEach
  void everythingIsGivenBack() {
    store.close();
    assertThat(budget.usedBytes()).isZero();
  }

  @Test
  void objectsComeBackAsTheyWere() throws Exception {
    var all = new TreeMap<String, ObjectNode>();
    for (int i = 0; i < 300; i++) {
      var pod = pods.pod(i);
      store.load(pod);
      all.put(id(pod), pod);
    }

    var page = ask("");

    assertThat(page.count()).isEqualTo(300);
    assertThat(objects(page)).containsExactlyElementsOf(all.values());
  }

  /** Against the plain way: a list of trees. */
  @Test
  void answersAreThoseOfAListOfObjects() throws Exception {
    var all = new LinkedHashMap<String, ObjectNode>();
    var random = new Random(7);
    for (int i = 0; i < 3000; i++) {
      var pod = pods.pod(random.nextInt(800));
      all.put(id(pod), pod);
      store.put(pod);
      if (random.nextInt(4) == 0) {
        var gone = new ArrayList<>(all.values()).get(random.nextInt(all.size()));
        all.remove(id(gone));
        delete(gone);
      }
    }
    assertThat(store.size()).isEqualTo(all.size());

    for (var query :
        List.of(
            "",
            "filter=metadata.state.name=running&sort=metadata.name",
            "filter=metadata.name~APP-1&sort=-metadata.namespace,metadata.name&page=2&pagesize=7",
            "filter=metadata.labels[tier]=front&sort=metadata.labels[app],-metadata.name",
            "filter=!metadata.labels[nosuch]&sort=metadata.labels[nosuch],metadata.labels[tier]",
            "filter=metadata.labels[tier]!=front&sort=-metadata.fields[3],metadata.fields[4]",
            "filter=metadata.namespace notin (team-1,team-2)&sort=ip(status.podIP)&pagesize=10",
            "filter=metadata.fields[3]>4,metadata.fields[2]=Pending&sort=-ip(metadata.fields[5])",
            "filter=spec.nodeName=node-1&filter=metadata.fields[3]<6&sort=-metadata.labels[tier]",
            "projectsornamespaces=p-1,team-7&sort=metadata.fields[4]&page=3&pagesize=11",
            "projectsornamespaces!=p-1&sort=-metadata.creationTimestamp,metadata.state.message",
            "pagesize=5&page=1000",
            "pagesize=2&sort=-metadata.fields[4]",
            "pagesize=100000&sort=metadata.name")) {
      for (var dialect : List.of(Dialect.NEWEST, Dialect.of("ui-sql-cache=true", "v2.12.0"))) {
        var parsed = Query.parse(dialect, PODS, parameters(query));
        var want = Listing.of(parsed, List.copyOf(all.values()), PODS, PROJECTS);

        var page = page(store, parsed, Scope.ALL, PROJECTS);

        assertThat(page.count()).as(query).isEqualTo(want.count());
        assertThat(objects(page)).as(query).isEqualTo(want.rows());
      }
    }
  }

  /** The same where pages are ranges of orders that are kept, while objects come, change and go. */
  @Test
  void answersFromOrdersThatAreKeptAreTheSame() throws Exception {
    var all = new LinkedHashMap<String, ObjectNode>();
    var random = new Random(8);
    for (int i = 0; all.size() < Orders.MIN_ROWS + 300; i++) {
      var pod = pods.pod(i);
      all.put(id(pod), pod);
      store.load(pod);
    }
    var queries =
        List.of(
            "sort=metadata.namespace,metadata.name&page=12&pagesize=50",
            "filter=metadata.name~APP-1&sort=metadata.namespace,metadata.name&pagesize=7",
            "filter=metadata.labels[tier]=front&sort=-metadata.labels[app]&page=3&pagesize=100",
            "sort=-metadata.fields[3],ip(metadata.fields[5])&page=40&pagesize=100",
            "pagesize=100000",
            "sort=-metadata.name&page=3&pagesize=5"); // more than are kept
    for (int round = 0; round < 4; round++) {
      for (var query : queries) {
        var parsed = Query.parse(Dialect.NEWEST, PODS, parameters(query));
        var want = Listing.of(parsed, List.copyOf(all.values()), PODS, PROJECTS);
        var page = page(store, parsed, Scope.ALL, PROJECTS);

        assertThat(page.count()).as(query).isEqualTo(want.count());
        assertThat(objects(page)).as(query).isEqualTo(want.rows());
      }
      // A few changes, and then more than are sorted in at once.
      for (int i = 0; i < (round == 1 ? 2 * SortedRows.PIECE_ROWS : 50); i++) {
        var one = new ArrayList<>(all.values()).get(random.nextInt(all.size()));
        if (i % 4 == 0 && all.size() > Orders.MIN_ROWS + 10) {
          all.remove(id(one));
          delete(one);
        } else if (i % 4 == 1) {
          var another = pods.pod(1_000_000 + random.nextInt(1_000_000));
          all.put(id(another), another);
          store.put(another);
        } else {
          var changed = one.deepCopy();
          ((ArrayNode) changed.at("/metadata/fields")).set(3, Integer.toString(i % 11));
          changed.withObject("/metadata/labels").put("app", "app-" + random.nextInt(99));
          all.put(id(changed), changed);
          store.put(changed);
        }
      }
    }
  }

  @Test
  void objectsComeBeforeOrders() throws Exception {
    int without = objectsUntilFull("");

    assertThat(without).isGreaterThan(Orders.MIN_ROWS);
    assertThat(objectsUntilFull("sort=metadata.name&pagesize=1")).isEqualTo(without);
  }

  /** How many fit into a store of which pages are asked for all the time, or never. */
  private static int objectsUntilFull(String query) throws Exception {
    var small = new Budget(4_000_000);
    var many = new Pods();
    var parsed = Query.parse(Dialect.NEWEST, PODS, parameters(query));
    int size;
    try (var little = new ColumnStore(PODS, Space.inMemory(small), Pods::atOnce)) {
      assertThatThrownBy(
              () -> {
                for (int i = 0; i < 100_000; i++) {
                  little.put(many.pod(i));
                  if (!query.isEmpty() && i % 100 == 0) {
                    page(little, parsed, Scope.ALL, PROJECTS);
                  }
                }
              })
          .isInstanceOf(StoreFullException.class);
      size = little.size();
      assertThat(page(little, parsed, Scope.ALL, PROJECTS).count()).isEqualTo(size);
    }
    assertThat(small.usedBytes()).isZero();
    return size;
  }

  @Test
  @Timeout(60)
  void pagesAreInOrderWhileTheStoreIsFilledAndSorted() throws Exception {
    var stopped = new AtomicBoolean();
    try (var threads = Executors.newVirtualThreadPerTaskExecutor();
        var shared =
            new ColumnStore(
                PODS,
                Space.inMemory(budget),
                step ->
                    threads.execute(
                        () -> {
                          while (step.getAsBoolean()) {
                            Thread.onSpinWait();
                          }
                        }))) {
      for (int i = 0; i < Orders.MIN_ROWS; i++) {
        shared.load(pods.pod(i));
      }
      var pages = new CountDownLatch(300);
      var all = new ArrayList<Future<?>>();
      for (var sort : List.of("metadata.name", "metadata.labels[app],metadata.name", "")) {
        all.add(
            threads.submit(
                () -> {
                  var parameters = new HashMap<>(parameters("pagesize=40&sort=" + sort));
                  var first = Query.parse(Dialect.NEWEST, PODS, parameters);
                  parameters.put("page", List.of("7"));
                  var seventh = Query.parse(Dialect.NEWEST, PODS, parameters);
                  while (!stopped.get()) {
                    var found = new ArrayList<ObjectNode>();
                    for (var object : objects(page(shared, seventh, Scope.ALL, PROJECTS))) {
                      found.add((ObjectNode) object);
                    }
                    assertThat(found).hasSize(40);
                    assertThat(Listing.of(first, found, PODS, PROJECTS).rows()).isEqualTo(found);
                    pages.countDown();
                  }
                  return null;
                }));
      }
      try {
        for (int i = 0; pages.getCount() > 0; i++) {
          shared.put(pods.pod(Orders.MIN_ROWS + i));
        }
      } finally {
        stopped.set(true);
      }
      for (var reader : all) {
        reader.get();
      }
    }
  }

  @Test
  void memoryStaysBoundedWhateverComesAndGoes() throws Exception {
    for (int i = 0; i < 1000; i++) {
      store.put(pods.pod(i));
    }
    long full = budget.usedBytes();
    for (int i = 0; i < 30_000; i++) {
      var pod = pods.pod(100_000 + i);
      store.put(pod);
      delete(pod);
    }

    assertThat(store.size()).isEqualTo(1000);
    assertThat(budget.usedBytes()).isLessThan(4 * full);
    assertThat(ask("filter=metadata.name~app").count()).isEqualTo(1000);
  }

  @Test
  void atTheEndOfTheBudgetTheStoreSaysSoAndStaysReadable() throws Exception {
    var small = new Budget(400_000);
    try (var little = new ColumnStore(PODS, Space.inMemory(small), Pods::atOnce)) {
      int[] count = {0};
      assertThatThrownBy(
              () -> {
                for (; count[0] < 100_000; count[0]++) {
                  little.put(pods.pod(count[0]));
                }
              })
          .isInstanceOf(StoreFullException.class)
          .hasMessage("objects that are held need more than 400000 bytes");
      assertThat(count[0]).isGreaterThan(50);
      assertThat(little.size()).isEqualTo(count[0]);
      assertThat(small.usedBytes()).isLessThanOrEqualTo(400_000);
      var query = Query.parse(Dialect.NEWEST, PODS, Map.of());
      assertThat(page(little, query, Scope.ALL, PROJECTS).rows()).hasSize(count[0]);
    }
    assertThat(small.usedBytes()).isZero();
  }

  @Test
  void storesShareABudget() throws Exception {
    var small = new Budget(20_000);
    try (var one = new ColumnStore(PODS, Space.inMemory(small), Pods::atOnce)) {
      assertThat(one.size()).isZero();
      assertThatThrownBy(
              () -> {
                var open = new ArrayList<ColumnStore>();
                try {
                  while (open.size() < 100) {
                    open.add(new ColumnStore(PODS, Space.inMemory(small), Pods::atOnce));
                  }
                } finally {
                  open.forEach(ColumnStore::close);
                }
              })
          .isInstanceOf(StoreFullException.class);
    }
    assertThat(small.usedBytes()).isZero();
  }

  @Test
  void valuesOfSecretsAreRefused() throws Exception {
    var columns = new Columns("secret", true, List.of());
    try (var secrets = new ColumnStore(columns, Space.inMemory(budget), Pods::atOnce)) {
      for (var secret :
          List.of(
              "{kind:'Secret',metadata:{name:'a'},data:{k:'dg=='}}",
              "{kind:'Secret',metadata:{name:'a'},stringData:{k:'v'}}",
              """
              {kind:'Secret',metadata:{name:'a',annotations:{
                'kubectl.kubernetes.io/last-applied-configuration':'{}'}}}\
              """)) {
        assertThatThrownBy(() -> secrets.put(object(secret)))
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessageStartingWith("a Secret's values");
      }
      secrets.put(object("{kind:'Secret',metadata:{name:'a'},data:{k:''}}"));
      assertThat(secrets.size()).isEqualTo(1);
    }
  }

  @Test
  void rowsOfAPageStayWhatTheyWere() throws Exception {
    var pod = pods.pod(1);
    store.put(pod);
    var page = ask("");

    delete(pod);
    store.put(pods.pod(2)); // in its place
    assertThat(objects(page)).containsExactly(pod);

    store.close();
    assertThat(objects(page)).containsExactly(pod);
  }

  @Test
  void pagesHaveALimit() throws Exception {
    store.put(pods.pod(1));
    store.put(pods.pod(2));
    var query = Query.parse(Dialect.NEWEST, PODS, Map.of());
    long bytes = ask("").rows().stream().mapToLong(row -> row.json().length).sum();

    assertThat(store.page(query, Scope.ALL, PROJECTS, 2, bytes)).isPresent();
    assertThat(store.page(query, Scope.ALL, PROJECTS, 1, bytes)).isEmpty();
    assertThat(store.page(query, Scope.ALL, PROJECTS, 2, bytes - 1)).isEmpty();
  }

  @Test
  void closedStoreHasNoPage() throws Exception {
    store.put(pods.pod(1));
    store.close();

    var query = Query.parse(Dialect.NEWEST, PODS, Map.of());
    assertThat(store.page(query, Scope.ALL, PROJECTS, 1, Long.MAX_VALUE)).isEmpty();
  }

  @Test
  void usersSeeTheirOwn() throws Exception {
    store.put(pod("shop", "a"));
    store.put(pod("shop", "b"));
    store.put(pod("lab", "a"));
    store.put(pod("bank", "a"));
    var scope = new Scope(false, Set.of("lab"), Map.of("shop", Set.of("b", "nosuch")));
    var query = Query.parse(Dialect.NEWEST, PODS, Map.of());

    assertThat(ids(page(store, query, scope, PROJECTS))).containsExactly("lab/a", "shop/b");
    assertThat(page(store, query, scope, PROJECTS).count()).isEqualTo(2);
    assertThat(ids(page(store, query, scope.in("shop"), PROJECTS))).containsExactly("shop/b");
    assertThat(ids(page(store, query, scope.in("lab"), PROJECTS))).containsExactly("lab/a");
    assertThat(ids(page(store, query, scope.in("bank"), PROJECTS))).isEmpty();
    assertThat(ids(page(store, query, Scope.ALL.in("bank"), PROJECTS))).containsExactly("bank/a");
    assertThat(ids(page(store, query, Scope.NOTHING, PROJECTS))).isEmpty();
  }

  @Test
  void pageIsOfTheNewestVersion() throws Exception {
    store.load(versioned("a", 5));
    store.loaded(10);
    assertThat(ask("").revision()).isEqualTo(10);
    store.put(versioned("a", 11));
    assertThat(ask("").revision()).isEqualTo(11);
    store.delete("n", "a", 13);
    assertThat(ask("").revision()).isEqualTo(13);
    store.delete("n", "nosuch", 14);
    assertThat(ask("").revision()).isEqualTo(13);
  }

  @Test
  void namespacesAreInTheirProjects() throws Exception {
    var columns = new Columns("namespace", false, List.of());
    try (var namespaces = new ColumnStore(columns, Space.inMemory(budget), Pods::atOnce)) {
      namespaces.put(
          object(
              "{kind:'Namespace',metadata:{name:'a',labels:{'field.cattle.io/projectId':'p-1'}}}"));
      namespaces.put(object("{kind:'Namespace',metadata:{name:'b'}}"));

      var in = Query.parse(Dialect.NEWEST, columns, parameters("projectsornamespaces=p-1"));
      var out = Query.parse(Dialect.NEWEST, columns, parameters("projectsornamespaces!=p-1"));
      assertThat(page(namespaces, in, Scope.ALL, Projects.NONE).count()).isEqualTo(1);
      assertThat(page(namespaces, out, Scope.ALL, Projects.NONE).count()).isEqualTo(1);
    }
  }

  @Test
  void valuesAreTallied() throws Exception {
    for (int i = 0; i < 9; i++) {
      var pod = pod(i % 3 == 0 ? "shop" : "lab", "p" + i);
      pod.withObject("/metadata/labels").put("tier", i % 2 == 0 ? "a" : "b");
      store.put(pod);
    }

    assertThat(ask("summary=metadata.labels[tier],metadata.state.name&summaryonly").tallied())
        .isEqualTo(
            object(
                    """
                    {is:[{property:'metadata.labels.tier',counts:{a:{total:5},b:{total:4}}},
                      {property:'metadata.state.name',counts:{up:{total:9}}}]}\
                    """)
                .path("is"));
    assertThat(ask("summary=metadata.labels[tier]&summaryonly").rows()).isEmpty();
    assertThat(ask("summary=metadata.labels[tier]&summarynamespaced&pagesize=3").tallied())
        .isEqualTo(
            object(
                    """
                    {is:[{property:'metadata.labels.tier',counts:{
                      a:{total:2,namespace:{lab:2}},b:{total:1,namespace:{lab:1}}}}]}\
                    """)
                .path("is"));
  }

  @Test
  @Timeout(60)
  void readersSeeWholeObjectsWhileTheStoreIsFilled() throws Exception {
    var stopped = new AtomicBoolean();
    var read = new AtomicInteger();
    try (var readers = Executors.newVirtualThreadPerTaskExecutor()) {
      var all = new ArrayList<Future<?>>();
      for (int i = 0; i < 3; i++) {
        all.add(
            readers.submit(
                () -> {
                  var query = "filter=metadata.name~app&sort=-metadata.name&pagesize=5";
                  while (!stopped.get()) {
                    for (var row : ask(query).rows()) {
                      assertThat(Pods.json(row.json()).path("kind").asText()).isEqualTo("Pod");
                      read.incrementAndGet();
                    }
                  }
                  return null;
                }));
      }
      try {
        for (int i = 0; i < 2000; i++) {
          var pod = pods.pod(i);
          store.put(pod);
          if (i % 3 != 0) {
            delete(pod);
          }
        }
      } finally {
        stopped.set(true);
      }
      for (var reader : all) {
        reader.get();
      }
    }
    assertThat(read.get()).isPositive();
  }

  @Test
  void longTextsAreCutInColumnsOnly() throws Exception {
    var pod = pod("shop", "a");
    var message = "x".repeat(Texts.MAX_TEXT_BYTES) + "tail";
    pod.withObject("/metadata/state").put("message", message);
    store.put(pod);

    assertThat(ask("filter=metadata.state.message~tail").count()).isZero();
    assertThat(objects(ask("filter=metadata.state.message~xxx"))).containsExactly(pod);
  }

  @Test
  void classicQueriesAreNotForColumns() throws Exception {
    var query = Query.parse(Dialect.CLASSIC, PODS, Map.of());

    assertThatThrownBy(() -> page(store, query, Scope.ALL, PROJECTS))
        .isInstanceOf(IllegalArgumentException.class);
  }

  private ColumnStore.Page ask(String query) throws QueryException {
    return page(store, Query.parse(Dialect.NEWEST, PODS, parameters(query)), Scope.ALL, PROJECTS);
  }

  private static ColumnStore.Page page(
      ColumnStore store, Query query, Scope scope, Projects projects) {
    return store.page(query, scope, projects, Integer.MAX_VALUE, Long.MAX_VALUE).orElseThrow();
  }

  private static List<JsonNode> objects(ColumnStore.Page page) {
    return page.rows().stream().map(row -> Pods.json(row.json())).toList();
  }

  private static List<String> ids(ColumnStore.Page page) {
    return objects(page).stream().map(ColumnStoreTest::id).toList();
  }

  private static String id(JsonNode object) {
    var metadata = object.path("metadata");
    return metadata.path("namespace").asText() + "/" + metadata.path("name").asText();
  }

  private void delete(ObjectNode object) throws StoreFullException {
    var metadata = object.path("metadata");
    store.delete(metadata.path("namespace").asText(), metadata.path("name").asText(), 1);
  }

  private static ObjectNode pod(String namespace, String name) {
    return object(
        "{kind:'Pod',metadata:{namespace:'%s',name:'%s',state:{name:'up'}}}"
            .formatted(namespace, name));
  }

  private static ObjectNode versioned(String name, long version) {
    return object(
        "{kind:'Pod',metadata:{namespace:'n',name:'%s',resourceVersion:'%d'}}"
            .formatted(name, version));
  }

  private static Map<String, List<String>> parameters(String query) {
    var parameters = new HashMap<String, List<String>>();
    for (var pair : query.split("&", -1)) {
      int at = pair.indexOf('=');
      var name = at < 0 ? pair : pair.substring(0, at);
      var value = at < 0 ? "" : pair.substring(at + 1);
      if (!name.isEmpty()) {
        parameters.computeIfAbsent(name, _ -> new ArrayList<>()).add(value);
      }
    }
    return parameters;
  }
}
