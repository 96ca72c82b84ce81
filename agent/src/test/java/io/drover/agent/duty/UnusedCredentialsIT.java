package io.drover.agent.duty;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.drover.agent.Interop;
import io.drover.agent.TestClock;
import io.drover.agent.config.KubeConfig;
import io.drover.agent.kube.ApiReader;
import io.drover.agent.kube.ApiWriter;
import io.drover.agent.kube.Fabric8ClusterApi;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * At a real API server, which {@code interop/build} makes with Go; only the clock is ours, since
 * the duty waits for an hour.
 */
@Tag("interop")
@Timeout(1800)
class UnusedCredentialsIT {
  private static final String SECRETS = "/api/v1/namespaces/cattle-system/secrets";

  @TempDir private Path directory;

  @Test
  void onlyOldCredentialsThatNobodyUsesAreDeleted() throws Exception {
    var process =
        new ProcessBuilder(
                Interop.built("cluster").resolve("drover-cluster").toString(),
                "--bare",
                "--exit-with-stdin",
                "--dir=" + directory)
            .redirectError(Redirect.DISCARD)
            .start();
    try (var lines = new BufferedReader(new InputStreamReader(process.getInputStream(), UTF_8))) {
      var kubeconfig = new ObjectMapper().readTree(lines.readLine()).path("kubeconfig").asText();
      try (var kube = Fabric8ClusterApi.open(new KubeConfig.Kubeconfig(Path.of(kubeconfig), ""))) {
        deletesWhatItShould(kube.reader());
      }
    } finally {
      process.destroyForcibly().waitFor();
    }
  }

  private static void deletesWhatItShould(ApiReader api) throws Exception {
    create(api, "/api/v1/namespaces", "Namespace", "cattle-system");
    for (var name : List.of("credentials-used", "credentials-old", "credentials-older", "other")) {
      create(api, SECRETS, "Secret", "cattle-" + name);
    }
    var clock = new TestClock(Instant.now());
    var writer = new ApiWriter(api, clock);
    var duty = new UnusedCredentials("cattle-credentials-used", writer, clock);
    var nameless = new UnusedCredentials("", writer, clock);

    clock.advance(Duration.ofMinutes(59));
    assertThat(duty.pass()).isFalse();
    clock.advance(Duration.ofMinutes(2));
    assertThat(nameless.pass()).isFalse();
    assertThat(names(api)).hasSize(4);

    assertThat(duty.pass()).isTrue();

    assertThat(names(api)).containsExactlyInAnyOrder("cattle-credentials-used", "cattle-other");
  }

  private static void create(ApiReader api, String path, String kind, String name)
      throws InterruptedException {
    var object = new ObjectMapper().createObjectNode().put("apiVersion", "v1").put("kind", kind);
    object.putObject("metadata").put("name", name);
    assertThat(api.send("POST", path, "application/json", object).found()).isPresent();
  }

  private static List<String> names(ApiReader api) throws InterruptedException {
    var names = new ArrayList<String>();
    api.list(
        SECRETS,
        "application/json",
        secret -> names.add(secret.path("metadata").path("name").asText()));
    return names;
  }
}
