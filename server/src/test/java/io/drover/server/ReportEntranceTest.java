package io.drover.server;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import io.drover.proto.report.ClusterReport;
import io.drover.proto.report.MergePatch;
import io.drover.proto.report.ReportJson;
import io.drover.server.TestServer.NewCluster;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.Socket;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Reports over HTTP: each answer, and where a report shows. */
@Timeout(60)
class ReportEntranceTest {
  /** As in {@code ReportEntrance}. */
  private static final int MAX_AT_ONCE = 16;

  private static final String ASK = "Expect: 100-continue";

  @TempDir private Path directory;
  private TestServer server;
  private HttpClient http;
  private NewCluster cluster;

  @BeforeEach
  void start() throws Exception {
    server = TestServer.start(directory);
    http = HttpClient.newBuilder().sslContext(server.tls).build();
    cluster = server.create("one");
  }

  @AfterEach
  void stop() {
    http.shutdownNow();
    server.close();
  }

  private HttpRequest.Builder request(String method, BodyPublisher body) {
    return HttpRequest.newBuilder(server.url.resolve("/v3/reports"))
        .method(method, body)
        .header("Authorization", "Bearer " + cluster.token())
        .header("Content-Type", "application/json");
  }

  private HttpResponse<String> send(HttpRequest.Builder request) throws Exception {
    return http.send(request.build(), BodyHandlers.ofString());
  }

  private HttpResponse<String> put(String body) throws Exception {
    return send(request("PUT", BodyPublishers.ofString(body)));
  }

  private HttpResponse<String> put(ClusterReport report) throws Exception {
    return put(ReportJson.write(report));
  }

  private HttpResponse<String> putGzip(byte[] packed) throws Exception {
    return send(
        request("PUT", BodyPublishers.ofByteArray(packed)).header("Content-Encoding", "gzip"));
  }

  private ClusterReport report(String instance, long sequence) {
    return SampleReport.of(cluster.id(), instance, sequence);
  }

  private JsonNode clusterJson() throws Exception {
    return server.get("/v3/clusters/" + cluster.id());
  }

  private JsonNode reportJson() throws Exception {
    return server.get("/v3/clusters/" + cluster.id() + "/report");
  }

  private static byte[] gzip(byte[] bytes) throws IOException {
    var out = new ByteArrayOutputStream();
    try (var gzip = new GZIPOutputStream(out)) {
      gzip.write(bytes);
    }
    return out.toByteArray();
  }

  private static void assertRefused(HttpResponse<String> answer, int status, String reason)
      throws Exception {
    assertThat(answer.statusCode()).as(answer.body()).isEqualTo(status);
    var json = TestServer.JSON.readTree(answer.body());
    assertThat(json.path("type").asText()).isEqualTo("error");
    assertThat(json.path("status").asInt()).isEqualTo(status);
    assertThat(json.path("message").asText()).isEqualTo(reason);
  }

  @Test
  void reportIsTakenWithoutAWord() throws Exception {
    var answer = put(report("a", 1));

    assertThat(answer.statusCode()).isEqualTo(204);
    assertThat(answer.body()).isEmpty();
    assertThat(reportJson().path("report").toString()).isEqualTo(ReportJson.write(report("a", 1)));
  }

  @Test
  void packedReportIsTaken() throws Exception {
    var text = ReportJson.write(report("a", 1));

    assertThat(putGzip(gzip(text.getBytes(UTF_8))).statusCode()).isEqualTo(204);

    assertThat(reportJson().path("report").toString()).isEqualTo(text);
  }

  @Test
  void reportWithoutClusterIdIsThatOfTheToken() throws Exception {
    assertThat(put(SampleReport.of("", "a", 1)).statusCode()).isEqualTo(204);

    assertThat(reportJson().path("clusterId").asText()).isEqualTo(cluster.id());
  }

  @Test
  void whatIsNotNewIsAnsweredTheSameAndChangesNothing() throws Exception {
    assertThat(put(report("a", 2)).statusCode()).isEqualTo(204);
    var before = reportJson();
    assertThat(before.at("/report/agent/sequence").asInt()).isEqualTo(2);

    assertThat(put(report("a", 2)).statusCode()).isEqualTo(204);
    assertThat(put(report("a", 1)).statusCode()).isEqualTo(204);
    var older = SampleReport.OBSERVED_AT.minusSeconds(1);
    assertThat(put(SampleReport.of("", "b", 9, older)).statusCode()).isEqualTo(204);

    for (var field : List.of("report", "receivedAt", "missed")) {
      assertThat(reportJson().path(field)).isEqualTo(before.path(field));
    }
  }

