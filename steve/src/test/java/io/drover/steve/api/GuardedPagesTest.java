package io.drover.steve.api;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.drover.steve.FakeApiServer;
import io.drover.steve.ScriptedGuard;
import io.drover.steve.ScriptedGuard.Denial;
import io.drover.steve.api.LiveFixture.Reply;
import io.drover.steve.query.Dialect;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is held for all, and shown to somebody whom more than roles limits; as that changes. */
@Timeout(60)
class GuardedPagesTest {
  private static final String MAPS = LiveFixture.MAPS;
  private static final String LIST =
      "/v1/configmaps?exclude=metadata.managedFields&sort=metadata.name";
  private static final Denial NO_SECRETS = new Denial("jane", "*", "secrets", "*", "*");
  private static final Denial NOT_THE_BANK = new Denial("jane", "*", "*", "bank", "*");

  private final ScriptedGuard guard = new ScriptedGuard();
  private LiveFixture fixture;

  @BeforeEach
  void start() throws IOException {
    fixture = new LiveFixture(Dialect.NEWEST, 64L * 1024 * 1024, guard);
  }

  @AfterEach
  void stop() {
    fixture.close();
  }

  private void tell(String type, String namespace, String name, int version)
      throws InterruptedException {
    fixture.server.tell(
        MAPS, LiveFixture.event(type, version, LiveFixture.map(namespace, name, version, "b")));
  }

  /** Asks until the objects are held. */
  private Reply held(String user) throws IOException {
    var reply = fixture.get(user, LIST);
    while (!reply.head().contains("X-Drover-List: held")) {
      reply = fixture.get(user, LIST);
    }
    return reply;
  }

  private void awaitIds(String user, String... ids) throws IOException {
    while (!fixture.get(user, LIST).ids().equals(List.of(ids))) {
      // not yet
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"/v1/configmaps", "/v1/schemas", "/v1/counts", "/v1/subscribe"})
  void untilTheLimitsAreKnownNothingIsAnswered(String path) throws Exception {
    guard.knowsNothing();

    var reply = fixture.get("jane", path);
    assertThat(reply.head()).startsWith("HTTP/1.1 503 ");
    assertThat(reply.json().path("message").asText()).isEqualTo("nothing is known yet");
    assertThat(fixture.server.asked()).isEmpty();
  }

  @Test
  void aDeniedTypeIsRefusedWithTheReasonAndIsBackWithoutIt() throws Exception {
    fixture.server.has("/api/v1/namespaces/shop/secrets", FakeApiServer.list());
    assertThat(fixture.get("jane", "/v1/secrets").head()).startsWith("HTTP/1.1 200 ");

    guard.denies(NO_SECRETS);
    for (String path : List.of("/v1/secrets", "/v1/secret", "/v1/secrets/shop/a")) {
      var refused = fixture.get("jane", path);
      assertThat(refused.head()).startsWith("HTTP/1.1 403 ");
      assertThat(refused.json().path("message").asText()).endsWith(ScriptedGuard.RULE);
    }
    assertThat(fixture.get("jane", "/v1/counts").json().at("/data/0/counts").has("secret"))
        .isFalse();
    assertThat(fixture.get("joe", "/v1/secrets").head()).startsWith("HTTP/1.1 200 ");

    guard.denies();
    assertThat(fixture.get("jane", "/v1/secrets").head()).startsWith("HTTP/1.1 200 ");
  }

  @Test
  void whatIsHeldIsShownWithoutADeniedNamespace() throws Exception {
    held("jane");
    tell("ADDED", "bank", "a", 10);
    awaitIds("jane", "bank/a", "shop/old");

    guard.denies(NOT_THE_BANK);
    var list = held("jane");
    assertThat(list.ids()).containsExactly("shop/old");
    assertThat(list.json().path("count").asInt()).isEqualTo(1);
    assertThat(fixture.get("jane", "/v1/configmaps/bank").head()).startsWith("HTTP/1.1 403 ");
    assertThat(held("pat").ids()).containsExactly("bank/a", "shop/old");
  }

