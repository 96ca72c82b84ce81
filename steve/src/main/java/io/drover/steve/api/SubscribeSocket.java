package io.drover.steve.api;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.steve.api.Wanted.Said;
import io.drover.steve.http.Turn;
import io.drover.steve.kube.ApiRequest;
import io.drover.steve.kube.Json;
import io.drover.steve.kube.Refusal;
import io.drover.steve.live.LiveCounts;
import io.drover.steve.schema.Cluster;
import io.drover.steve.schema.ResourceType;
import io.drover.steve.schema.UserSchemas;
import io.drover.steve.ws.WebSocket;
import java.io.IOException;
import java.time.Duration;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What one page hears. The connection's thread reads what the page says; another, {@code
 * explorer-tells}, does everything else, so that a page that does not read holds up nobody but
 * itself, and what goes wrong with one watch ends that watch only.
 */
final class SubscribeSocket {
  /** What one page may want to hear of. */
  static final int MAX_WANTED = 128;

  /** What a page has said and we have not yet understood; then nothing more is read. */
  private static final int MAX_SAID = 32;

  /** Types of ours of which nothing is ever told, since nothing changes. */
  private static final Set<String> STILL =
      Set.of("apigroup", "management.cattle.io.cluster", "userpreference");

  /**
   * How often what is done.
   *
   * @param ping the page is told that we are there. Source: apiserver, {@code pkg/subscribe}
   * @param look rights are looked at, and with them types
   */
  record Pace(Duration ping, Duration look) {
    static final Pace STANDARD = new Pace(Duration.ofSeconds(30), Duration.ofSeconds(2));
  }

  private static final Logger log = LoggerFactory.getLogger(SubscribeSocket.class);

  private final WebSocket socket;
  private final Call call;
  private final Cluster cluster;
  private final LiveCounts counts;
  private final ToldObjects.Around around;
  private final String version;
  private final Pace pace;
  private final Semaphore wake;
  private final BlockingQueue<JsonNode> said = new ArrayBlockingQueue<>(MAX_SAID);
  private volatile boolean ended;

  // Of the telling thread.
  private final Map<Wanted, Told> told = new LinkedHashMap<>();
  private final Set<Wanted> starting = new HashSet<>();
  private UserSchemas schemas;

  /**
   * A socket on which nothing has been said.
   *
   * @param wake what {@code around} wakes
   * @param version the server's, which pages are told
   */
  SubscribeSocket(
      WebSocket socket,
      Call call,
      Cluster cluster,
      LiveCounts counts,
      ToldObjects.Around around,
      Semaphore wake,
      String version,
      Pace pace) {
    this.socket = socket;
    this.call = call;
    this.schemas = call.schemas();
    this.cluster = cluster;
    this.counts = counts;
    this.around = around;
    this.wake = wake;
    this.version = version;
    this.pace = pace;
  }

  /** Serves it until the page leaves. */
  void run() throws IOException {
    var reader = Thread.currentThread();
    var teller = Thread.ofVirtual().name("explorer-tells").start(() -> tellUntilOver(reader));
    try {
      for (var message = socket.read(); message.isPresent(); message = socket.read()) {
        said.put(tree(message.get()));
        wake.release();
      }
    } catch (InterruptedException _) {
      log.debug("explorer ends a socket");
    } finally {
      ended = true;
      teller.interrupt();
      join(teller);
    }
  }

