package io.drover.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.Timeout;
import org.openqa.selenium.By;
import org.openqa.selenium.Keys;

/**
 * The server's page in a real browser: a cluster comes in by it and is looked at. Its pictures are
 * those of {@code docs/server}: {@code -Ddrover.pictures=DIRECTORY} puts them there.
 */
@Tag("interop")
@Order(6)
@TestInstance(Lifecycle.PER_CLASS)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
@Timeout(300)
@SuppressWarnings("NullAway.Init") // install() sets everything
final class PageIT {
  private static final Duration LIMIT = Duration.ofSeconds(60);
  private static final String EVENT =
      """
      apiVersion: v1
      kind: Event
      metadata: {name: page, namespace: default}
      involvedObject: {kind: ConfigMap, name: page, namespace: default}
      reason: SeenByThePage
      message: somebody looks at it
      type: Warning
      """;

  private ControlPlane plane;
  private Path directory;
  private RunningProcess provider;
  private DroverServer server;
  private Browser browser;
  private Agent agent;

  @BeforeAll
  void install() throws IOException, InterruptedException {
    // Its own: of a cluster's agents only one reports, and other tests leave what fills the lists.
    plane = ControlPlane.start();
    directory = Programs.directory("page");
    var secret = "a secret of two";
    provider =
        RunningProcess.start(
            "provider",
            Files.createDirectories(directory),
            Map.of(),
            List.of(
                Programs.provider(), "-dir=" + directory, "-client=drover", "-secret=" + secret));
    var itself =
        new ObjectMapper()
            .readTree(provider.awaitLine("its URL", LIMIT, line -> line.startsWith("{")));
    var authority = Path.of(itself.path("caFile").asText());
    server =
        DroverServer.start(
            directory,
            "--oidc-issuer=" + itself.path("issuer").asText(),
            "--oidc-client=drover",
            "--oidc-secret-file=" + Files.writeString(directory.resolve("secret"), secret),
            "--oidc-ca=" + authority);
    provider.write(server.url() + "/v3-public/oidc/callback");
    browser =
        Browser.open(
            server.url(), List.of(server.caFile(), authority), directory.resolve("browser"));
    plane
        .admin()
        .run("create", "configmap", "page", "-n", "default", "--from-literal=colour=green");
  }

  @AfterAll
  void close() {
    if (agent != null) {
      agent.close();
    }
    if (browser != null) {
      browser.close();
    }
    if (server != null) {
      server.close();
    }
    if (provider != null) {
      provider.close();
    }
    if (plane != null) {
      plane.close();
    }
  }

  @AfterEach
  void everybodyCanUseIt() throws IOException {
    for (var scheme : new String[] {"dark", "light"}) {
      browser.colours(scheme);
      browser.isForEverybody();
    }
  }

  private void picture(String name) throws IOException {
    var picture = browser.picture(name);
    var wanted = System.getProperty("drover.pictures");
    if (wanted != null) {
      Files.copy(picture, Path.of(wanted, name + ".png"));
    }
  }

  @Test
  @Order(1)
  void nobodyComesInWithoutThePassword() throws Exception {
    browser.go("#/");
    browser.type("password", "wrong");
    browser.press("button", "Sign in");
    assertThat(browser.see(By.cssSelector("[role=alert]")).getText())
        .contains("authentication failed");
    browser.hasNoTrouble(401);

    browser.type("password", server.firstPassword());
    browser.press("button", "Sign in");
    browser.see("h2", "No clusters yet");
    picture("empty");
  }

