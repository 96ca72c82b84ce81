package io.drover.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** Everyday work with kubectl, through Rancher's tunnel library and our agent. */
@Tag("interop")
@Order(2)
@ExtendWith(WithControlPlane.class)
@TestInstance(Lifecycle.PER_CLASS)
final class KubectlIT implements ThroughKubectl {
  private static final Duration WATCHED = Duration.ofSeconds(60);
  private static final Duration BETWEEN_CHANGES = Duration.ofSeconds(2);
  private static final Duration EVENT_LIMIT = Duration.ofSeconds(5);
  private static final int WATCHES = 50;
  private static final int REQUESTS = 200;
  private static final int CLIENTS = 10;

  private final List<Installation> installations = new ArrayList<>();

  @BeforeAll
  void install(ControlPlane plane) throws IOException, InterruptedException {
    installations.addAll(
        Installation.startAll(plane, "kubectl", Map.of(), Installation.FREQUENT_CHECKS));
  }

  @AfterAll
  void close() {
    installations.forEach(Installation::close);
  }

  List<Installation> installations() {
    return installations;
  }

  @Override
  public ClusterUse use(Installation installation) throws IOException {
    return new ClusterUse(
        installation.plane(),
        installation.peer().kubectl(),
        installation.directory(),
        installation.peer().remotedialer());
  }

  @WithEachPeer
  void clusterBecomesActiveOverBothTunnels(Installation installation) throws Exception {
    installation.peer().awaitActive(Duration.ofSeconds(10));
    assertThat(installation.peer().sessions(Peer.CLUSTER)).hasSize(1);
    assertThat(installation.peer().sessions(Peer.STEVE)).hasSize(1);
  }

  /** Source: what the stock agent got and sent, {@code stock-agent-measured.md} 4.2 and 5. */
  @WithEachPeer
  void manifestIsEnoughAndHandshakesAreThoseOfTheStockAgent(Installation installation)
      throws Exception {
    var url = installation.peer().url().toString();
    var imported = installation.imported();
    assertThat(imported.environment())
        .containsEntry("CATTLE_SERVER", url)
        .containsEntry("STRICT_VERIFY", "true")
        .containsKeys("CATTLE_CA_CHECKSUM", "CATTLE_CREDENTIAL_NAME", "CATTLE_CLUSTER");
    assertThat(imported.credentials().resolve("url")).hasContent(url);
    assertThat(imported.credentials().resolve("namespace")).hasContent("");
    assertThat(imported.token()).isEqualTo(Peer.TOKEN);

    var paths = new HashSet<String>();
    for (var handshake : installation.peer().handshakes()) {
      paths.add(handshake.path("path").asText());
      assertThat(handshake.path("status").asInt()).isEqualTo(101);
      assertThat(handshake.path("alpn").toString()).doesNotContain("h2");
      var names = new ArrayList<String>();
      handshake.path("headers").forEach(header -> names.add(header.path(0).asText()));
      assertThat(names)
          .doesNotContain(
              "Origin", "Sec-WebSocket-Extensions", "Sec-WebSocket-Protocol", "X-API-Tunnel-ID");
    }
    assertThat(paths).containsExactlyInAnyOrder("/v3/connect/register", "/v3/connect");
  }

  /** Runs beside all the others. */
  @WithEachPeer
  @Execution(ExecutionMode.CONCURRENT)
  void watchSeesEveryChangeForAMinute(Installation installation) throws Exception {
    var admin = installation.plane().admin();
    var namespace = "watched-" + installation.peer().remotedialer().replace('.', '-');
    admin.run("create", "namespace", namespace);
    try (var watch =
        installation
            .peer()
            .kubectl()
            .start("watch", "-n", namespace, "get", "configmaps", "--watch", "-o", "name")) {
      // Every namespace gets this one by itself.
      watch.awaitLine("kube-root-ca.crt", EVENT_LIMIT, "configmap/kube-root-ca.crt"::equals);
      long endNanos = System.nanoTime() + WATCHED.toNanos();
      for (int change = 0; System.nanoTime() - endNanos < 0; change++) {
        var name = "change-" + change;
        admin.run("-n", namespace, "create", "configmap", name);
        watch.awaitLine(name, EVENT_LIMIT, ("configmap/" + name)::equals);
        Thread.sleep(BETWEEN_CHANGES);
      }
      assertThat(watch.isAlive()).as("kubectl still watches").isTrue();
      assertThat(watch.errorLines()).isEmpty();
    }
  }

