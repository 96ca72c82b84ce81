package io.drover.server.account;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.drover.server.account.ApiTokens.Wanted;
import io.drover.server.store.ClusterSpec;
import io.drover.server.store.Database;
import io.drover.server.store.Secret;
import io.drover.server.store.Store;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** People, their sessions, tokens and memberships, by a clock that the test moves. */
@Timeout(60)
class AccountTest {
  private static final Secret PASSWORD = new Secret("correct horse battery");

  @TempDir private Path directory;
  private Database database;
  private Instant now = Instant.parse("2026-01-01T00:00:00Z");
  private final InstantSource clock = () -> now;
  private People people;

  @BeforeEach
  void open() throws IOException {
    database = Database.open(Database.fileIn(directory));
    people = People.of(database, clock, Optional.empty(), directory.resolve("first-password"));
  }

  @AfterEach
  void close() {
    database.close();
  }

  private Account someone(String username) {
    return people.accounts().create(username, "", PASSWORD, false);
  }

  @Test
  void onlyTheRightPasswordSignsIn() {
    var ann = someone("ann");

    assertThat(people.accounts().signIn("ann", PASSWORD)).contains(ann);
    assertThat(people.accounts().signIn("ann", new Secret("wrong horse battery"))).isEmpty();
    assertThat(people.accounts().signIn("bob", PASSWORD)).isEmpty();
  }

  @Test
  void whoIsKnownElsewhereIsOneUserByHisSubject() {
    var accounts = people.accounts();
    someone("ann");
    var ann = accounts.known(new OidcProvider.Person("https://a 1", "Ann@Example.org", "Ann"));
    var again = accounts.known(new OidcProvider.Person("https://a 1", "renamed", "Another"));
    var other = accounts.known(new OidcProvider.Person("https://a 2", "ann@example.org", ""));
    var local = accounts.known(new OidcProvider.Person("https://a 3", "ann", ""));
    var nameless = accounts.known(new OidcProvider.Person("https://a 4", "--é--", "x".repeat(999)));

    assertThat(ann.username()).isEqualTo("ann-example.org");
    assertThat(ann.isAdmin()).isFalse();
    assertThat(again).isEqualTo(ann);
    assertThat(other.username()).isEqualTo("ann-example.org-2");
    assertThat(local.username()).isEqualTo("ann-2");
    assertThat(nameless.username()).isEqualTo("user");
    assertThat(nameless.name()).hasSize(Accounts.LONGEST_NAME);
    assertThat(
            accounts.known(new OidcProvider.Person("https://a 5", "y".repeat(999), "")).username())
        .hasSize(50);
    assertThat(accounts.signIn("ann-2", new Secret(""))).isEmpty();
  }

  @Test
  void namesAndPasswordsHaveLimits() {
    var _ = someone("ann");

    assertThatThrownBy(() -> someone("ann")).hasMessageContaining("taken");
    for (var name : List.of("", "Ann", "system:admin", "-a", "a".repeat(64))) {
      assertThatThrownBy(() -> someone(name)).hasMessageContaining("username must be");
    }
    assertThatThrownBy(() -> people.accounts().create("bob", "", new Secret("x".repeat(11)), false))
        .hasMessageContaining("12 to 256");
  }

  @Test
  void sessionsEndByIdlenessAndByAge() {
    var ann = someone("ann");
    var idle = people.sessions().begin(ann).cookie().value();
    now = now.plus(BrowserSessions.IDLE);
    assertThat(people.sessions().find(idle)).isEmpty();

    var used = people.sessions().begin(ann).cookie().value();
    var end = now.plus(BrowserSessions.LIFE);
    while (now.plus(Duration.ofHours(1)).isBefore(end)) {
      now = now.plus(Duration.ofHours(1));
      assertThat(people.sessions().find(used)).isPresent();
    }
    now = end;
    assertThat(people.sessions().find(used)).isEmpty();

    var listening = people.sessions().begin(ann).cookie().value();
    now = now.plus(BrowserSessions.IDLE).minusSeconds(1);
    assertThat(people.sessions().findUnused(listening)).isPresent();
    now = now.plusSeconds(1);
    assertThat(people.sessions().findUnused(listening)).as("that was no use").isEmpty();
  }

  @Test
  void aNewPasswordEndsSessions() {
    var ann = someone("ann");
    var cookie = people.sessions().begin(ann).cookie().value();

    people.accounts().changePassword(ann, PASSWORD, new Secret("another horse battery"));

    assertThat(people.sessions().find(cookie)).isEmpty();
    assertThat(people.accounts().signIn("ann", PASSWORD)).isEmpty();
  }

  @Test
  void secretsAreNotInTheFile() throws IOException {
    var ann = someone("ann");
    var session = people.sessions().begin(ann).cookie().value();
    var token = people.tokens().create(ann, wanted(Duration.ofDays(1))).secret().value();

    database.close();

    try (var files = Files.list(directory)) {
      for (var file : files.filter(Files::isRegularFile).toList()) {
        assertThat(
                new String(Files.readAllBytes(file), java.nio.charset.StandardCharsets.ISO_8859_1))
            .doesNotContain(PASSWORD.value(), session, token.substring(token.indexOf(':') + 1));
      }
    }
  }