  @Test
  void whatIsHeldIsNotShownWhereSingleNamesAreDenied() throws Exception {
    held("jane");
    tell("ADDED", "bank", "a", 10);
    awaitIds("jane", "bank/a", "shop/old");
    fixture.server.has(
        MAPS,
        "{'metadata':{'resourceVersion':'10'},'items':["
            + LiveFixture.map("bank", "a", 10, "b")
            + ","
            + LiveFixture.map("shop", "old", 3, "a")
            + "]}");

    guard.denies(new Denial("jane", "list", "configmaps", "*", "old"));
    var list = fixture.get("jane", LIST);
    assertThat(list.head()).doesNotContain("X-Drover-List: held");
    assertThat(list.ids()).containsExactly("bank/a");
    assertThat(held("pat").ids()).containsExactly("bank/a", "shop/old");
  }

  @Test
  void whoeverListensToWhatIsThenDeniedHearsNoMore() throws Exception {
    try (var page = Page.open(fixture.front, "jane");
        var other = Page.open(fixture.front, "pat")) {
      page.say("{'resourceType':'configmap'}");
      other.say("{'resourceType':'configmap'}");
      assertThat(page.hear(1)).containsExactly("resource.start");
      assertThat(other.hear(1)).containsExactly("resource.start");

      guard.denies(new Denial("jane", "*", "configmaps", "*", "*"));
      assertThat(page.hear(1)).containsExactly("resource.stop");
      tell("ADDED", "shop", "a", 10);
      assertThat(other.hear(1)).containsExactly("resource.create shop/a");
      page.say("{'resourceType':'configmap'}");
      var refused = page.hear();
      assertThat(refused.at("/data/error").asText())
          .contains("?watch=1")
          .endsWith(ScriptedGuard.RULE);
      assertThat(page.hear(1)).containsExactly("resource.stop");

      guard.denies();
      page.say("{'resourceType':'configmap'}");
      assertThat(page.hear(1)).containsExactly("resource.start");
    }
  }

  @Test
  void ofADeniedNamespaceNoChangeIsTold() throws Exception {
    guard.denies(NOT_THE_BANK);
    try (var page = Page.open(fixture.front, "jane")) {
      page.say("{'resourceType':'configmap'}");
      assertThat(page.hear(1)).containsExactly("resource.start");
      tell("ADDED", "bank", "a", 10);
      tell("MODIFIED", "bank", "a", 11);
      tell("ADDED", "shop", "b", 12);
      assertThat(page.hear(1)).containsExactly("resource.create shop/b");
    }
  }

  @Test
  void whoeverMayNotWatchIsToldSo() throws Exception {
    guard.denies(new Denial("jane", "watch", "configmaps", "*", "*"));
    try (var page = Page.open(fixture.front, "jane")) {
      page.say("{'resourceType':'configmap'}");
      assertThat(page.hear().at("/data/error").asText()).endsWith(ScriptedGuard.RULE);
    }
    assertThat(fixture.get("jane", LIST).ids()).containsExactly("shop/old");
  }

  @Test
  void countsThatAreToldLackWhatIsDenied() throws Exception {
    guard.denies(NOT_THE_BANK);
    try (var page = Page.open(fixture.front, "jane")) {
      page.say("{'resourceType':'count'}");
      assertThat(page.hear(1)).containsExactly("resource.start");
      fixture.server.awaitWatch(MAPS);
      for (var object : List.of("bank/a", "shop/b")) {
        String[] id = object.split("/", -1);
        fixture.server.tell(
            MAPS, "{'type':'ADDED','object':%s}".formatted(LiveFixture.map(id[0], id[1], 10, "b")));
      }
      JsonNode counts;
      do {
        counts = page.hear().at("/data/counts/configmap");
        assertThat(counts.path("namespaces").has("bank")).isFalse();
      } while (counts.at("/summary/count").asInt() < 2);
      assertThat(counts.at("/namespaces/shop/count").asInt()).isEqualTo(2);
    }
  }

  @Test
  void typesThatAreDeniedAreToldToBeGone() throws Exception {
    try (var page = Page.open(fixture.front, "jane")) {
      page.say("{'resourceType':'schema'}");
      assertThat(page.hear(1)).containsExactly("resource.start");
      guard.denies(NO_SECRETS);
      assertThat(page.hear(1)).containsExactly("resource.remove secret");
      guard.denies();
      assertThat(page.hear(1)).containsExactly("resource.create secret");
    }
  }
}
