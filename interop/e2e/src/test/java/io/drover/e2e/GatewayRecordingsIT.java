package io.drover.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** What kubectl's sessions leave behind, by websocket and by SPDY. */
@Tag("interop")
@ExtendWith(WithControlPlane.class)
final class GatewayRecordingsIT {
  private static final String CONFIG_MAP = "drover-gateway-audit";
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration LIMIT = Duration.ofSeconds(20);

  /** What is typed in the namespace of the pods; elsewhere nothing. */
  private static final String TYPED =
      """
      apiVersion: audit.k8s.io/v1
      kind: Policy
      rules:
      - level: Request
        namespaces: [default]
      """;

  private static final String NOTHING =
      """
      apiVersion: audit.k8s.io/v1
      kind: Policy
      rules:
      - level: None
        namespaces: [default]
      - level: Metadata
      """;

  @AfterAll
  static void close(ControlPlane plane) throws IOException, InterruptedException {
    plane
        .admin()
        .run("-n", Import.NAMESPACE, "delete", "secret", AgentGateway.SECRET, "--ignore-not-found");
  }

  private static Kubectl.Outcome exec(
      Kubectl kubectl, boolean websocket, String stdin, String pod, String script)
      throws IOException, InterruptedException {
    return kubectl.outcome(
        stdin.getBytes(UTF_8),
        List.of(
            "env",
            "KUBECTL_REMOTE_COMMAND_WEBSOCKETS=" + websocket,
            "kubectl",
            "exec",
            "-i",
            pod,
            "--",
            "sh",
            "-c",
            script));
  }

  /** Read as its definition has it: a head, and lines of time, kind and text. */
  private static List<String> events(Path file) throws IOException {
    var lines = Files.readAllLines(file);
    var head = JSON.readTree(lines.getFirst());
    assertThat(head.path("version").asInt()).isEqualTo(2);
    assertThat(head.path("width").asInt()).isPositive();
    assertThat(head.path("height").asInt()).isPositive();
    var events = new ArrayList<String>();
    for (String line : lines.subList(1, lines.size())) {
      var event = JSON.readTree(line);
      assertThat(event.size()).isEqualTo(3);
      assertThat(event.get(0).isNumber()).isTrue();
      events.add(event.get(1).asText() + " " + event.get(2).asText());
    }
    return events;
  }

  private static String text(List<String> events, String kind) {
    var text = new StringBuilder();
    events.stream()
        .filter(event -> event.startsWith(kind))
        .forEach(event -> text.append(event, 2, event.length()));
    return text.toString();
  }

  /** Its last event. */
  private static JsonNode event(Path log, String words) throws IOException, InterruptedException {
    return Await.until(
        "it is recorded: " + words,
        LIMIT,
        () -> {
          for (String line : Files.readAllLines(log)) {
            if (line.contains("ResponseComplete") && line.contains(words)) {
              return java.util.Optional.of(JSON.readTree(line));
            }
          }
          return java.util.Optional.empty();
        });
  }

  private static Path recording(Path recordings, JsonNode event) {
    var annotations = event.path("annotations");
    assertThat(annotations.has("gateway.drover.io/recording-cut-short")).isFalse();
    return recordings.resolve(annotations.path("gateway.drover.io/recording").asText());
  }