  @WithEachPeer
  void listsTwoThousandObjects(Installation installation) throws Exception {
    installation.plane().fill();

    var list =
        installation
            .peer()
            .kubectl()
            .json(
                "get",
                "configmaps",
                "-n",
                ControlPlane.BIG_NAMESPACE,
                "-o",
                "json",
                "--chunk-size=0");

    var names = new HashSet<String>();
    for (var item : list.path("items")) {
      var name = item.at("/metadata/name").asText();
      if (name.startsWith("big-")) {
        names.add(name);
        int index = Integer.parseInt(name, "big-".length(), name.length(), 10);
        assertThat(item.at("/data/content").asText()).isEqualTo(ControlPlane.bigContent(index));
      }
    }
    assertThat(names).hasSize(ControlPlane.BIG_COUNT);
  }

  @WithEachPeer
  void fiftyWatchesStandBesideShortRequests(Installation installation) throws Exception {
    var peer = installation.peer();
    var namespace = "many-" + peer.remotedialer().replace('.', '-');
    installation.plane().admin().run("create", "namespace", namespace);
    var configMaps = "/api/v1/namespaces/" + namespace + "/configmaps";
    try (var client = Https.trusting(peer.caFile(), HttpClient.Version.HTTP_1_1);
        var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      var watches = new ArrayList<HttpResponse<InputStream>>();
      for (int watch = 0; watch < WATCHES; watch++) {
        var answer =
            client.send(request(peer, configMaps + "?watch=1"), BodyHandlers.ofInputStream());
        assertThat(answer.statusCode()).isEqualTo(200);
        watches.add(answer);
      }
      assertThat(installation.agent().openStreams()).isGreaterThanOrEqualTo(WATCHES);

      var statuses =
          threads.invokeAll(
              IntStream.range(0, CLIENTS)
                  .mapToObj(_ -> (Callable<List<Integer>>) () -> requests(client, peer))
                  .toList());
      for (var status : statuses) {
        assertThat(status.get()).hasSize(REQUESTS / CLIENTS).containsOnly(200);
      }

      installation.plane().admin().run("-n", namespace, "create", "configmap", "seen-by-all");
      var seen =
          threads.invokeAll(
              watches.stream()
                  .map(watch -> (Callable<Boolean>) () -> sees(watch.body(), "seen-by-all"))
                  .toList());
      assertThat(seen).allMatch(one -> result(one::get), "saw the change");
    }
    Await.that(
        "streams of the watches are closed",
        Duration.ofSeconds(10),
        () -> installation.agent().openStreams() < WATCHES);
    System.out.println(installation + ": " + installation.agent().memory());
  }

  private static List<Integer> requests(HttpClient client, Peer peer)
      throws IOException, InterruptedException {
    var statuses = new ArrayList<Integer>();
    for (int count = 0; count < REQUESTS / CLIENTS; count++) {
      var answer =
          client.send(request(peer, "/api/v1/namespaces/default"), BodyHandlers.ofString());
      statuses.add(answer.statusCode());
    }
    return statuses;
  }

  private static HttpRequest request(Peer peer, String path) {
    return HttpRequest.newBuilder(URI.create(peer.clusterUrl() + path))
        .header("Authorization", "Bearer " + Peer.userToken())
        .build();
  }

  private static boolean sees(InputStream watch, String name) throws IOException {
    try (watch;
        var events = new ObjectMapper().readerFor(JsonNode.class).<JsonNode>readValues(watch)) {
      while (events.hasNextValue()) {
        if (events.nextValue().at("/object/metadata/name").asText().equals(name)) {
          return true;
        }
      }
      return false;
    }
  }

  private static boolean result(Callable<Boolean> task) {
    try {
      return task.call();
    } catch (ExecutionException e) {
      throw new AssertionError(e.getCause());
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }
}
