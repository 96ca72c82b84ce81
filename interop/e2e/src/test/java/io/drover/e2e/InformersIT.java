package io.drover.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.Timeout;

/**
 * What controllers of the server keep of a cluster behind the gateway is what is there: client-go's
 * own informers, while objects come, change and go, and the API server is killed twice. For how
 * long: {@code -Ddrover.informers.seconds=600}.
 */
@Tag("interop")
@Beside
@Order(12)
@TestInstance(Lifecycle.PER_CLASS)
@SuppressWarnings("NullAway.Init") // start() sets everything
final class InformersIT {
  private static final Duration LASTING =
      Duration.ofSeconds(Integer.getInteger("drover.informers.seconds", 20));

  private static final int KILLS = 2;
  private static final int KEPT = 5;

  /**
   * Behind an API server that was away client-go waits for up to 30 s, and twice that by chance.
   */
  private static final Duration AGREED_LIMIT = Duration.ofMinutes(2);

  private static final String MAPS =
      "/api/v1/namespaces/" + ControlPlane.BIG_NAMESPACE + "/configmaps";

  private ControlPlane plane;
  private Installation installation;
  private int changes;

  @BeforeAll
  void start() throws Exception {
    plane = ControlPlane.startBare("informers");
    plane.fill();
    installation =
        Installation.start(
            plane,
            "informers",
            Peer.VERSIONS.getFirst(),
            Map.of("DROVER_GATEWAY", "on"),
            Installation.NO_CHECKS);
  }

  @AfterAll
  void close() {
    if (installation != null) {
      installation.close();
    }
    if (plane != null) {
      plane.close();
    }
  }

  @Test
  void thousandsOfObjectsAreEqualByteByByte() throws Exception {
    var version =
        plane.admin().json("get", "--raw", MAPS + "?limit=1").at("/metadata/resourceVersion");
    var list = MAPS + "?resourceVersionMatch=Exact&resourceVersion=" + version.asText();

    byte[] through =
        get(
            installation.peer().caFile(),
            installation.peer().clusterUrl() + list,
            Peer.userToken());
    byte[] direct = get(plane.caFile(), "https://" + plane.address() + list, plane.token());

    assertThat(through)
        .hasSizeGreaterThan(ControlPlane.BIG_COUNT * ControlPlane.bigContent(0).length());
    assertThat(Payload.sha256(through)).isEqualTo(Payload.sha256(direct));
  }

  private static byte[] get(Path caFile, String url, String token)
      throws IOException, InterruptedException {
    try (var client = Https.trusting(caFile, HttpClient.Version.HTTP_1_1)) {
      var request =
          HttpRequest.newBuilder(URI.create(url))
              .header("Authorization", "Bearer " + token)
              .build();
      var answer = client.send(request, BodyHandlers.ofByteArray());
      assertThat(answer.statusCode()).as(url).isEqualTo(200);
      return answer.body();
    }
  }

  @Test
  @Timeout(value = 30, unit = TimeUnit.MINUTES) // as long as it may be asked for
  void informersHoldWhatIsThere() throws Exception {
    var kubectl = installation.peer().kubectl();
    try (var informers =
        RunningProcess.start(
            "informers",
            installation.directory(),
            Map.of("KUBECONFIG", kubectl.kubeconfig().toString()),
            List.of(Programs.informers(), "-namespace", ControlPlane.BIG_NAMESPACE))) {
      agree(informers);
      for (int part = 0; part <= KILLS; part++) {
        long end = System.nanoTime() + LASTING.toNanos() / (KILLS + 1);
        do {
          change();
        } while (System.nanoTime() < end);
        agree(informers);
        if (part < KILLS) {
          plane.restartApiServer();
        }
      }
      System.out.printf("informers: changes=%d kills=%d%n", changes, KILLS);
    }
  }

  /** One comes, another one changes, and one that came before goes. */
  private void change() throws IOException, InterruptedException {
    var admin = plane.admin();
    var namespace = "--namespace=" + ControlPlane.BIG_NAMESPACE;
    admin.run("create", "configmap", "new-" + changes, namespace, "--from-literal=a=" + changes);
    var other = "big-" + changes % ControlPlane.BIG_COUNT;
    admin.run("annotate", "--overwrite", "configmap", other, namespace, "changed=" + changes);
    if (changes >= KEPT) {
      admin.run("delete", "configmap", "new-" + (changes - KEPT), namespace);
    }
    changes++;
  }

  /** Both of them hold what the API server itself lists. */
  private void agree(RunningProcess informers) throws IOException, InterruptedException {
    var there = new TreeSet<String>();
    plane
        .admin()
        .json("get", "--raw", MAPS)
        .path("items")
        .forEach(
            item ->
                there.add(
                    item.at("/metadata/name").asText()
                        + "@"
                        + item.at("/metadata/resourceVersion").asText()
                        + "\n"));
    var holds = there.size() + " " + Payload.sha256(String.join("", there).getBytes(UTF_8));
    for (String encoding : List.of("json", "protobuf")) {
      informers.awaitLine(
          "all of it, in " + encoding, AGREED_LIMIT, ("holds " + encoding + " " + holds)::equals);
    }
  }
}
