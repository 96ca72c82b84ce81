package io.drover.steve.api;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.steve.access.Rights;
import io.drover.steve.counts.Count;
import io.drover.steve.counts.Count.States;
import io.drover.steve.http.Turn;
import io.drover.steve.kube.ApiRequest;
import io.drover.steve.kube.ApiServer;
import io.drover.steve.kube.Json;
import io.drover.steve.kube.Refusal;
import io.drover.steve.kube.Together;
import io.drover.steve.live.LiveCounts;
import io.drover.steve.schema.ResourceType;
import io.drover.steve.schema.Schema;
import io.drover.steve.state.Summary;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How many objects of each type there are, by namespace, and how many of them are in trouble. They
 * are read in our own name, and the user's rights say which of them count.
 */
public final class CountStore implements Store {
  /** For all objects of one type; then it is left out, so that one broken type holds up none. */
  static final Duration TYPE_LIMIT = Duration.ofSeconds(2);

  /** For all types. */
  static final Duration LIMIT = Duration.ofSeconds(10);

  /** Types that are read at one time. */
  static final int PARALLEL = 8;

  /** Types of ours that others count as well, though nobody knows why. */
  private static final Set<String> OWN =
      Set.of("apigroup", "management.cattle.io.cluster", "userpreference");

  private static final Logger log = LoggerFactory.getLogger(CountStore.class);

  private final ApiServer api;
  private final LiveCounts liveCounts;
  private final Clock clock;

  /**
   * Asks nothing yet.
   *
   * @param counts what is counted already
   */
  public CountStore(ApiServer api, LiveCounts counts, Clock clock) {
    this.api = api;
    this.liveCounts = counts;
    this.clock = clock;
  }

  @Override
  public void get(Call call) throws IOException {
    if (!call.name().equals("count")) {
      throw new Refusal(404, "NotFound", "not found");
    }
    call.reply().object(200, counts(call), call.links());
  }

  @Override
  public void list(Call call) throws IOException {
    Envelope.send(call, List.of(counts(call)));
  }

  private ObjectNode counts(Call call) throws IOException {
    var found = new ConcurrentHashMap<String, Count>();
    var tasks = new ArrayList<Callable<Boolean>>();
    var room = new Semaphore(PARALLEL);
    for (var schema : call.schemas().all()) {
      var type = schema.type();
      if (type.isPresent() && type.get().verbs().contains("list")) {
        tasks.add(
            () -> {
              room.acquire();
              try {
                var rights = schema.rights();
                var live = live(schema);
                found.put(schema.id(), live == null ? count(type.get(), rights) : live);
              } catch (IOException e) {
                log.debug("not counted: type={} reason={}", schema.id(), e.toString());
              } finally {
                room.release();
              }
              return true;
            });
      } else if (type.isPresent() || OWN.contains(schema.id())) {
        found.put(schema.id(), Count.NONE);
      }
    }
    Together.within(LIMIT, "explorer-count-", tasks);
    var content = Json.MAPPER.createObjectNode();
    var counts = content.putObject("counts");
    new TreeMap<>(found).forEach((id, count) -> counts.set(id, count.json()));
    var links = Map.of("self", call.links().object("counts", "count"));
    return Envelope.of("count", "count", links, content);
  }

  /** What is counted already; null: it is not, or not as this user may know it. */
  private @Nullable Count live(Schema schema) {
    return schema.rights().isLimitedByName("list")
        ? null
        : liveCounts.count(schema.id(), Scopes.listed(schema.rights(), schema.namespaced()));
  }

  /** In which form objects are asked for: whole, if what is in them says how they are. */
  public static String accept(ResourceType type) {
    return Kinds.accept(type.id());
  }

  private Count count(ResourceType type, Rights rights) throws IOException {
    boolean all = rights.all("list");
    if (!all && !rights.any("list", "get")) {
      return Count.NONE;
    }
    var tally = new Tally();
    long untilNanos = System.nanoTime() + TYPE_LIMIT.toNanos();
    try (var answer = api.send(ApiRequest.get(type.path(""), accept(type)).within(TYPE_LIMIT))) {
      new Rows(false)
          .list(
              answer.body(),
              (object, _) -> {
                if (System.nanoTime() - untilNanos > 0) {
                  throw new IOException("not counted within " + TYPE_LIMIT.toSeconds() + " s");
                }
                String namespace = object.at("/metadata/namespace").asText("");
                String name = object.at("/metadata/name").asText("");
                if (all || rights.shows(namespace, name)) {
                  type.declare(object);
                  tally.add(namespace, Summary.of(object, clock));
                }
                Turn.give();
              });
    }
    return tally.count();
  }

  /** Of one type. One thread. */
  private static final class Tally {
    private States all = States.NONE;
    private final Map<String, States> byNamespace = new HashMap<>();

    void add(String namespace, Summary summary) {
      all = plus(all, summary);
      if (!namespace.isEmpty()) {
        byNamespace.merge(namespace, plus(States.NONE, summary), (sum, _) -> plus(sum, summary));
      }
    }

    private static States plus(States sum, Summary summary) {
      return sum.plus(1, summary.error(), summary.transitioning());
    }

    Count count() {
      return new Count(all, byNamespace);
    }
  }
}