  @Test
  @Order(2)
  void clusterComesInAndThePageTurnsGreen() throws Exception {
    browser.press("a", "Import a cluster");
    browser.see(By.id("name"));
    browser.type("name", "No such name");
    browser.see(By.id("name")).sendKeys(Keys.ENTER);
    assertThat(browser.run("return document.getElementById('name').validity.valid"))
        .isEqualTo(false);
    browser.type("name", "shop-eu");
    browser.press("button", "Continue");

    browser.see("span", "waiting for its agent");
    var command = browser.see(By.cssSelector(".command code")).getText();
    picture("import");
    var address = command.substring(command.indexOf("https://"));
    byte[] manifest;
    try (var client = Https.trusting(server.caFile(), HttpClient.Version.HTTP_1_1)) {
      manifest =
          client
              .send(HttpRequest.newBuilder(URI.create(address)).build(), BodyHandlers.ofByteArray())
              .body();
    }
    var imported = plane.apply(manifest, directory.resolve("pod"));
    agent = Agent.start("agent", directory, plane, imported, Map.of());

    browser.see("h1", "Import shop-eu");
    browser.see("div", "shop-eu is active.");
    picture("imported");
    browser.press("a", "Look at it");
    browser.see("b", "Connected");
  }

  @Test
  @Order(3)
  void listShowsItsVersion() throws Exception {
    browser.go("#/");
    browser.see("td", plane.admin().json("get", "--raw", "/version").path("gitVersion").asText());
    browser.see(By.cssSelector(".state.good"));
    picture("clusters");
    browser.hasNoTrouble();
  }

  @Test
  @Order(4)
  void clusterShowsHealthAndCapabilities() throws Exception {
    browser.press("a", "shop-eu");
    browser.see("h2", "Conditions");
    browser.see("dt", "Memory");
    browser.see("td", "steve");
    picture("cluster");
    browser.press("a", "Health");
    browser.see("h2", "Checks");
    picture("health");
    browser.press("a", "Capabilities");
    browser.see("dd", "30000-32767");
    assertThat(browser.see(By.cssSelector(".proof")).getAttribute("title")).isNotBlank();
    picture("capabilities");
    browser.hasNoTrouble();
  }

  @Test
  @Order(5)
  void kubeconfigFromThePageWorks() throws Exception {
    browser.press("button", "Kubeconfig");
    var file = directory.resolve("browser").resolve("shop-eu.yaml");
    Await.until("download", LIMIT, () -> Optional.of(file).filter(Files::exists));

    var kubectl = new Kubectl(file, Files.createDirectories(directory.resolve("kubectl")));
    assertThat(kubectl.run("get", "nodes", "-o", "name")).contains("node/");
  }

  @Test
  @Order(6)
  void objectsAreListedFilteredAndChanged() throws Exception {
    browser.press("a", "Explorer");
    browser.press("a", "ConfigMap");
    browser.see("td", "kube-root-ca.crt");
    browser.see(By.name("filter")).sendKeys("page", Keys.ENTER);
    browser.see("td", "page");
    picture("explorer");

    // Told by the cluster: what is listened to is not asked for again.
    browser.see("span", "live");
    plane.admin().run("create", "configmap", "page-told", "-n", "default");
    browser.see("td", "page-told");
    plane.admin().run("delete", "configmap", "page-told", "-n", "default");
    browser.seeGone("td", "page-told");

    browser.see(By.linkText("page")).click();
    browser.see(By.tagName("textarea"));
    browser.run(
        "const text = document.querySelector('textarea');"
            + "text.value = text.value.replace('green', 'blue');");
    picture("yaml");
    browser.press("button", "Save");
    browser.see("p", "Saved.");

    assertThat(
            plane
                .admin()
                .run("get", "configmap", "page", "-n", "default", "-o", "jsonpath={.data.colour}"))
        .isEqualTo("blue");
    // Nobody else has bound the group.
    assertThat(
            plane
                .admin()
                .run(
                    "get",
                    "clusterrolebinding",
                    "-l",
                    "app.kubernetes.io/managed-by=drover-server",
                    "-o",
                    "jsonpath={.items[*].metadata.name} {.items[*].roleRef.name}"))
        .isEqualTo("drover-cluster-owner cluster-admin");
    browser.hasNoTrouble();
  }