  private HttpResponse<String> patch(String tag, String patch) throws Exception {
    return send(
        request("PATCH", BodyPublishers.ofString(patch))
            .setHeader("Content-Type", "application/merge-patch+json")
            .setHeader("If-Match", tag));
  }

  @Test
  void patchChangesTheNewestReport() throws Exception {
    put(report("a", 1));
    var changed = ReportJson.tree(report("a", 2)).put("provider", "rke2").put("novelty", 1);
    changed.withObject("details").remove("storageClasses");

    var answer =
        patch("\"a/1\"", MergePatch.between(ReportJson.tree(report("a", 1)), changed).toString());

    assertThat(answer.statusCode()).as(answer.body()).isEqualTo(204);
    assertThat(reportJson().path("report").toString()).isEqualTo(changed.toString());
    assertThat(clusterJson().path("provider").asText()).isEqualTo("rke2");
  }

  @Test
  void patchOfAnythingElseIs412() throws Exception {
    var reason = "the report that is changed is not the newest here";
    assertRefused(patch("\"a/1\"", "{}"), 412, reason);
    put(report("a", 2));

    assertRefused(patch("\"a/1\"", "{}"), 412, reason);
    assertRefused(patch("\"b/2\"", "{}"), 412, reason);
    assertRefused(patch("*", "{}"), 412, reason);
    var nameless =
        request("PATCH", BodyPublishers.ofString("{}"))
            .setHeader("Content-Type", "application/merge-patch+json");
    assertRefused(send(nameless), 428, "If-Match must name the report that is changed");
    assertThat(reportJson().path("report").toString()).isEqualTo(ReportJson.write(report("a", 2)));
  }

  @Test
  void patchMustLeadToAReport() throws Exception {
    put(report("a", 1));

    assertRefused(patch("\"a/1\"", "[]"), 400, "patch is not an object");
    assertRefused(patch("\"a/1\"", "{\"agent\":null}"), 400, "agent is missing");
    assertRefused(patch("\"a/1\"", "{\"kind\":\"x\"}"), 400, "kind must be ClusterReport");
    assertRefused(
        patch("\"a/1\"", "{\"provider\":\"" + "x".repeat(ReportJson.MAX_BYTES - 100) + "\"}"),
        400,
        "no ClusterReport: longer than 65536 bytes");
    assertRefused(
        send(request("PATCH", BodyPublishers.ofString("{}")).setHeader("If-Match", "\"a/1\"")),
        415,
        "body must be application/merge-patch+json");
    assertThat(reportJson().path("report").toString()).isEqualTo(ReportJson.write(report("a", 1)));
  }

  @Test
  void gapIsShown() throws Exception {
    put(report("a", 1));
    put(report("a", 4));

    assertThat(reportJson().path("missed").asLong()).isEqualTo(2);
  }

  @Test
  void otherMethodsAre405() throws Exception {
    for (var method : List.of("GET", "POST", "DELETE")) {
      var answer = send(request(method, BodyPublishers.noBody()));

      assertRefused(answer, 405, "method not allowed");
      assertThat(answer.headers().firstValue("Allow")).contains("PUT, PATCH");
    }
  }

  @Test
  void unknownTokensAre401() throws Exception {
    for (var value :
        List.of("", "Bearer ", "Bearer x", cluster.token(), "Bearer " + server.adminToken)) {
      var answer =
          send(
              request("PUT", BodyPublishers.ofString(ReportJson.write(report("a", 1))))
                  .setHeader("Authorization", value));

      assertRefused(answer, 401, "must authenticate");
      assertThat(answer.headers().firstValue("WWW-Authenticate")).contains("Bearer");
    }
  }

  @Test
  void tokenOfADeletedClusterIs401AndItsReportIsGone() throws Exception {
    put(report("a", 1));

    var delete =
        HttpRequest.newBuilder(server.url.resolve("/v3/clusters/" + cluster.id()))
            .header("Authorization", "Bearer " + server.adminToken)
            .DELETE();
    assertThat(send(delete).statusCode()).isEqualTo(200);

    assertRefused(put(report("a", 2)), 401, "must authenticate");
    assertThatThrownBy(this::reportJson).hasMessage("cluster not found");
    assertThatThrownBy(this::reportJson).hasMessage("cluster not found");
  }

