package io.drover.steve.shell;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.steve.Explorer;
import io.drover.steve.ScriptedGuard;
import io.drover.steve.ScriptedGuard.Denial;
import io.drover.steve.http.Fields;
import io.drover.steve.http.FrontLimits;
import io.drover.steve.http.HttpFront;
import io.drover.steve.kube.ApiServer;
import io.drover.steve.kube.Json;
import io.drover.steve.kube.Refusal;
import io.drover.steve.kube.User;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Timeout(60)
class ShellsTest {
  private static final Instant NOW = Instant.parse("2026-01-01T12:00:00Z");
  private static final String ROLES = "/apis/rbac.authorization.k8s.io/v1/clusterroles/";
  private static final String PODS = "/api/v1/namespaces/cattle-system/pods/";
  private static final ShellImage IMAGE =
      new ShellImage("example/shell:1", List.of("mirror", "other"));
  private static final User JANE = new User("jane", List.of("g1", "g2"), Map.of());
  private static final Fields REQUEST =
      new Fields()
          .add("Sec-WebSocket-Version", "13")
          .add("Sec-WebSocket-Key", "a2V5a2V5a2V5a2V5a2V5IQ==")
          .add("Sec-WebSocket-Protocol", "base64.channel.k8s.io")
          .add("Sec-WebSocket-Extensions", "permessage-deflate")
          .add("Cookie", "R_SESS=secret")
          .add("Impersonate-User", "jane");

  private final ScriptedGuard guard = new ScriptedGuard();
  private ScriptedApi api;
  private ApiServer server;
  private Shells shells;

  @BeforeEach
  void start() throws IOException {
    api = new ScriptedApi();
    server = new ApiServer(api, guard);
    shells = new Shells(server, IMAGE, Clock.fixed(NOW, ZoneOffset.UTC));
  }

  @AfterEach
  void stop() throws IOException {
    shells.close();
    server.close();
    api.close();
  }

  private ObjectNode made(String part) {
    return api.objects.entrySet().stream()
        .filter(one -> one.getKey().contains(part))
        .map(one -> (ObjectNode) one.getValue())
        .findFirst()
        .orElseThrow();
  }

  private void awaitDone(String beginning) throws InterruptedException {
    while (!api.done.take().startsWith(beginning)) {
      // What was before it.
    }
  }

  @Test
  void letsTheUserBeHimselfAndNobodyElse() throws Exception {
    try (var _ = shells.open(JANE, REQUEST)) {
      assertThat(made("clusterroles/").path("rules"))
          .hasToString(
              """
              [{"apiGroups":[""],"resources":["users"],"verbs":["impersonate"],\
              "resourceNames":["jane"]},{"apiGroups":[""],"resources":["groups"],\
              "verbs":["impersonate"],"resourceNames":["g1","g2"]}]""");
      var pod = made("pods/");
      String account = pod.at("/spec/serviceAccountName").asText();
      assertThat(made("serviceaccounts/").at("/metadata/name").asText()).isEqualTo(account);
      assertThat(made("clusterrolebindings/").at("/subjects/0/name").asText()).isEqualTo(account);
      var kubeconfig =
          Json.MAPPER.readTree(pod.at("/metadata/annotations/drover.io~1kubeconfig").asText());
      assertThat(kubeconfig.at("/users/0/user"))
          .hasToString(
              """
              {"tokenFile":"/var/run/secrets/kubernetes.io/serviceaccount/token","as":"jane",\
              "as-groups":["g1","g2"]}""");
    }
  }

  @Test
  void podHasNoRightsOnItsNodeAndEndsByItself() throws Exception {
    try (var _ = shells.open(JANE, REQUEST)) {
      var pod = made("pods/");
      assertThat(pod.at("/spec/activeDeadlineSeconds").asLong())
          .isEqualTo(Shells.LENGTH.toSeconds());
      assertThat(pod.at("/spec/securityContext/runAsNonRoot").asBoolean()).isTrue();
      assertThat(pod.at("/metadata/ownerReferences/0/uid").asText()).isEqualTo("u-1");
      for (String kind : List.of("initContainers", "containers")) {
        var container = pod.path("spec").path(kind).path(0);
        assertThat(container.path("image").asText()).isEqualTo("example/shell:1");
        assertThat(container.path("securityContext"))
            .hasToString(
                """
                {"allowPrivilegeEscalation":false,"readOnlyRootFilesystem":true,\
                "capabilities":{"drop":["ALL"]}}""");
      }
      assertThat(pod.at("/spec/imagePullSecrets"))
          .hasToString("[{\"name\":\"mirror\"},{\"name\":\"other\"}]");
      assertThat(pod.at("/spec/initContainers/0/volumeMounts"))
          .hasToString(
              """
              [{"name":"home","mountPath":"/home-copy"},\
              {"name":"kubeconfig","mountPath":"/kubeconfig"}]""");
    }
  }

