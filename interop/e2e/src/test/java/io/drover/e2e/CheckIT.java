package io.drover.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/** {@code drover-agent check} beside a running agent, as in its pod and as on a laptop. */
@Tag("interop")
@Order(5)
@ExtendWith(WithControlPlane.class)
final class CheckIT {
  private static final ObjectMapper JSON = new ObjectMapper();

  @SuppressWarnings("unused") // by name, in the annotations
  static final List<String> VERSIONS = Peer.VERSIONS;

  /** By step. */
  private record Checked(int exitCode, Map<String, JsonNode> steps, String text) {
    JsonNode step(String name) {
      return Objects.requireNonNull(steps.get(name), name);
    }

    String status(String step) {
      return step(step).path("status").asText();
    }

    String reason(String step) {
      return step(step).path("reason").asText();
    }
  }

  private static Checked check(Path directory, Map<String, String> environment, String... options)
      throws IOException, InterruptedException {
    Files.createDirectories(directory);
    var command = new ArrayList<>(List.of(Programs.agent(), "check", "--json"));
    command.addAll(List.of(options));
    var process =
        RunningProcess.prepare(directory, environment, command)
            .redirectError(directory.resolve("stderr").toFile())
            .start();
    String text = new String(process.getInputStream().readAllBytes(), UTF_8);
    Files.writeString(directory.resolve("check.jsonl"), text);
    var steps = new LinkedHashMap<String, JsonNode>();
    for (String line : text.lines().toList()) {
      var step = JSON.readTree(line);
      steps.put(step.path("step").asText(), step);
    }
    return new Checked(process.waitFor(), steps, text);
  }

  @ParameterizedTest
  @FieldSource("VERSIONS")
  void everyStepPassesAndTheAgentIsNotDisturbed(String remotedialer, ControlPlane plane)
      throws Exception {
    try (var installation =
        Installation.start(plane, "check", remotedialer, Map.of(), Installation.NO_CHECKS)) {
      var peer = installation.peer();
      var directory = Programs.directory("check-runs-" + remotedialer);
      var imported = Import.read(plane.admin(), plane.caFile(), directory.resolve("pod"));
      var pod = pod(plane, imported);

      var inPod = check(directory.resolve("in-pod"), pod);

      assertThat(inPod.exitCode()).as(inPod.text()).isZero();
      assertThat(inPod.steps().keySet()).hasSize(20).endsWith("websocket", "frames", "idle");
      inPod
          .steps()
          .forEach(
              (step, result) ->
                  assertThat(result.path("status").asText())
                      .as(result.toString())
                      .isEqualTo(
                          step.equals("idle") || step.startsWith("gateway-")
                              ? "skipped"
                              : "passed"));
      assertThat(inPod.text()).doesNotContain(Peer.TOKEN);

      var onLaptop =
          check(
              directory.resolve("on-laptop"),
              Map.of("CATTLE_CA_CHECKSUM", pod.get("CATTLE_CA_CHECKSUM")),
              "--server=" + peer.url(),
              "--token=" + Peer.TOKEN);
      assertThat(onLaptop.exitCode()).as(onLaptop.text()).isZero();
      assertThat(onLaptop.status("websocket")).isEqualTo("passed");
      assertThat(onLaptop.status("frames")).isEqualTo("passed");
      assertThat(onLaptop.status("rights")).isEqualTo("skipped");

      // The agent's own sessions have lasted, and ours are gone.
      Await.that(
          "one session of each key is left",
          Agent.READY_LIMIT,
          () -> peer.sessions(Peer.CLUSTER).size() == 1 && peer.sessions(Peer.STEVE).size() == 1);
      assertThat(installation.agent().sessions()).isEqualTo(1);
      assertThat(installation.agent().metric("sessions_total", "steve")).isEqualTo(1);
      assertThat(peer.ping().path("status").asInt()).isEqualTo(200);

      wrongToken(directory, pod);
      wrongCa(directory, pod);
    }
  }