  private static void join(Thread teller) {
    boolean interrupted = Thread.interrupted();
    try {
      teller.join();
    } catch (InterruptedException _) {
      interrupted = true;
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** What is no JSON is none of a message's forms, and is said to be wrong in its turn. */
  private static JsonNode tree(byte[] message) throws IOException {
    try {
      return Json.MAPPER.readTree(message);
    } catch (JsonProcessingException e) {
      return Json.MAPPER.getNodeFactory().textNode(String.valueOf(e.getOriginalMessage()));
    }
  }

  // ---- in the telling thread

  private void tellUntilOver(Thread reader) {
    try {
      tell();
    } catch (IOException e) {
      log.debug("page not told any more: reason={}", e.toString());
    } catch (InterruptedException _) {
      log.debug("page has left");
    } finally {
      told.values().forEach(Told::close);
      told.clear();
      if (!ended) {
        reader.interrupt(); // which closes the connection
      }
    }
  }

  private void tell() throws IOException, InterruptedException {
    long pingNanos = now() + pace.ping().toNanos();
    long lookNanos = now() + pace.look().toNanos();
    while (!ended) {
      for (var message = said.poll(); message != null; message = said.poll()) {
        understand(message);
      }
      if (now() - pingNanos >= 0) {
        pingNanos = now() + pace.ping().toNanos();
        ping();
      }
      if (now() - lookNanos >= 0) {
        look();
        lookNanos = now() + pace.look().toNanos();
      }
      if (step()) {
        Turn.give();
      } else {
        await(Math.min(pingNanos - now(), lookNanos - now()));
      }
    }
  }

  private long now() {
    return around.nanoTime().getAsLong();
  }

  private void await(long mostNanos) throws InterruptedException {
    long least = mostNanos;
    for (var one : told.values()) {
      var due = one.dueNanos();
      if (due.isPresent()) {
        least = Math.min(least, due.getAsLong() - now());
      }
    }
    boolean woken = wake.tryAcquire(Math.max(0, least), TimeUnit.NANOSECONDS);
    if (woken) {
      wake.drainPermits();
    }
  }

  private void send(ObjectNode message) throws IOException {
    socket.send(Json.MAPPER.writeValueAsBytes(message));
  }

  private void ping() throws IOException {
    var message = Json.MAPPER.createObjectNode().put("name", "ping");
    message.set("data", Wanted.nothing().put("version", version));
    send(message);
  }

  /** Rights and types may have changed. */
  private void look() throws IOException {
    try {
      schemas = cluster.of(call.user());
    } catch (Refusal e) {
      log.debug("rights cannot be read: reason={}", e.toString());
      return;
    }
    for (var one : told.values()) {
      one.look(schemas);
    }
  }

  /** Returns whether there is more to do at once. */
  private boolean step() throws IOException {
    boolean more = !said.isEmpty();
    for (var entry : List.copyOf(told.entrySet())) {
      var one = entry.getValue();
      if (!one.hears()) {
        continue;
      }
      start(entry.getKey());
      switch (one.step(this::send)) {
        case GO_ON -> more = true;
        case WAIT -> {}
        case OVER -> end(entry.getKey());
      }
    }
    return more;
  }

  private void start(Wanted wanted) throws IOException {
    if (starting.remove(wanted)) {
      send(wanted.message("resource.start"));
    }
  }

  private void end(Wanted wanted) throws IOException {
    var one = told.remove(wanted);
    if (one != null) {
      one.close();
      start(wanted);
      send(wanted.message("resource.stop"));
    }
  }

  private void understand(JsonNode message) throws IOException {
    var said = Said.NOTHING;
    try {
      said = Wanted.read(message);
    } catch (IllegalArgumentException e) {
      String why = message.isTextual() ? message.asText("") : String.valueOf(e.getMessage());
      send(said.wanted().error(why));
      return;
    }
    if (said.stop()) {
      end(said.wanted());
    } else if (!told.containsKey(said.wanted())) {
      begin(said);
    }
  }

  private void begin(Said said) throws IOException {
    var wanted = said.wanted();
    try {
      schemas = cluster.of(call.user());
      requireWatchable(wanted);
    } catch (Refusal e) {
      send(wanted.error(e.getMessage()));
      send(wanted.message("resource.stop"));
      return;
    }
    told.put(wanted, begun(said));
    starting.add(wanted);
  }

  private void requireWatchable(Wanted wanted) throws Refusal {
    var schema = schemas.lookup(wanted.resourceType());
    if (schema == null) {
      var denied = schemas.denied(wanted.resourceType());
      if (denied != null) {
        requireUnlimited(wanted, denied);
      }
      throw refusal("failed to find schema " + wanted.resourceType());
    }
    boolean ours = STILL.contains(schema.id()) || isSchemas(schema.id()) || isCounts(schema.id());
    if (schema.type().isEmpty() && !ours) {
      throw refusal("schema " + schema.id() + " does not support watching");
    }
    boolean mayList =
        schema.collectionMethods().contains("GET") || schema.collectionMethods().contains("POST");
    if (schema.type().isPresent() && !schema.rights().any("watch")) {
      requireUnlimited(wanted, schema.type().get());
    }
    if (schema.type().isPresent() && !schema.rights().any("watch") && !mayList) {
      throw refusal("PermissionDenied: can not list " + schema.id());
    }
    if (told.size() >= MAX_WANTED) {
      throw refusal("a page hears of " + MAX_WANTED + " things at most");
    }
  }

  /** It cannot be watched, which may be for another reason than roles. */
  private void requireUnlimited(Wanted wanted, ResourceType type) throws Refusal {
    String namespace = type.namespaced() ? wanted.namespace() : "";
    schemas.access().limits().check("GET", type.path(ApiRequest.segment(namespace)) + "?watch=1");
  }

  private static Refusal refusal(String why) {
    return new Refusal(403, "PermissionDenied", why);
  }

  private static boolean isSchemas(String id) {
    return id.equals("schema");
  }

  private static boolean isCounts(String id) {
    return id.equals("count");
  }

  private Told begun(Said said) throws IOException {
    var wanted = said.wanted();
    var schema = Objects.requireNonNull(schemas.lookup(wanted.resourceType()));
    if (schema.type().isPresent()) {
      var of = call.with(schemas, schema).in("");
      return new ToldObjects(wanted, said.resourceVersion(), of, around);
    }
    if (isSchemas(schema.id())) {
      return new ToldSchemas(wanted, call.links(), schemas);
    }
    if (isCounts(schema.id())) {
      return new ToldCounts(
          wanted, call.links(), counts, schemas, around.clock(), around.nanoTime(), around.wake());
    }
    return Told.SILENT;
  }
}
