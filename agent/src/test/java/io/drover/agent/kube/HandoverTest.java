package io.drover.agent.kube;

import static io.drover.agent.kube.TestApi.json;
import static io.drover.agent.kube.TestApi.status;
import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class HandoverTest {
  private static final String PODS = "GET " + Handover.PODS;
  private static final Instant START = Instant.parse("2026-11-27T12:00:00Z");
  private static final String OLDER = "2026-11-27T11:00:00Z";
  private static final String OWN = "2026-11-27T11:30:00Z";
  private static final String YOUNGER = "2026-11-27T11:59:58Z";
  private static final int NOT_READY = 503;
  private static final int READY = 200;

  private final TestApi api = new TestApi();
  private final HttpServer otherPod;
  private final Deque<Integer> readiness = new ArrayDeque<>();
  private final List<Duration> waits = new ArrayList<>();

  HandoverTest() throws IOException {
    otherPod = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    otherPod.createContext(
        "/readyz",
        exchange -> {
          exchange.sendResponseHeaders(
              readiness.size() > 1 ? readiness.remove() : readiness.element(), -1);
          exchange.close();
        });
    otherPod.start();
  }

  @AfterEach
  void close() {
    otherPod.stop(0);
    api.close();
  }

  @Test
  void waitsUntilTheYoungerPodIsReady() throws Exception {
    pods(pod("own", OWN, ""), pod("next", YOUNGER, ""));
    readiness.addAll(List.of(NOT_READY, NOT_READY, READY));

    handOver();

    assertThat(waits).containsExactly(Handover.LOOK_EVERY, Handover.LOOK_EVERY);
  }

  @Test
  void aPodThatIsReadyIsNotWaitedFor() throws Exception {
    pods(pod("own", OWN, ""), pod("next", YOUNGER, ""));
    readiness.add(READY);

    handOver();

    assertThat(waits).isEmpty();
  }

  @Test
  void waitsAsLongAsKubernetesAllowsAndNoLonger() throws Exception {
    pods(pod("own", OWN, ""), pod("next", YOUNGER, ""));
    readiness.add(NOT_READY);

    handOver();

    assertThat(waited()).isEqualTo(Handover.LIMIT);
  }

  @Test
  void aPodWithoutAnAddressIsNotReadyYet() throws Exception {
    api.on(
        PODS,
        list(pod("own", OWN, ""), pod("next", YOUNGER, "").replace("127.0.0.1", "")),
        list(pod("own", OWN, ""), pod("next", YOUNGER, "")));
    readiness.add(READY);

    handOver();

    assertThat(waits).hasSize(1);
  }

  @Test
  void aPodThatComesWhileThisOneIsEvictedIsWaitedFor() throws Exception {
    api.on(PODS, list(pod("own", OWN, "")), list(pod("own", OWN, ""), pod("next", YOUNGER, "")));
    readiness.addAll(List.of(NOT_READY, READY));

    handOver();

    assertThat(waits).hasSize(2);
  }

  @Test
  void withoutASuccessorTheWaitIsShort() throws Exception {
    pods(pod("own", OWN, ""), pod("older", OLDER, ""), pod("gone", YOUNGER, YOUNGER));
    readiness.add(READY);

    handOver();

    assertThat(waited()).isEqualTo(Handover.NEWS_LIMIT);
  }

  @Test
  void outsideOfAPodThereIsNoSuccessor() throws Exception {
    pods(pod("another", OWN, ""), pod("next", YOUNGER, ""));
    readiness.add(READY);

    handOver();

    assertThat(waited()).isEqualTo(Handover.NEWS_LIMIT);
  }

  @Test
  void withoutTheRightToListPodsTheWaitIsShort() throws Exception {
    api.on(PODS, status(403, "forbidden"));

    handOver();

    assertThat(waited()).isEqualTo(Handover.NEWS_LIMIT);
  }

  private void handOver() throws InterruptedException {
    new Handover(
            api.reader(),
            "own",
            otherPod.getAddress().getPort(),
            waits::add,
            () -> START.plus(waited()))
        .await();
  }

  private Duration waited() {
    return waits.stream().reduce(Duration.ZERO, Duration::plus);
  }

  private void pods(String... pods) {
    api.on(PODS, list(pods));
  }

  private static TestApi.Reply list(String... pods) {
    return json(
        "{\"metadata\": {\"resourceVersion\": \"1\"}, \"items\": ["
            + String.join(",", Arrays.asList(pods))
            + "]}");
  }

  private static String pod(String name, String created, String deleted) {
    var deletion = deleted.isEmpty() ? "" : ", \"deletionTimestamp\": \"" + deleted + "\"";
    return """
        {"metadata": {"name": "%s", "creationTimestamp": "%s"%s}, "status": {"podIP": "127.0.0.1"}}
        """
        .formatted(name, created, deletion);
  }
}
