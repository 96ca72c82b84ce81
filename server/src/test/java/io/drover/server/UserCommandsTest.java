package io.drover.server;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** {@code drover-server user} and {@code member}, on a server that runs. */
@Timeout(120)
class UserCommandsTest {
  private static final String PASSWORD = "correct horse battery";

  @TempDir private Path directory;
  private TestServer server;

  @BeforeEach
  void start() throws Exception {
    server = TestServer.start(directory);
  }

  @AfterEach
  void stop() {
    server.close();
  }

  /** What a command printed. */
  private record Ran(int code, String out, String err) {
    List<String> lines() {
      return out.lines().toList();
    }
  }

  private Ran run(String stdin, String... arguments) {
    InputStream in = System.in;
    var out = System.out;
    var err = System.err;
    var printed = new ByteArrayOutputStream();
    var told = new ByteArrayOutputStream();
    try {
      System.setIn(new ByteArrayInputStream(stdin.getBytes(UTF_8)));
      System.setOut(new PrintStream(printed, true, UTF_8));
      System.setErr(new PrintStream(told, true, UTF_8));
      var all = new ArrayList<>(List.of(arguments));
      all.addAll(List.of("--dir", directory.toString()));
      int code = Main.execute(all.toArray(String[]::new));
      return new Ran(code, printed.toString(UTF_8), told.toString(UTF_8));
    } finally {
      System.setIn(in);
      System.setOut(out);
      System.setErr(err);
    }
  }

  private int signIn(String username, String password) throws Exception {
    var body =
        TestServer.JSON.createObjectNode().put("username", username).put("password", password);
    try (var http = HttpClient.newBuilder().sslContext(server.tls).build()) {
      return http.send(
              HttpRequest.newBuilder(
                      server.url.resolve("/v3-public/localProviders/local?action=login"))
                  .POST(BodyPublishers.ofString(body.toString()))
                  .build(),
              BodyHandlers.discarding())
          .statusCode();
    }
  }

  @Test
  void usersComeAndGo() throws Exception {
    var made = run(PASSWORD + "\nnot this", "user", "create", "ann", "--name", "Ann Example");
    assertThat(made.code()).as(made.err()).isZero();
    assertThat(made.out()).matches("u-[a-z0-9]{5}\\R");
    assertThat(signIn("ann", PASSWORD)).isEqualTo(200);

    assertThat(run("", "user", "list").lines())
        .anyMatch(line -> line.matches("ID +USERNAME +ADMIN +NAME"))
        .anyMatch(line -> line.matches("u-[a-z0-9]{5}  admin     yes"))
        .anyMatch(line -> line.matches(made.out().strip() + "  ann       no     Ann Example"));
    var json = TestServer.JSON.readTree(run("", "user", "list", "-o", "json").out());
    assertThat(json.findValuesAsText("username")).containsExactly("admin", "ann");

    assertThat(run("another good password\r\n", "user", "password", "ann").code()).isZero();
    assertThat(signIn("ann", PASSWORD)).isEqualTo(401);
    assertThat(signIn("ann", "another good password")).isEqualTo(200);

    assertThat(run("", "user", "delete", made.out().strip()).code()).isZero();
    assertThat(signIn("ann", "another good password")).isEqualTo(401);
    assertThat(run("", "user", "delete", "ann").err()).contains("no such user: ann");
  }

  @Test
  void clustersAndTokensAreListedAsUsersAre() throws Exception {
    var cluster = server.create("one");

    assertThat(run("", "cluster", "list").lines())
        .satisfiesExactly(
            line -> assertThat(line).matches("ID +STATE +NAME"),
            line -> assertThat(line).matches(cluster.id() + "  pending  one"));
    assertThat(run("", "token", "list").lines())
        .satisfiesExactly(
            line -> assertThat(line).matches("ID +STATE +EXPIRES +CLUSTER"),
            line -> assertThat(line).matches("crt-\\w{5}  active  20\\S+Z  " + cluster.id()));
    var clusters = TestServer.JSON.readTree(run("", "cluster", "list", "-o", "json").out());
    assertThat(clusters.findValuesAsText("name")).containsExactly("one");
    var tokens = TestServer.JSON.readTree(run("", "token", "list", "-o", "json").out());
    assertThat(tokens.findValuesAsText("clusterId")).containsExactly(cluster.id());

    var made = TestServer.JSON.readTree(run("", "token", "create", cluster.id()).out());
    assertThat(made.path("token").asText()).hasSize(54);
    assertThat(run("", "token", "revoke", made.path("tokenId").asText()).code()).isZero();
    assertThat(run("", "token", "list").lines()).anyMatch(line -> line.contains("  revoked  "));
  }

