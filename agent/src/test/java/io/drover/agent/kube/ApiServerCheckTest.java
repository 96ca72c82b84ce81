package io.drover.agent.kube;

import static org.assertj.core.api.Assertions.assertThat;

import io.drover.proto.report.Cause;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.server.mock.KubernetesMockServer;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@link ApiReader#check}: a check that failed has been answered. */
@Timeout(60)
class ApiServerCheckTest {
  private static final String FAILED =
      "[+]ping ok\n[-]etcd failed: reason withheld\nreadyz check failed\n";

  private final KubernetesMockServer server = new KubernetesMockServer(false);
  private KubernetesClient client;
  private ApiReader reader;

  private final List<Duration> slept = new ArrayList<>();

  @BeforeEach
  void start() {
    server.init();
    client = server.createClient();
    client.getConfiguration().setRequestRetryBackoffLimit(0);
    reader =
        new ApiReader(
            client.getHttpClient(), URI.create(client.getMasterUrl().toString()), slept::add);
  }

  @AfterEach
  void stop() {
    client.close();
    server.destroy();
  }

  private void answers(int status, String text) {
    server.expect().get().withPath("/readyz?verbose").andReturn(status, text).once();
  }

  private void isBusy(int times) {
    server.expect().get().withPath("/readyz?verbose").andReturn(429, "no").times(times);
  }

  @Test
  void checkThatPassedHasItsText() throws InterruptedException {
    answers(200, "[+]ping ok\nreadyz check passed\n");

    assertThat(reader.check("/readyz?verbose"))
        .isEqualTo(new Answer.Found<>("[+]ping ok\nreadyz check passed\n"));
  }

  @Test
  void checkThatFailedHasItsTextToo() throws InterruptedException {
    answers(500, FAILED);

    assertThat(reader.check("/readyz?verbose")).isEqualTo(new Answer.Found<>(FAILED));
  }

  @Test
  void textOfAnErrorIsNoText() throws InterruptedException {
    answers(500, FAILED);

    assertThat(reader.text("/readyz?verbose")).isInstanceOf(Answer.Missing.class);
  }

  @ParameterizedTest
  @CsvSource({
    "401, UNAUTHORIZED",
    "403, FORBIDDEN",
    "404, NOT_SERVED",
    "502, UNAVAILABLE",
    "503, UNAVAILABLE",
    "504, TIMEOUT"
  })
  void otherRefusalsAreMissingAnswers(int status, Cause cause) throws InterruptedException {
    answers(status, "no");

    assertThat(reader.check("/readyz?verbose"))
        .isInstanceOfSatisfying(
            Answer.Missing.class,
            missing -> {
              assertThat(missing.cause()).isEqualTo(cause);
              assertThat(missing.detail()).isEqualTo("GET /readyz: " + status + " no");
            });
  }

  @Test
  void asksAgainIfTheApiServerIsTooBusy() throws InterruptedException {
    isBusy(ApiReader.MAX_BUSY);
    answers(200, "ok");

    assertThat(reader.check("/readyz?verbose")).isEqualTo(new Answer.Found<>("ok"));
    assertThat(slept).containsOnly(ApiReader.BUSY_WAIT).hasSize(ApiReader.MAX_BUSY);
  }

  @Test
  void doesNotAskForEver() throws InterruptedException {
    isBusy(ApiReader.MAX_BUSY + 1);

    assertThat(reader.check("/readyz?verbose"))
        .isEqualTo(new Answer.Missing<>(Cause.UNAVAILABLE, "GET /readyz: 429 no"));
  }
}