  @Test
  @Order(7)
  void logGrowsAndShellAnswers() throws Exception {
    var pod = plane.pod();
    browser.press("a", "Pod");
    browser.press("a", pod);
    browser.press("a", "Log");
    browser.see(By.cssSelector("pre.log"));
    browser.press("a", "Shell");
    browser.see("p", "Ctrl+D ends it.");
    browser.type("echo six times seven is $((6*7))" + Keys.ENTER);
    browser.see(By.xpath("//*[contains(., 'six times seven is 42')]"));
    picture("shell");
    browser.type("exit" + Keys.ENTER);
    browser.see("p", "The shell has ended.");
    browser.hasNoTrouble();
  }

  @Test
  @Order(8)
  void historyHasEventsAndChanges() throws Exception {
    plane.admin().outcome(EVENT.getBytes(UTF_8), "apply", "-f", "-").expect(0);
    browser.press("a", "History");
    browser.see("td", "SeenByThePage");
    browser.see("td", "AgentDeployed");
    picture("history");
    browser.hasNoTrouble();
  }

  @Test
  @Order(9)
  void userIsMadeAndIsAMember() throws Exception {
    browser.press("a", "Users");
    browser.type("new-username", "ann");
    browser.type("new-password", "ann's first password");
    browser.press("button", "Create");
    browser.see("b", "ann");
    picture("users");

    browser.press("a", "Clusters");
    browser.press("a", "shop-eu");
    browser.press("a", "Members");
    browser.choose("userId", "ann");
    browser.press("button", "Add");
    browser.see("td", "ann");
    browser.see("td", "read-only");
    picture("members");
    browser.press("button", "Remove");
    browser.see("p", "Nobody yet, but administrators.");
    browser.hasNoTrouble();
  }

  @Test
  @Order(10)
  void tokensComeAndGo() throws Exception {
    browser.press("a", "Manage");
    browser.see(By.cssSelector("td .state.good"));
    browser.press("button", "New token");
    browser.see("code", "kubectl apply -f https://");
    picture("manage");

    browser.see(By.linkText("admin")).click();
    browser.type("description", "a pipeline");
    browser.press("button", "New token");
    browser.see("td", "a pipeline");
    browser.see("p", "Its text, shown this once:");
    picture("account");
    browser.hasNoTrouble();
  }

  @Test
  @Order(11)
  void passwordIsChanged() throws Exception {
    browser.type("currentPassword", server.firstPassword());
    browser.type("newPassword", "a better password");
    browser.press("button", "Change");
    browser.see("button", "Sign in");
    browser.type("password", "a better password");
    browser.press("button", "Sign in");
    browser.see("h1", "admin");
    browser.hasNoTrouble(401);
  }

  @Test
  @Order(12)
  void clusterIsRemoved() throws Exception {
    browser.press("a", "Clusters");
    browser.press("a", "shop-eu");
    browser.press("a", "Manage");
    browser.type("sure", "shop-eu");
    browser.press("button", "Remove");
    browser.see("div", "It is being removed:");
    browser.see("span", "removing");
    picture("removing");
    // Nothing runs the Job's container here: RemoveIT sees that through.
    browser.type("sure", "shop-eu");
    browser.press("button", "Remove the record now");
    browser.see("h1", "shop-eu is removed");
    browser.see(By.cssSelector(".command code"));
    picture("removed");
    browser.press("a", "All clusters");
    browser.see("h2", "No clusters yet");
    browser.hasNoTrouble();
  }

  @Test
  @Order(13)
  void whoHasLeftSeesNothing() throws Exception {
    browser.press("button", "Sign out");
    browser.see("button", "Sign in");
    browser.go("#/");
    browser.see("button", "Sign in");
    browser.hasNoTrouble(401);
  }

  @Test
  @Order(14)
  void whoIsKnownElsewhereComesInAndSeesNothingYet() throws Exception {
    browser.press("a", "Sign in with your organisation");
    browser.see(By.xpath("//button[. = 'Login']"));
    browser.hasNoTrouble(401, 404); // its page has no icon
    browser.type("username", "test-user2");
    browser.type("password", "verysecure");
    browser.press("button", "Login");
    browser.see("h2", "No clusters yet");
    browser.see("p", "You are a member of none.");
    browser.see("a", "test-user2");
    picture("nothing");
    browser.hasNoTrouble();
  }
}