  @Test
  void asksInOurNameForNothingButTheWebsocket() throws Exception {
    try (var shell = shells.open(JANE, REQUEST)) {
      assertThat(api.execs.take().all().stream().map(field -> field.name() + ": " + field.value()))
          .containsExactlyInAnyOrder(
              "Host: " + api.url().getAuthority(),
              "Authorization: Bearer ours",
              "Upgrade: websocket",
              "Connection: Upgrade",
              "Sec-WebSocket-Version: 13",
              "Sec-WebSocket-Key: a2V5a2V5a2V5a2V5a2V5IQ==",
              "Sec-WebSocket-Protocol: base64.channel.k8s.io");
      assertThat(shell.agreed().all().stream().map(Fields.Field::name))
          .containsExactly(
              "Upgrade", "Connection", "Sec-WebSocket-Accept", "Sec-WebSocket-Protocol");
    }
  }

  @Test
  void leavesNothing() throws Exception {
    shells.open(JANE, REQUEST).close();

    awaitDone("DELETE " + ROLES);
    shells.close();
    assertThat(api.objects).isEmpty();
  }

  @Test
  void whoeverIsLimitedInAnythingHasNone() throws Exception {
    guard.denies(new Denial("jane", "*", "secrets", "*", "*"));

    assertThat(shells.isOpenTo(JANE)).isFalse();
    assertThatThrownBy(() -> shells.open(JANE, REQUEST))
        .isInstanceOf(Refusal.class)
        .hasMessage("no shell " + ScriptedGuard.RULE);
    assertThat(api.done).isEmpty();
    assertThat(shells.isOpenTo(new User("joe", List.of(), Map.of()))).isTrue();
  }

  @Test
  void endsWhenItsUserIsLimited() throws Exception {
    shells.open(JANE, REQUEST);
    guard.denies(new Denial("jane", "*", "secrets", "*", "*"));

    awaitDone("DELETE " + ROLES);
    shells.close();
    assertThat(api.objects).isEmpty();
  }

  @Test
  void leavesNothingOfOneThatDoesNotStart() throws Exception {
    api.podStatus =
        "{'phase':'Failed','containerStatuses':[{'state':{'waiting':"
            + "{'reason':'ErrImagePull','message':'no such image'}}}]}";

    assertThatThrownBy(() -> shells.open(JANE, REQUEST))
        .isInstanceOf(Refusal.class)
        .hasMessageContainingAll("it has ended", "example/shell:1", "ErrImagePull: no such image");
    shells.close();
    assertThat(api.objects).isEmpty();
  }

  @Test
  void leavesNothingWhenTheAgentStops() throws Exception {
    shells.open(JANE, REQUEST);
    shells.open(JANE, REQUEST);

    shells.close();
    assertThat(api.objects).isEmpty();
    assertThatThrownBy(() -> shells.open(JANE, REQUEST)).hasMessageContaining("stops");
  }

  @Test
  void areSoManyOfAUserAndOfAllAndNoMore() throws Exception {
    var open = new ArrayList<Shell>();
    for (int i = 0; i < Shells.MAX_SHELLS; i++) {
      open.add(shells.open(new User("u" + i / Shells.MAX_OF_ONE, List.of(), Map.of()), REQUEST));
      if (i == Shells.MAX_OF_ONE - 1) {
        assertTooMany("u0");
      }
    }
    assertTooMany("jane");

    open.getFirst().close();
    awaitDone("DELETE " + ROLES);
    while (true) { // until it counts no longer, which is a moment later
      try {
        shells.open(JANE, REQUEST).close();
        break;
      } catch (Refusal _) {
        Thread.onSpinWait();
      }
    }
  }