  /** The control socket's path is short, and so it is not among what tests leave. */
  @Test
  void aGatewayIsLookedAt(ControlPlane plane, @TempDir Path sockets) throws Exception {
    var directory = Programs.directory("check-runs-gateway");
    var records = Files.createDirectories(directory.resolve("records"));
    var more = new HashMap<String, String>();
    more.put("DROVER_GATEWAY", "on");
    more.put("DROVER_LOG_SOCKET", sockets.resolve("s").toString());
    more.put("DROVER_GATEWAY_AUDIT", records.resolve("audit.log").toString());
    var admin = plane.admin();
    try (var _ =
        Installation.start(
            plane, "check-gateway", Peer.VERSIONS.getFirst(), more, Installation.NO_CHECKS)) {
      var imported = Import.read(admin, plane.caFile(), directory.resolve("pod"));
      var pod = pod(plane, imported);
      pod.putAll(more);

      var works = check(directory.resolve("works"), pod);
      assertThat(works.exitCode()).as(works.text()).isZero();
      assertThat(works.step("service-account").path("detail").asText())
          .contains("the gateway is on");
      for (String step : List.of("gateway-secret", "gateway-policy", "gateway-audit", "headers")) {
        assertThat(works.status(step)).as(works.text()).isEqualTo("passed");
      }
      assertThat(works.step("gateway-policy").path("more").toString())
          .contains("it is in force in the agent here");

      admin.run(
          "-n",
          Import.NAMESPACE,
          "create",
          "configmap",
          "drover-gateway-policy",
          "--from-literal=policy.yaml=default: maybe");
      pod.put("DROVER_GATEWAY_AUDIT", records.resolve("none/audit.log").toString());
      var fails = check(directory.resolve("fails"), pod);
      assertThat(fails.exitCode()).as(fails.text()).isEqualTo(1);
      assertThat(fails.reason("gateway-policy")).isEqualTo("ConfigurationInvalid");
      assertThat(fails.reason("gateway-audit")).isEqualTo("AuditNotWritten");
    } finally {
      admin.run(
          "-n",
          Import.NAMESPACE,
          "delete",
          "--ignore-not-found",
          "configmap/drover-gateway-policy",
          "secret/drover-gateway");
    }
  }

  private static void wrongToken(Path directory, Map<String, String> pod) throws Exception {
    var checked = check(directory.resolve("wrong-token"), pod, "--token=no-such-token");

    assertThat(checked.exitCode()).as(checked.text()).isEqualTo(1);
    assertThat(checked.status("tls")).isEqualTo("passed");
    assertThat(checked.reason("token")).isEqualTo("TokenUnknown");
    assertThat(checked.status("websocket")).isEqualTo("skipped");
  }

  private static void wrongCa(Path directory, Map<String, String> pod) throws Exception {
    var otherChecksum = new HashMap<>(pod);
    otherChecksum.put("CATTLE_CA_CHECKSUM", "0".repeat(64));
    var mismatch = check(directory.resolve("wrong-checksum"), otherChecksum);

    assertThat(mismatch.exitCode()).as(mismatch.text()).isEqualTo(1);
    assertThat(mismatch.reason("ca-checksum")).isEqualTo("CaChecksumMismatch");
    assertThat(mismatch.status("tls")).isEqualTo("skipped");
    assertThat(mismatch.status("rights")).isEqualTo("passed");

    var noChecksum = new HashMap<>(pod);
    noChecksum.put("CATTLE_CA_CHECKSUM", "");
    noChecksum.put("STRICT_VERIFY", "false");
    var unknown = check(directory.resolve("wrong-ca"), noChecksum);

    assertThat(unknown.exitCode()).as(unknown.text()).isEqualTo(1);
    assertThat(unknown.reason("tls")).isEqualTo("TlsUnknownIssuer");
    assertThat(unknown.step("tls").path("more")).isNotEmpty();
    assertThat(unknown.status("token")).isEqualTo("skipped");
  }

  /** As {@link Agent} has it. */
  private static Map<String, String> pod(ControlPlane plane, Import imported) {
    var api = URI.create("https://" + plane.address());
    var environment = new HashMap<>(imported.environment());
    environment.put("DROVER_CREDENTIALS_DIR", imported.credentials().toString());
    environment.put("DROVER_SERVICE_ACCOUNT_DIR", imported.serviceAccount().toString());
    environment.put("KUBERNETES_SERVICE_HOST", api.getHost());
    environment.put("KUBERNETES_SERVICE_PORT", Integer.toString(api.getPort()));
    return environment;
  }
}