  @Test
  void whatIsShownIsRecordedAndWhatIsTypedIfItIsChosen(ControlPlane plane) throws Exception {
    var base = Programs.directory("recordings");
    var log = Files.createDirectories(base).resolve("audit.log");
    var recordings = Files.createDirectories(base.resolve("casts"));
    var pod = plane.pod();
    try (var installation =
        Installation.start(
            plane,
            "recordings",
            Peer.VERSIONS.getFirst(),
            Map.of(
                "DROVER_GATEWAY",
                "on",
                "DROVER_GATEWAY_AUDIT",
                log.toString(),
                "DROVER_GATEWAY_RECORDINGS",
                recordings.toString()),
            Installation.NO_CHECKS)) {
      var kubectl = installation.peer().kubectl();
      for (boolean websocket : new boolean[] {true, false}) {
        var word = websocket ? "websocket" : "spdy";
        var said =
            exec(
                kubectl,
                websocket,
                "typed-1\n",
                pod,
                "cat >/dev/null; echo ä-" + word + "; echo e >&2");
        assertThat(said.expect(0).stdout()).isEqualTo("ä-" + word + "\n");
        var events = events(recording(recordings, event(log, word)));
        assertThat(text(events, "o")).contains("ä-" + word + "\n", "e\n");
        assertThat(text(events, "i")).isEmpty();
      }
      windowIsRecorded(kubectl, pod, log, recordings);

      plane.admin().putConfigMap(CONFIG_MAP, "recordings.yaml", TYPED);
      awaitTyped(kubectl, pod, recordings);

      plane.admin().putConfigMap(CONFIG_MAP, "recordings.yaml", NOTHING);
      awaitNothing(kubectl, pod, recordings);

      plane
          .admin()
          .putConfigMap(CONFIG_MAP, "recordings.yaml", TYPED.replace("Request", "Metadata"));
      Await.that(
          "sessions are recorded again",
          LIMIT,
          () -> {
            int before = count(recordings);
            exec(kubectl, true, "", pod, "true").expect(0);
            return count(recordings) > before;
          });
      sessionThatCannotBeRecordedIsRefused(installation, pod, recordings);
    } finally {
      plane
          .admin()
          .run("-n", Import.NAMESPACE, "delete", "configmap", CONFIG_MAP, "--ignore-not-found");
    }
  }

  /** With a terminal of its own. */
  private static void windowIsRecorded(Kubectl kubectl, String pod, Path log, Path recordings)
      throws IOException, InterruptedException {
    kubectl
        .outcome(
            new byte[0],
            List.of(
                "script",
                "-qec",
                "stty cols 101 rows 41; kubectl exec -it " + pod + " -- sh -c 'echo in-a-window'",
                "/dev/null"))
        .expect(0);
    var events = events(recording(recordings, event(log, "in-a-window")));
    assertThat(events).contains("r 101x41");
    assertThat(text(events, "o")).contains("in-a-window");
  }

  private static int count(Path recordings) throws IOException {
    try (var files = Files.list(recordings)) {
      return (int) files.count();
    }
  }

  private static void awaitTyped(Kubectl kubectl, String pod, Path recordings)
      throws IOException, InterruptedException {
    Await.that(
        "what is typed is recorded",
        LIMIT,
        () -> {
          exec(kubectl, false, "typed-2\n", pod, "cat >/dev/null").expect(0);
          try (var files = Files.list(recordings)) {
            for (Path file : files.toList()) {
              if (text(events(file), "i").equals("typed-2\n")) {
                return true;
              }
            }
          }
          return false;
        });
  }

  private static void awaitNothing(Kubectl kubectl, String pod, Path recordings)
      throws IOException, InterruptedException {
    Await.that(
        "nothing is recorded",
        LIMIT,
        () -> {
          int before = count(recordings);
          exec(kubectl, true, "", pod, "true").expect(0);
          return count(recordings) == before;
        });
  }

  private static void sessionThatCannotBeRecordedIsRefused(
      Installation installation, String pod, Path recordings)
      throws IOException, InterruptedException {
    Files.move(recordings, recordings.resolveSibling("moved"));
    var kubectl = installation.peer().kubectl();
    for (boolean websocket : new boolean[] {true, false}) {
      var refused = exec(kubectl, websocket, "", pod, "echo not-to-be-seen");
      assertThat(refused.exitCode()).isNotZero();
      assertThat(refused.stdout()).isEmpty();
    }
    assertThat(installation.agent().degraded().getOrDefault("gateway", ""))
        .contains("there is no such directory");
    kubectl.run("get", "pods"); // all else goes on
  }
}