  @Test
  void reportOfAnotherClusterIs403() throws Exception {
    var other = server.create("other");

    assertRefused(
        put(SampleReport.of(other.id(), "a", 1)), 403, "clusterId is not that of the token");

    assertThatThrownBy(this::reportJson).hasMessage("no report yet");
  }

  @Test
  void whatIsNoReportIs400WithTheField() throws Exception {
    var tree = ReportJson.tree(report("a", 1));
    tree.withObject("agent").remove("sequence");

    assertRefused(put(tree.toString()), 400, "agent.sequence is missing");
    assertRefused(put("{}"), 400, "kind must be ClusterReport");
    assertThat(putGzip("{}".getBytes(UTF_8)).statusCode()).isEqualTo(400);
  }

  @Test
  void tooLongBodiesAre413() throws Exception {
    var most = ReportJson.MAX_BYTES;
    var fits = put(ReportJson.write(report("a", 1)) + " ".repeat(1000));
    assertThat(fits.statusCode()).isEqualTo(204);

    assertRefused(put(" ".repeat(most + 1)), 413, "body too long: limit=65536");
    byte[] noise = new byte[most * 2];
    new Random(1).nextBytes(noise);
    assertRefused(putGzip(gzip(noise)), 413, "body too long: limit=66560");
    assertRefused(putGzip(gzip(new byte[most * 500])), 413, "inflated body too long: limit=65536");
    var chunked = BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(new byte[most + 1]));
    assertRefused(send(request("PUT", chunked)), 413, "body too long: limit=65536");
  }

  @Test
  void longestReportIsTaken() throws Exception {
    var text = ReportJson.write(report("a", 1));
    var longest = text + " ".repeat(ReportJson.MAX_BYTES - text.length());

    assertThat(put(longest).statusCode()).isEqualTo(204);
  }

  @Test
  void otherFormsThanJsonAndGzipAre415() throws Exception {
    var text = ReportJson.write(report("a", 1));
    for (var type : List.of("text/plain", "application/json-seq", "")) {
      var answer =
          send(request("PUT", BodyPublishers.ofString(text)).setHeader("Content-Type", type));
      assertRefused(answer, 415, "body must be application/json");
      assertThat(answer.headers().firstValue("Accept")).contains("application/json");
    }
    for (var encoding : List.of("br", "gzip, gzip", "deflate")) {
      var answer =
          send(
              request("PUT", BodyPublishers.ofString(text))
                  .setHeader("Content-Encoding", encoding));
      assertRefused(answer, 415, "content encoding must be gzip, or none");
      assertThat(answer.headers().firstValue("Accept-Encoding")).contains("gzip");
    }
    var parameters =
        request("PUT", BodyPublishers.ofString(text))
            .setHeader("Content-Type", "Application/JSON; charset=utf-8")
            .header("Content-Encoding", "identity");
    assertThat(send(parameters).statusCode()).isEqualTo(204);
  }

  /** A sender that sends no more than its head. */
  private static final class Slow implements Closeable {
    private final Socket socket;
    private final BufferedReader in;

    Slow(TestServer server, String token, String... fields) throws IOException {
      socket =
          server.tls.getSocketFactory().createSocket(server.url.getHost(), server.url.getPort());
      in = new BufferedReader(new InputStreamReader(socket.getInputStream(), US_ASCII));
      socket
          .getOutputStream()
          .write(
              String.join(
                      "\r\n",
                      "PUT /v3/reports HTTP/1.1",
                      "Host: test",
                      "Authorization: Bearer " + token,
                      "Content-Type: application/json",
                      String.join("\r\n", fields),
                      "",
                      "")
                  .getBytes(US_ASCII));
    }

    void awaitContinue() throws IOException {
      assertThat(in.readLine()).isEqualTo("HTTP/1.1 100 Continue");
      assertThat(in.readLine()).isEmpty();
    }

    /** The rest of what the server says, until it closes. */
    List<String> answer() {
      return in.lines().toList();
    }

    @Override
    public void close() throws IOException {
      socket.close();
    }
  }

  @Test
  void slowSendersTakeAllPlacesButNotForLong() throws Exception {
    var slow = new ArrayList<Slow>();
    try {
      for (int i = 0; i < MAX_AT_ONCE; i++) {
        slow.add(new Slow(server, cluster.token(), "Content-Length: 1000", ASK));
      }
      for (var one : slow) {
        one.awaitContinue();
      }

      var busy = put(report("a", 1));
      assertRefused(busy, 503, "too many reports at one time");
      assertThat(busy.headers().firstValue("Retry-After")).contains("5");

      for (var one : slow) {
        assertThat(one.answer())
            .startsWith("HTTP/1.1 408 Request Timeout")
            .anySatisfy(line -> assertThat(line).contains("body not read in 5 s"));
      }
      assertThat(put(report("a", 1)).statusCode()).isEqualTo(204);
    } finally {
      for (var one : slow) {
        one.close();
      }
    }
  }

  @Test
  void refusedSenderGetsItsAnswerAndMayGoOnIfItHasSentAll() throws Exception {
    var text = ReportJson.write(report("a", 1));
    var longest = text + " ".repeat(ReportJson.MAX_BYTES - text.length());
    for (int i = 0; i < 20; i++) {
      var answer =
          send(
              request("PUT", BodyPublishers.ofString(longest))
                  .setHeader("Authorization", "Bearer x"));

      assertRefused(answer, 401, "must authenticate");
      assertThat(answer.headers().firstValue("Connection")).isEmpty();
    }
  }

  @Test
  void refusedSenderThatSendsNothingMoreIsAnsweredAllTheSame() throws Exception {
    try (var slow = new Slow(server, cluster.token(), "Content-Length: 1000000")) {
      assertThat(slow.answer())
          .startsWith("HTTP/1.1 413 Payload Too Large")
          .contains("Connection: close");
    }
  }

  @Test
  void refusedSenderThatWaitsForAWordIsNotAskedForItsBody() throws Exception {
    try (var waiting = new Slow(server, "x", "Content-Length: 1000", ASK)) {
      assertThat(waiting.answer())
          .startsWith("HTTP/1.1 401 Unauthorized")
          .contains("Connection: close");
    }
  }

  @Test
  void clusterWithoutReportHasRanchersEmptyCapabilities() throws Exception {
    var json = clusterJson();

    assertThat(json.path("capabilities").toString()).isEqualTo("{\"loadBalancerCapabilities\":{}}");
    assertThat(json.has("version")).isFalse();
    assertThat(json.path("links").has("report")).isFalse();
    assertThatThrownBy(this::reportJson).hasMessage("no report yet");
  }

  @Test
  void clusterShowsWhatItsReportSays() throws Exception {
    put(report("a", 1));

    for (var json : List.of(clusterJson(), server.get("/v3/clusters").at("/data/0"))) {
      assertThat(json.path("capabilities").toString())
          .isEqualTo(
              """
              {"loadBalancerCapabilities":{"enabled":true,"provider":"ELB",\
              "protocolsSupported":["TCP"],"healthCheckSupported":true},\
              "ingressCapabilities":[{"ingressProvider":"Nginx","customDefaultBackend":false}],\
              "nodePortRange":"30000-32767","taintSupport":true}\
              """);
      assertThat(json.path("capacity").toString())
          .isEqualTo("{\"cpu\":\"12\",\"memory\":\"96Gi\"}");
      assertThat(json.path("allocatable").path("cpu").asText()).isEqualTo("11");
      assertThat(json.path("requested").path("cpu").asText()).isEqualTo("2500m");
      assertThat(json.path("limits").path("memory").asText()).isEqualTo("16Gi");
      assertThat(json.path("nodeCount").asInt()).isEqualTo(3);
      assertThat(json.path("linuxWorkerCount").asInt()).isEqualTo(3);
      assertThat(json.path("windowsWorkerCount").asInt(-1)).isZero();
      assertThat(json.path("version").path("gitVersion").asText()).isEqualTo("v1.36.2+k3s1");
      assertThat(json.path("provider").asText()).isEqualTo("k3s");
      assertThat(json.path("links").path("report").asText())
          .isEqualTo(server.url + "/v3/clusters/" + cluster.id() + "/report");
    }
  }

  @Test
  void reportNeedsTheAdministratorsToken() throws Exception {
    put(report("a", 1));
    var path = "/v3/clusters/" + cluster.id() + "/report";

    for (var token : List.of(cluster.token(), "x")) {
      var request =
          HttpRequest.newBuilder(server.url.resolve(path))
              .header("Authorization", "Bearer " + token);
      assertThat(send(request).statusCode()).isEqualTo(401);
    }
    assertThatThrownBy(() -> server.post(path, TestServer.JSON.createObjectNode()))
        .hasMessage("method not allowed");
  }

  @Test
  void reportIsThereAfterARestart() throws Exception {
    put(report("a", 1));
    server.close();

    server = TestServer.start(directory);

    assertThat(reportJson().path("report").path("provider").asText()).isEqualTo("k3s");
    assertThat(clusterJson().path("provider").asText()).isEqualTo("k3s");
  }
}
