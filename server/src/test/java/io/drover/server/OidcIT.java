package io.drover.server;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.net.CookieManager;
import java.net.HttpCookie;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Signing in by a real OpenID Connect provider, which {@code interop/build} makes with Go. */
@Tag("interop")
@Timeout(600)
class OidcIT {
  private static final String CALLBACK = "/v3-public/oidc/callback";

  @TempDir private Path directory;
  private Process provider;
  private BufferedReader said;
  private String issuer;
  private TestServer server;
  private CookieManager cookies;
  private HttpClient http;

  @BeforeEach
  void start() throws Exception {
    provider =
        new ProcessBuilder(
                program().toString(),
                "-dir",
                directory.toString(),
                "-client",
                "drover",
                "-secret",
                "only the two of us know it")
            .redirectError(Redirect.DISCARD)
            .start();
    said = provider.inputReader();
    JsonNode described = TestServer.JSON.readTree(said.readLine());
    issuer = described.path("issuer").asText();
    var authorities = Path.of(described.path("caFile").asText());
    server = serve("only the two of us know it", authorities, 0);
    var both = Files.readString(authorities) + Files.readString(server.directory.resolve("ca.pem"));
    var trusted = Files.writeString(directory.resolve("both.pem"), both);
    cookies = new CookieManager();
    http =
        HttpClient.newBuilder()
            .cookieHandler(cookies)
            .sslContext(RunningServer.trusting(trusted))
            .build();
    mayComeBackTo(server.url.resolve(CALLBACK));
  }

  private TestServer serve(String secret, Path authorities, int port) throws Exception {
    return TestServer.start(
        directory.resolve("data"),
        InstantSource.system(),
        Optional.empty(),
        Optional.of(
            new ServerConfig.Oidc(
                URI.create(issuer),
                "drover",
                Files.writeString(directory.resolve("secret"), secret + "\n"),
                Optional.of(authorities))),
        port);
  }

  private void mayComeBackTo(URI callback) throws IOException {
    var in = provider.outputWriter();
    in.write(callback + "\n");
    in.flush();
    assertThat(said.readLine()).isEqualTo("registered " + callback);
  }

  private static Path program() throws IOException, InterruptedException {
    var build =
        new ProcessBuilder(Path.of("..", "interop", "build").toString(), "provider")
            .redirectError(Redirect.INHERIT)
            .start();
    var output = new String(build.getInputStream().readAllBytes(), UTF_8).strip();
    assertThat(build.waitFor()).as("interop/build provider, which needs Go").isZero();
    return Path.of(output, "provider");
  }

  @AfterEach
  void stop() {
    http.shutdownNow();
    server.close();
    provider.destroyForcibly();
  }

  private HttpResponse<String> get(URI url) throws IOException, InterruptedException {
    return http.send(HttpRequest.newBuilder(url).build(), BodyHandlers.ofString());
  }

  private static URI target(HttpResponse<?> response) {
    return response
        .request()
        .uri()
        .resolve(response.headers().firstValue("Location").orElseThrow());
  }

  /** Goes to the provider and signs in there; where that sends the browser. */
  private URI signInThere(String username, String password) throws Exception {
    var begun = get(server.url.resolve("/v3-public/oidc/login"));
    assertThat(begun.statusCode()).isEqualTo(302);
    assertThat(target(begun).toString()).startsWith(issuer).contains("code_challenge_method=S256");
    var form = target(get(target(begun)));
    var id = form.getQuery().replaceAll(".*authRequestID=", "");
    var signedIn =
        http.send(
            HttpRequest.newBuilder(URI.create(issuer + "/login/username"))
                .header("Content-Type", "application/x-www-form-urlencoded")
                .POST(
                    BodyPublishers.ofString(
                        "id=%s&username=%s&password=%s".formatted(id, username, password)))
                .build(),
            BodyHandlers.ofString());
    assertThat(signedIn.statusCode()).isEqualTo(302);
    return target(get(target(signedIn)));
  }

  private JsonNode me() throws Exception {
    return TestServer.JSON.readTree(get(server.url.resolve("/v3/users?me=true")).body());
  }

  private void hasNoSession() throws Exception {
    assertThat(get(server.url.resolve("/v3/users?me=true")).statusCode()).isEqualTo(401);
  }

