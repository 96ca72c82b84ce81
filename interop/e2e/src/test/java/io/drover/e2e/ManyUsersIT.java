package io.drover.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MappingIterator;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.DigestInputStream;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * Many users at once, each with what lasts: a followed log, a big copy there and back, watches, and
 * sessions in pods. For how long and how many: {@code -Ddrover.users.seconds=1800
 * -Ddrover.users.copy=2048 -Ddrover.users.watches=200 -Ddrover.users.sessions=50}.
 */
@Tag("interop")
@Order(6)
@ExtendWith(WithControlPlane.class)
@Timeout(value = 60, unit = TimeUnit.MINUTES)
final class ManyUsersIT {
  private static final Duration LENGTH =
      Duration.ofSeconds(Integer.getInteger("drover.users.seconds", 30));

  private static final int COPY_MIB = Integer.getInteger("drover.users.copy", 64);
  private static final int WATCHES = Integer.getInteger("drover.users.watches", 50);
  private static final int SESSIONS = Integer.getInteger("drover.users.sessions", 10);

  private static final Duration BETWEEN_LINES = Duration.ofMillis(100);
  private static final Duration BETWEEN_CHANGES = Duration.ofSeconds(5);
  private static final Duration BETWEEN_TURNS = Duration.ofSeconds(1);
  private static final Duration LINE_LIMIT = Duration.ofSeconds(20);
  private static final Duration COPY_LIMIT = Duration.ofMinutes(20);
  private static final String NAMESPACE = "many-users";
  private static final ObjectMapper JSON = new ObjectMapper();

  /** Until when work goes on. */
  private final long endNanos = System.nanoTime() + LENGTH.toNanos();

  @Test
  void allGetWhatTheyAskedFor(ControlPlane plane) throws Exception {
    var remotedialer = Peer.VERSIONS.getFirst();
    try (var installation =
            Installation.start(
                plane, "many-users", remotedialer, Map.of(), Installation.FREQUENT_CHECKS);
        var threads = Executors.newThreadPerTaskExecutor(Thread.ofPlatform().factory())) {
      plane.admin().run("create", "namespace", NAMESPACE);
      var work = new ArrayList<Callable<String>>();
      work.add(() -> followsLog(installation));
      work.add(() -> copiesThereAndBack(installation));
      work.add(() -> watches(installation));
      for (int session = 0; session < SESSIONS; session++) {
        var name = "session-" + session;
        work.add(() -> talksInPod(installation, name));
      }
      for (var done : threads.invokeAll(work)) {
        System.out.println(installation + ": " + done.get());
      }
      assertThat(installation.agent().sessions()).isEqualTo(1);
      assertThat(installation.peer().events("session-closed")).isEmpty();
      System.out.println(installation + ": " + installation.agent().memory());
    }
  }

  private boolean goesOn() {
    return System.nanoTime() - endNanos < 0;
  }

  /** A line each tenth of a second, each seen, in order. */
  private String followsLog(Installation installation) throws Exception {
    var plane = installation.plane();
    var pod = plane.pod();
    var log = plane.podDirectory(pod).resolve("app.log");
    int said = 0;
    say(log, said++);
    try (var following =
        installation.peer().kubectl().start("many-users-log", "logs", "-f", pod, "--tail=1")) {
      for (; goesOn(); said++) {
        say(log, said);
        Thread.sleep(BETWEEN_LINES);
      }
      int last = said - 1;
      following.awaitLine("line " + last, LINE_LIMIT, line(last)::equals);
      assertThat(following.isAlive()).isTrue();
      var lines =
          following.lines().stream().filter(line -> line.startsWith("many users ")).toList();
      int first = Integer.parseInt(lines.getFirst().substring("many users ".length()));
      assertThat(first).isLessThanOrEqualTo(last);
      for (int next = first; next <= last; next++) {
        assertThat(lines.get(next - first)).isEqualTo(line(next));
      }
      assertThat(following.errorLines()).isEmpty();
      return lines.size() + " lines of a log";
    }
  }

  private static void say(Path log, int number) throws IOException {
    Files.writeString(
        log,
        Instant.now() + " stdout F " + line(number) + "\n",
        UTF_8,
        StandardOpenOption.CREATE,
        StandardOpenOption.APPEND);
  }

  private static String line(int number) {
    return "many users " + number;
  }