  private static Wanted wanted(Duration life) {
    return new Wanted("a program", Optional.empty(), false, life, Optional.empty());
  }

  @Test
  void tokensExpireAndAreRevokedByTheirOwnerOnly() {
    var ann = someone("ann");
    var bob = someone("bob");
    var issued = people.tokens().create(ann, wanted(Duration.ofDays(1)));
    var text = issued.secret().value();

    assertThat(people.tokens().find(text).map(ApiTokens.Owned::account)).contains(ann);
    assertThat(people.tokens().find(issued.token().id())).isEmpty();
    assertThat(people.tokens().revoke(bob.id(), issued.token().id())).isFalse();
    assertThat(people.tokens().of(ann.id())).containsExactly(issued.token());

    now = now.plus(Duration.ofDays(1));
    assertThat(people.tokens().find(text)).isEmpty();

    var other = people.tokens().create(ann, wanted(Duration.ofDays(1)));
    assertThat(people.tokens().revoke(ann.id(), other.token().id())).isTrue();
    assertThat(people.tokens().find(other.secret().value())).isEmpty();
    assertThatThrownBy(
            () -> people.tokens().create(ann, wanted(ApiTokens.LONGEST_LIFE.plusMillis(1))))
        .hasMessageContaining("ttl");
  }

  @Test
  void whoGuessesHasToWait() {
    var limit = people.limit();
    for (int i = 0; i < LoginLimit.GUESSES; i++) {
      assertThat(limit.attempt("ann", "192.0.2." + i)).isEmpty();
    }

    assertThat(limit.attempt("ann", "192.0.2.99")).contains(LoginLimit.WINDOW);
    assertThat(limit.attempt("bob", "192.0.2.99")).isEmpty();

    now = now.plus(LoginLimit.WINDOW);
    assertThat(limit.attempt("ann", "192.0.2.99")).isEmpty();
  }

  @Test
  void whoIsRightDoesNotWait() {
    for (int i = 0; i < 3 * LoginLimit.GUESSES; i++) {
      assertThat(people.limit().attempt("ann", "192.0.2.1")).isEmpty();
      people.limit().right("ann", "192.0.2.1");
    }
  }

  @Test
  void guessesTakeLittleMemory() {
    for (int i = 0; i < LoginLimit.REMEMBERED; i++) {
      var _ = people.limit().attempt("user" + i, "address" + i);
    }

    assertThat(people.limit().remembered()).isEqualTo(LoginLimit.REMEMBERED);
  }

  /** Everybody in every role, with every kind of token, on every cluster. */
  @Test
  void nobodyReachesAClusterHeIsNoMemberOf() {
    var store = new Store(database, clock);
    var his = store.createCluster(ClusterSpec.named("his")).id();
    var other = store.createCluster(ClusterSpec.named("other")).id();
    var rights = people.rights();
    for (var role : Role.OF_MEMBERS) {
      var account = someone("is-" + role.text());
      var _ = people.members().put(his, account.id(), role);
      for (var scope : List.of(Optional.<String>empty(), Optional.of(his), Optional.of(other))) {
        for (boolean isReadOnly : new boolean[] {false, true}) {
          var token =
              new ApiToken("token-x", account.id(), "", scope, isReadOnly, now, now.plusSeconds(1));
          var who = new Principal(account, Optional.of(token), false);
          boolean isInScope = !scope.equals(Optional.of(other));
          var expected = isReadOnly ? Role.READ_ONLY : role;

          assertThat(rights.role(who, other)).isEmpty();
          assertThat(rights.visible(who).test(other)).isFalse();
          assertThat(rights.visible(who).test(his)).isEqualTo(isInScope);
          assertThat(rights.role(who, his))
              .isEqualTo(isInScope ? Optional.of(expected) : Optional.empty());
          assertThat(rights.owns(who, his)).isEqualTo(isInScope && expected == Role.OWNER);
        }
      }
      var member = people.members().of(his).getFirst();
      people.members().remove(member.id());
      assertThat(rights.role(new Principal(account, Optional.empty(), true), his)).isEmpty();
    }
  }

  @Test
  void membershipsGoWithTheirUserAndTheirCluster() {
    var store = new Store(database, clock);
    var cluster = store.createCluster(ClusterSpec.named("one")).id();
    var ann = someone("ann");
    var first = people.members().put(cluster, ann.id(), Role.OWNER);
    assertThat(people.members().put(cluster, ann.id(), Role.MEMBER).id()).isEqualTo(first.id());

    people.accounts().delete(ann);
    assertThat(people.members().of(cluster)).isEmpty();
    assertThatThrownBy(() -> people.members().put(cluster, ann.id(), Role.OWNER))
        .hasMessageContaining("no such user");

    var bob = someone("bob");
    var _ = people.members().put(cluster, bob.id(), Role.OWNER);
    assertThat(store.deleteCluster(cluster)).isTrue();
    assertThat(people.members().clusters(bob.id())).isEmpty();
  }
}