  private void assertTooMany(String user) {
    assertThatThrownBy(() -> shells.open(new User(user, List.of(), Map.of()), REQUEST))
        .isInstanceOfSatisfying(Refusal.class, e -> assertThat(e.status()).isEqualTo(429))
        .hasMessageContaining("close one of yours");
  }

  @Test
  void areNotThereIfTheyAreOff() {
    var none = new Shells(server, ShellImage.NONE, Clock.systemUTC());

    assertThatThrownBy(() -> none.open(JANE, REQUEST)).hasMessageContaining("CATTLE_SHELL_IMAGE");
    none.close();
  }

  /** Of an agent that was killed; others' shells go on. */
  @ParameterizedTest
  @CsvSource({
    "2026-01-01T11:58:00Z, -,         true",
    "2026-01-01T11:50:00Z, -,         false",
    "2026-01-01T11:58:00Z, Succeeded, false",
    "2026-01-01T11:58:00Z, Failed,    false",
    "2026-01-01T05:00:00Z, Running,   true",
    "2026-01-01T03:00:00Z, Running,   false",
    "x,                    Running,   true",
  })
  void takeAwayWhatIsLeft(String created, String phase, boolean stays) throws Exception {
    var objects = new ShellObjects("bcd");
    var role = objects.clusterRole(JANE);
    role.withObject("/metadata").put("creationTimestamp", created);
    api.objects.put(ROLES + objects.role(), role);
    if (!phase.equals("-")) {
      var pod = Json.MAPPER.createObjectNode();
      pod.putObject("status").put("phase", phase);
      api.objects.put(PODS + objects.pod(), pod);
    }
    var others = role.deepCopy();
    others.withObject("/metadata").put("name", "not-a-shell");
    api.objects.put(ROLES + "not-a-shell", others);

    shells.sweepNow();

    assertThat(api.objects).containsKey(ROLES + "not-a-shell");
    assertThat(api.objects.containsKey(ROLES + objects.role())).isEqualTo(stays);
    assertThat(api.objects.containsKey(PODS + objects.pod()))
        .isEqualTo(stays && !phase.equals("-"));
  }

  @Test
  void doNotTakeAwayTheirOwn() throws Exception {
    try (var _ = shells.open(JANE, REQUEST)) {
      made("clusterroles/")
          .withObject("/metadata")
          .put("creationTimestamp", "2020-01-01T00:00:00Z");
      shells.sweepNow();
      assertThat(api.objects).hasSize(4);
    }
  }

  /** From the browser's bytes to the pod, and back. */
  @Test
  void browserTalksToThePod() throws Exception {
    var options = new Explorer.Options("", "", false, IMAGE, Optional.empty());
    for (String path : List.of("/api", "/apis", "/openapi/v2")) {
      api.objects.put(path, Json.MAPPER.readTree("{\"metadata\":{},\"items\":[]}"));
    }
    try (var explorer = new Explorer(api, options);
        var front = HttpFront.start("test", FrontLimits.STANDARD, explorer);
        var channel = front.connect(_ -> {})) {
      var head = new StringBuilder();
      REQUEST.all().forEach(f -> head.append(f.name() + ": " + f.value() + "\r\n"));
      String line =
          "GET /v1/management.cattle.io.clusters/local?link=shell HTTP/1.1\r\nHost: h\r\n";
      String upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\n";

      try (var other = front.connect(_ -> {})) {
        write(other, line + "Origin: https://evil\r\n" + upgrade + head + "\r\n");
        assertThat(reader(other).readLine()).startsWith("HTTP/1.1 403 ");
      }
      write(channel, line + "Origin: https://h\r\n" + upgrade + head + "\r\n");
      var in = reader(channel);
      assertThat(in.readLine()).startsWith("HTTP/1.1 101 ");
      while (!in.readLine().isEmpty()) {
        // The rest of the head.
      }
      write(channel, "world\n");
      assertThat(in.readLine()).isEqualTo("hello world");

      channel.shutdownOutput();
      awaitDone("DELETE " + ROLES);
    }
  }

  private static void write(SocketChannel channel, String text) throws IOException {
    channel.write(ByteBuffer.wrap(text.getBytes(ISO_8859_1)));
  }

  private static BufferedReader reader(SocketChannel channel) {
    return new BufferedReader(new InputStreamReader(Channels.newInputStream(channel), ISO_8859_1));
  }
}