  @Test
  void membersComeAndGo() throws Exception {
    var cluster = server.create("one").id();
    assertThat(run(PASSWORD, "user", "create", "ann").code()).isZero();

    assertThat(run("", "member", "add", cluster, "ann", "--role", "read-only").code()).isZero();
    assertThat(run("", "member", "add", cluster, "ann", "--role", "cluster-member").code())
        .isZero();
    assertThat(run("", "member", "list", cluster).lines())
        .satisfiesExactly(
            line -> assertThat(line).matches("USER +USERNAME +ROLE"),
            line -> assertThat(line).matches("u-[a-z0-9]{5}  ann       cluster-member"));
    var json = TestServer.JSON.readTree(run("", "member", "list", cluster, "--output=json").out());
    assertThat(json.path(0).path("clusterId").asText()).isEqualTo(cluster);

    assertThat(run("", "member", "remove", cluster, "ann").code()).isZero();
    assertThat(run("", "member", "list", cluster).lines()).hasSize(1);
    var again = run("", "member", "remove", cluster, "ann");
    assertThat(again.code()).isEqualTo(1);
    assertThat(again.err()).contains("not a member of " + cluster + ": ann");
  }

  @Test
  void whatIsWrongIsSaid() throws Exception {
    var cluster = server.create("one").id();
    assertThat(run("", "user", "create", "ann").err()).contains("no password given");
    assertThat(run("short\n", "user", "create", "ann").err()).contains("12");
    assertThat(run(PASSWORD, "user", "create", "Ann!").err()).contains("username must be");
    assertThat(run(PASSWORD, "user", "password", "bob").err()).contains("no such user: bob");
    assertThat(run("", "user", "delete", "admin").err()).contains("user admin stays");
    assertThat(run("", "member", "list", "c-zzzzz").err()).contains("cluster not found: c-zzzzz");
    assertThat(run("", "member", "add", cluster, "bob", "--role", "read-only").code()).isEqualTo(1);

    assertThat(run("", "member", "add", cluster, "admin", "--role", "king").err())
        .contains("--role is not one of cluster-owner, cluster-member, read-only: king");
    for (var wrong :
        List.of(
            new String[] {"user", "create"},
            new String[] {"user", "create", "ann", "--password", PASSWORD},
            new String[] {"user", "list", "-o", "yaml"},
            new String[] {"member", "add", cluster, "admin"},
            new String[] {"member", "add", cluster, "admin", "--role", "king"})) {
      assertThat(run("", wrong).code()).as(String.join(" ", wrong)).isEqualTo(2);
    }
    assertThat(Files.readString(directory.resolve("audit.log"))).doesNotContain(PASSWORD);
  }

  @Test
  void helpIs0() {
    for (var command : List.of("user", "member")) {
      assertThat(Main.execute(command, "--help")).isZero();
    }
    assertThat(Main.execute("user", "password", "--help")).isZero();
  }

  @Test
  void passwordHasALimitAndEndsWithItsLine() throws IOException {
    var in = new ByteArrayInputStream("pässword\nrest".getBytes(UTF_8));
    assertThat(Password.firstLine(in).value()).isEqualTo("pässword");
    assertThat(in.readAllBytes()).isEqualTo("rest".getBytes(UTF_8));
    var most = "x".repeat(Password.MAX_BYTES);
    assertThat(Password.firstLine(new ByteArrayInputStream(most.getBytes(UTF_8))).value())
        .isEqualTo(most);
    assertThatThrownBy(
            () -> Password.firstLine(new ByteArrayInputStream((most + "x").getBytes(UTF_8))))
        .hasMessage("password too long: limit=2048 bytes");
  }
}
