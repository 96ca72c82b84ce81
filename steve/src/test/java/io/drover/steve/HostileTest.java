package io.drover.steve;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import io.drover.steve.http.FrontLimits;
import io.drover.steve.http.HttpFront;
import io.drover.steve.kube.Json;
import io.drover.steve.shell.ShellImage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What one user does must not keep another from being answered. */
@Timeout(60)
class HostileTest {
  /** In a list that nobody reads: 8 MB, more than all buffers between here and there. */
  private static final int ROWS = 8_000;

  /** More than are answered at one time. */
  private static final int MANY = 100;

  private static final String LOCAL = "/v1/management.cattle.io.clusters/local?action=apply";
  private static final String SCHEMA = "/v1/schemas/count";

  private final List<SocketChannel> opened = new ArrayList<>();
  private FakeApiServer api;
  private Explorer explorer;
  private HttpFront front;

  @BeforeEach
  void start() throws IOException {
    api = new FakeApiServer();
    start("ui-sql-cache=true");
  }

  private void start(String features) throws IOException {
    explorer =
        new Explorer(
            api, new Explorer.Options(features, "", false, ShellImage.NONE, Optional.empty()));
    front = HttpFront.start("test", FrontLimits.STANDARD, explorer);
    api.has(
        "/api",
        FakeApiServer.list(
            "{'metadata':{},'versions':[{'version':'v1','resources':[{'resource':'configmaps',"
                + "'responseKind':{'kind':'ConfigMap'},'scope':'Namespaced',"
                + "'verbs':['get','list','create','update']}]}]}"));
    String row =
        "{'cells':['a'],'object':{'kind':'ConfigMap','metadata':{'name':'a','namespace':'n'},"
            + "'data':{'x':'"
            + "x".repeat(1_000)
            + "'}}}";
    api.has(
        "/api/v1/configmaps",
        "{'kind':'Table','metadata':{},'columnDefinitions':[{'name':'Name','type':'string'}],"
            + "'rows':["
            + (row + ",").repeat(ROWS - 1)
            + row
            + "]}");
    String rbac = "/apis/rbac.authorization.k8s.io/v1/";
    api.has(
        rbac + "clusterroles",
        FakeApiServer.list(
            "{'metadata':{'name':'r'},'rules':[{'verbs':['*'],'apiGroups':['*'],"
                + "'resources':['*']}]}"));
    api.has(
        rbac + "clusterrolebindings",
        FakeApiServer.list(
            "{'metadata':{'name':'b'},'roleRef':{'kind':'ClusterRole','name':'r'},'subjects':["
                + "{'kind':'User','apiGroup':'rbac.authorization.k8s.io','name':'jane'}]}"));
  }

  @AfterEach
  void stop() throws IOException {
    front.close();
    explorer.close();
    api.close();
    for (var channel : opened) {
      channel.close();
    }
  }

  private SocketChannel write(String text) throws IOException {
    var channel = front.connect(_ -> {});
    opened.add(channel);
    var bytes = ByteBuffer.wrap(text.getBytes(ISO_8859_1));
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
    return channel;
  }

  private static String request(String method, String target, String body) {
    return request("jane", method, target, body);
  }

  private static String request(String user, String method, String target, String body) {
    return "%s %s HTTP/1.1\r\nHost: h\r\nImpersonate-User: %s\r\nContent-Length: %d\r\n\r\n%s"
        .formatted(method, target, user, body.length(), body);
  }

  private int status(String request) throws IOException {
    var in = Channels.newInputStream(write(request));
    return Integer.parseInt(new String(in.readNBytes(12), ISO_8859_1).substring(9));
  }

  private void assertAnotherIsAnswered() throws IOException {
    assertThat(status(request("ann", "GET", SCHEMA, ""))).isEqualTo(200);
  }

  @ParameterizedTest
  @CsvSource({
    "true, 'metadata.name=a,', 431", // longer than a head may be
    "true, 'id=a,', 422",
    "false, 'id=a,', 422"
  })
  void refusesAFilterOfTenThousandParts(boolean sql, String part, int status) throws Exception {
    stopFront();
    start("ui-sql-cache=" + sql);

    assertThat(status(request("GET", "/v1/configmaps?filter=" + part.repeat(10_000), "")))
        .isEqualTo(status);
    assertAnotherIsAnswered();
  }

  private void stopFront() {
    front.close();
    explorer.close();
  }

  @ParameterizedTest
  @CsvSource({
    "POST, /v1/configmaps, application/json",
    "POST, /v1/configmaps, application/yaml",
    "PUT, /v1/configmaps/n/a, application/json",
  })
  void refusesWhatIsTooDeep(String method, String target, String type) throws Exception {
    String deep = "[".repeat(100_000) + "]".repeat(100_000);
    String head = request(method, target, "{\"a\":" + deep + "}");

    assertThat(status(head.replaceFirst("\r\n", "\r\nContent-Type: " + type + "\r\n")))
        .isEqualTo(422);
    assertAnotherIsAnswered();
  }

  @Test
  void refusesAnImportThatIsTooDeepOrTooLong() throws Exception {
    for (String text :
        List.of(
            "a: " + "[".repeat(100_000), "{\"a\":".repeat(100_000), "- ".repeat(100_000) + "a")) {
      String body = Json.MAPPER.createObjectNode().put("yaml", text).toString();
      assertThat(status(request("POST", LOCAL, body))).isEqualTo(422);
    }
    String long3MiB = Json.MAPPER.createObjectNode().put("yaml", "x".repeat(3 << 20)).toString();
    assertThat(status(request("POST", LOCAL, long3MiB))).isEqualTo(413);
    assertAnotherIsAnswered();
  }

  /** Which grows to gigabytes where aliases are replaced by what they stand for. */
  @Test
  void isNotBlownUpByAliases() throws Exception {
    var text = new StringBuilder("apiVersion: v1\nkind: X\nmetadata: {name: a}\na0: &a0 [x]\n");
    for (int i = 1; i < 60; i++) {
      text.append("a%d: &a%d [*a%d,*a%d,*a%d]\n".formatted(i, i, i - 1, i - 1, i - 1));
    }
    String body = Json.MAPPER.createObjectNode().put("yaml", text.toString()).toString();

    assertThat(status(request("POST", LOCAL, body))).as("there is no such kind").isEqualTo(422);
    assertAnotherIsAnswered();
  }

  @Test
  void answersOthersWhileSomeDoNotRead() throws Exception {
    for (int i = 0; i < MANY; i++) {
      write(request("GET", "/v1/configmaps", ""));
    }

    assertAnotherIsAnswered();
  }

  @Test
  void answersOthersWhileSomeAreHalfOpen() throws Exception {
    for (int i = 0; i < MANY; i++) {
      write("GET /v1/confi");
      write(request("PUT", "/v1/configmaps/n/a", "{}").replace("{}", "{"));
      var channel = write("GET " + SCHEMA + " HTTP/1.1\r\nHost: h\r\n");
      channel.shutdownOutput();
    }

    assertAnotherIsAnswered();
    // Whoever has said all and only listens is answered too.
    var channel = write(request("ann", "GET", SCHEMA, ""));
    channel.shutdownOutput();
    assertThat(new String(Channels.newInputStream(channel).readAllBytes(), ISO_8859_1))
        .startsWith("HTTP/1.1 200 ");
  }
}