  @Test
  void whoIsKnownThereComesInAsTheSameUserEachTime() throws Exception {
    var callback = signInThere("test-user2", "verysecure");
    assertThat(callback.toString()).startsWith(server.url + CALLBACK);

    var done = get(callback);

    assertThat(done.statusCode()).isEqualTo(302);
    assertThat(done.headers().firstValue("Location")).contains("/");
    var user = me().at("/data/0");
    assertThat(user.path("username").asText()).isEqualTo("test-user2");
    assertThat(user.path("admin").asBoolean(true)).isFalse();
    assertThat(me().path("data")).hasSize(1);
    assertThat(get(server.url.resolve("/v3/clusters")).body()).contains("\"data\":[]");

    cookies.getCookieStore().removeAll();
    var _ = get(signInThere("test-user2", "verysecure"));
    assertThat(me().at("/data/0/id")).isEqualTo(user.path("id"));
  }

  @Test
  void codeIsGoodForOneBrowserAndForOnce() throws Exception {
    var callback = signInThere("test-user2", "verysecure");
    var own = cookies.getCookieStore().getCookies();
    cookies.getCookieStore().removeAll();

    var stolen = get(callback);
    assertThat(target(stolen).getFragment()).isEqualTo("/?problem=expired");
    hasNoSession();

    for (HttpCookie cookie : own) {
      cookies.getCookieStore().add(server.url, cookie);
    }
    var wrongState = get(URI.create(callback.toString().replaceAll("state=[^&]*", "state=x")));
    assertThat(target(wrongState).getFragment()).isEqualTo("/?problem=expired");
    hasNoSession();

    var afterAFailure = get(callback); // its cookie has gone with the failure
    assertThat(target(afterAFailure).getFragment()).isEqualTo("/?problem=expired");
    hasNoSession();

    var replayed = signInThere("test-user2", "verysecure");
    var _ = get(replayed);
    cookies.getCookieStore().removeAll();
    assertThat(target(get(replayed)).getFragment()).isEqualTo("/?problem=expired");
    hasNoSession();
  }

  @Test
  void whoIsRefusedThereIsRefusedHere() throws Exception {
    var begun = target(get(server.url.resolve("/v3-public/oidc/login")));
    var state = begun.getQuery().replaceAll(".*state=([^&]*).*", "$1");

    var denied = get(server.url.resolve(CALLBACK + "?error=access_denied&state=" + state));
    assertThat(target(denied).getFragment()).isEqualTo("/?problem=denied");

    begun = target(get(server.url.resolve("/v3-public/oidc/login")));
    state = begun.getQuery().replaceAll(".*state=([^&]*).*", "$1");
    var invented = get(server.url.resolve(CALLBACK + "?code=invented&state=" + state));
    assertThat(target(invented).getFragment()).isEqualTo("/?problem=failed");
    hasNoSession();
  }

  @Test
  void providerThatIsAwayOrDoesNotKnowUsIsToldApart() throws Exception {
    var port = server.url.getPort();
    server.close();
    server = serve("another secret", directory.resolve("provider-ca.pem"), port);

    assertThat(target(get(signInThere("test-user2", "verysecure"))).getFragment())
        .isEqualTo("/?problem=failed");

    provider.destroyForcibly().waitFor();
    server.close();
    server = serve("another secret", directory.resolve("provider-ca.pem"), port);
    assertThat(target(get(server.url.resolve("/v3-public/oidc/login"))).getFragment())
        .isEqualTo("/?problem=unavailable");
    hasNoSession();
  }

  @Test
  void userFromThereHasNoPasswordHere() throws Exception {
    var _ = get(signInThere("test-user2", "verysecure"));
    cookies.getCookieStore().removeAll();

    for (var password : new String[] {"", "verysecure"}) {
      var tried =
          http.send(
              HttpRequest.newBuilder(
                      server.url.resolve("/v3-public/localProviders/local?action=login"))
                  .POST(
                      BodyPublishers.ofString(
                          "{\"username\":\"test-user2\",\"password\":\"" + password + "\"}"))
                  .build(),
              BodyHandlers.ofString());
      assertThat(tried.statusCode()).isEqualTo(401);
    }
  }

  @Test
  void pageIsToldOfIt() throws Exception {
    assertThat(get(server.url.resolve("/v3-public/authProviders")).body())
        .contains("\"redirectUrl\":\"/v3-public/oidc/login\"");
  }
}