  private static String copiesThereAndBack(Installation installation) throws Exception {
    var plane = installation.plane();
    var pod = plane.pod();
    var sent = installation.directory().resolve("sent");
    var back = installation.directory().resolve("back");
    var inPod = plane.podDirectory(pod).resolve("many-users-copy");
    var random = new Random(7);
    var piece = new byte[Payload.MIB];
    try (var out = Files.newOutputStream(sent)) {
      for (int written = 0; written < COPY_MIB; written++) {
        random.nextBytes(piece);
        out.write(piece);
      }
    }
    var sum = sha256(sent);
    try {
      copy(installation, sent.toString(), pod + ":many-users-copy");
      assertThat(sha256(inPod)).isEqualTo(sum);
      copy(installation, pod + ":many-users-copy", back.toString());
      assertThat(sha256(back)).isEqualTo(sum);
    } finally {
      for (var file : List.of(sent, back, inPod)) {
        Files.deleteIfExists(file);
      }
    }
    return COPY_MIB + " MiB there and back, SHA-256 " + sum.substring(0, 12);
  }

  private static void copy(Installation installation, String from, String to) throws Exception {
    try (var copying = installation.peer().kubectl().start("many-users-cp", "cp", from, to)) {
      assertThat(copying.awaitExit(COPY_LIMIT)).as("%s", copying.tail()).isZero();
    }
  }

  private static String sha256(Path file) throws IOException {
    var digest = Payload.sha256();
    try (var in = new DigestInputStream(Files.newInputStream(file), digest)) {
      in.transferTo(OutputStream.nullOutputStream());
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  /** All watches see all changes, in order. */
  private String watches(Installation installation) throws Exception {
    var peer = installation.peer();
    var admin = installation.plane().admin();
    var watches = new ArrayList<MappingIterator<JsonNode>>();
    var bodies = new ArrayList<InputStream>();
    int changes = 0;
    try (var client = Https.trusting(peer.caFile(), HttpClient.Version.HTTP_1_1)) {
      try {
        for (int watch = 0; watch < WATCHES; watch++) {
          var answer = client.send(watch(peer), BodyHandlers.ofInputStream());
          assertThat(answer.statusCode()).isEqualTo(200);
          bodies.add(answer.body());
          watches.add(JSON.readerFor(JsonNode.class).readValues(answer.body()));
        }
        for (; goesOn(); changes++) {
          admin.run("-n", NAMESPACE, "create", "configmap", "change-" + changes);
          for (var watch : watches) {
            assertThat(next(watch)).isEqualTo("change-" + changes);
          }
          Thread.sleep(BETWEEN_CHANGES);
        }
      } finally {
        for (var body : bodies) { // before the client, which waits for all answers
          body.close();
        }
      }
    }
    return WATCHES + " watches, " + changes + " changes";
  }

  /** A watch ends after half an hour to an hour unless it asks for longer. */
  private static HttpRequest watch(Peer peer) {
    var path = "/api/v1/namespaces/" + NAMESPACE + "/configmaps?watch=1&timeoutSeconds=7200";
    return HttpRequest.newBuilder(URI.create(peer.clusterUrl() + path))
        .header("Authorization", "Bearer " + Peer.userToken())
        .build();
  }

  /** The next ConfigMap of ours; the one that each namespace gets by itself does not count. */
  private static String next(MappingIterator<JsonNode> watch) throws IOException {
    while (true) {
      var name = watch.nextValue().at("/object/metadata/name").asText();
      if (name.startsWith("change-")) {
        return name;
      }
    }
  }

  private String talksInPod(Installation installation, String name) throws Exception {
    var kubectl = installation.peer().kubectl();
    var process =
        RunningProcess.prepare(
                kubectl.directory(),
                Map.of(
                    "HOME", kubectl.directory().toString(),
                    "KUBECONFIG", kubectl.kubeconfig().toString()),
                List.of("kubectl", "exec", "-i", installation.plane().pod(), "--", "cat"))
            .redirectError(installation.directory().resolve(name + ".err").toFile())
            .start();
    int turns = 0;
    try (var in = new BufferedReader(process.inputReader(UTF_8))) {
      var out = process.getOutputStream();
      for (; goesOn(); turns++) {
        var text = name + " says " + turns;
        out.write((text + "\n").getBytes(UTF_8));
        out.flush();
        assertThat(in.readLine()).isEqualTo(text);
        Thread.sleep(BETWEEN_TURNS);
      }
      out.close();
      assertThat(in.readLine()).isNull();
      assertThat(process.waitFor(LINE_LIMIT.toSeconds(), TimeUnit.SECONDS)).isTrue();
      assertThat(process.exitValue()).isZero();
    } finally {
      process.destroyForcibly();
    }
    return name + ": " + turns + " turns";
  }
}
