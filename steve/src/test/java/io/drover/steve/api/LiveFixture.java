package io.drover.steve.api;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import io.drover.steve.FakeApiServer;
import io.drover.steve.TestClock;
import io.drover.steve.http.FrontLimits;
import io.drover.steve.http.HttpFront;
import io.drover.steve.kube.ApiServer;
import io.drover.steve.kube.Guard;
import io.drover.steve.kube.Json;
import io.drover.steve.live.Feeds;
import io.drover.steve.live.LiveCounts;
import io.drover.steve.query.Dialect;
import io.drover.steve.schema.Cluster;
import io.drover.steve.store.Budget;
import io.drover.steve.store.Space;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;

/**
 * All that answers pages, in front of a fake API server. Jane may do everything but with pods, pat
 * everything, joe what jane may in the namespace shop.
 */
final class LiveFixture implements AutoCloseable {
  static final String MAPS = "/api/v1/configmaps";
  static final String SECRETS = "/api/v1/secrets";
  static final String RBAC = "/apis/rbac.authorization.k8s.io/v1/";
  static final String BINDING =
      "{'metadata':{'name':'%s','namespace':'%s','resourceVersion':'%d'},"
          + "'roleRef':{'kind':'ClusterRole','name':'r'},'subjects':["
          + "{'kind':'User','apiGroup':'rbac.authorization.k8s.io','name':'%s'}]}";

  final TestClock clock = new TestClock();

  /** What the clock of feeds has moved on by. */
  final AtomicLong laterNanos = new AtomicLong();

  final Budget budget;
  final FakeApiServer server;
  final ApiServer api;
  final Cluster cluster;
  final Feeds feeds;
  final LiveCounts counts;
  final HttpFront front;

  LiveFixture(Dialect dialect, long budgetBytes) throws IOException {
    this(dialect, budgetBytes, Guard.NONE);
  }

  LiveFixture(Dialect dialect, long budgetBytes, Guard guard) throws IOException {
    budget = new Budget(budgetBytes);
    server = new FakeApiServer();
    server.has(
        "/api",
        FakeApiServer.list(
            "{'metadata':{},'versions':[{'version':'v1','resources':["
                + resource("configmaps", "ConfigMap", "'get','list','watch'")
                + ","
                + resource("secrets", "Secret", "'get','list','watch'")
                + ","
                + resource("pods", "Pod", "'get','list','watch'")
                + ","
                + resource("bindings", "Binding", "'create'")
                + "]}]}"));
    server.has(
        MAPS, "{'metadata':{'resourceVersion':'9'},'items':[" + map("shop", "old", 3, "a") + "]}");
    server.has(SECRETS, FakeApiServer.list());
    server.has(
        RBAC + "clusterroles",
        FakeApiServer.list(
            "{'metadata':{'name':'r'},'rules':[{'verbs':['*'],'apiGroups':[''],"
                + "'resources':['configmaps','secrets','bindings']}]}",
            "{'metadata':{'name':'p'},'rules':[{'verbs':['*'],'apiGroups':[''],"
                + "'resources':['pods']}]}"));
    server.has(
        RBAC + "clusterrolebindings",
        FakeApiServer.list(
            BINDING.formatted("b", "", 1, "jane"),
            BINDING.formatted("b2", "", 1, "pat"),
            BINDING.formatted("b3", "", 1, "pat").replace("'r'", "'p'")));
    server.has(RBAC + "rolebindings", FakeApiServer.list(BINDING.formatted("b", "shop", 1, "joe")));
    api = new ApiServer(server, guard);
    cluster = new Cluster(api, System::nanoTime);
    feeds =
        new Feeds(
            api,
            Space.inMemory(budget),
            () -> System.nanoTime() + laterNanos.get(),
            type -> HeldLists.form(type, dialect, clock));
    counts = new LiveCounts(api, CountStore::accept, clock, System::nanoTime);
    var relations = new ListRelations(api, counts, clock);
    var pace = new SubscribeSocket.Pace(Duration.ofMillis(20), Duration.ofMillis(20));
    var subscribe =
        new SubscribeStore(
            api,
            cluster,
            feeds,
            relations,
            counts,
            dialect,
            clock,
            System::nanoTime,
            "v2.15.0",
            pace);
    front =
        HttpFront.start(
            "test",
            FrontLimits.STANDARD,
            new Api(
                cluster,
                false,
                Map.of("subscribe", subscribe, "count", new CountStore(api, counts, clock)),
                new KubeStore(api, feeds, relations, counts, dialect, clock)));
  }

  private static String resource(String resource, String kind, String verbs) {
    return "{'resource':'%s','responseKind':{'kind':'%s'},'scope':'Namespaced','verbs':[%s]}"
        .formatted(resource, kind, verbs);
  }

  /** A ConfigMap. */
  static String map(String namespace, String name, int version, String tier) {
    return ("{'apiVersion':'v1','kind':'ConfigMap','metadata':{'namespace':'%s','name':'%s',"
            + "'resourceVersion':'%d','managedFields':[{}],'labels':{'tier':'%s'}},'data':{'k':'v'}}")
        .formatted(namespace, name, version, tier);
  }

  /** An event as an API server prints it in a table. */
  static String event(String type, int version, String object) {
    return ("{'type':'%s','object':{'kind':'Table','metadata':{'resourceVersion':'%d'},"
            + "'rows':[{'cells':['c'],'object':%s}]}}")
        .formatted(type, version, object);
  }

  /** What was said to a request. */
  record Reply(String head, String body) {
    JsonNode json() throws IOException {
      return Json.MAPPER.readTree(body);
    }

    List<String> ids() throws IOException {
      var ids = new ArrayList<String>();
      json().path("data").forEach(object -> ids.add(object.path("id").asText()));
      return ids;
    }
  }

  /** Asks in a user's name. */
  Reply get(String user, String path) throws IOException {
    String request =
        "GET %s HTTP/1.0\r\nHost: h\r\nImpersonate-User: %s\r\n\r\n".formatted(path, user);
    try (var channel = front.connect(_ -> {})) {
      channel.write(ByteBuffer.wrap(request.getBytes(UTF_8)));
      String all = new String(Channels.newInputStream(channel).readAllBytes(), UTF_8);
      int end = all.indexOf("\r\n\r\n");
      return new Reply(all.substring(0, end), all.substring(end + 4));
    }
  }

  @Override
  public void close() {
    front.close();
    feeds.close();
    counts.close();
    cluster.close();
    api.close();
    server.close();
  }
}
