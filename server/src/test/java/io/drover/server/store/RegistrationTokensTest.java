package io.drover.server.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.drover.server.store.RegistrationToken.State;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

@Timeout(60)
@ParameterizedClass
@EnumSource(TestDatabase.class)
@SuppressWarnings("NullAway.Init") // open() sets everything
class RegistrationTokensTest {
  @Parameter private TestDatabase kind;
  @TempDir private Path directory;
  private Instant now = Instant.parse("2026-01-01T00:00:00Z");
  private Database database;
  private Store store;
  private RegistrationTokens tokens;
  private Cluster cluster;

  @BeforeEach
  void open() throws Exception {
    database = kind.open(directory);
    store = new Store(database, () -> now);
    tokens = new RegistrationTokens(database, () -> now);
    cluster = store.createCluster(ClusterSpec.named("prod"));
  }

  @AfterEach
  void close() {
    database.close();
  }

  @Test
  void tokenLetsItsClusterInAndIsInRanchersAlphabet() {
    var issued = tokens.create(cluster.id(), TokenLife.standard());

    assertThat(issued.secret().value()).matches("[" + RandomText.ALPHABET + "]{54}");
    assertThat(issued.toString()).doesNotContain(issued.secret().value());
    assertThat(tokens.clusterOf(issued.secret().value())).contains(cluster);
    assertThat(tokens.clusterOf("x".repeat(54))).isEmpty();
    assertThat(tokens.find(issued.token().id())).contains(issued.token());
    assertThat(tokens.list(cluster.id())).containsExactly(issued.token());
    assertThat(tokens.list()).containsExactly(issued.token());
  }

  @Test
  void textOfATokenIsNotInTheDatabase() throws Exception {
    var issued = tokens.create(cluster.id(), TokenLife.standard());

    var rows =
        database.<String, RuntimeException>read(
            from ->
                from.createQuery("SELECT * FROM registration_tokens").mapToMap().list().toString());
    assertThat(rows).contains(issued.token().id()).doesNotContain(issued.secret().value());
    try (var files = Files.list(directory)) {
      for (var file : files.filter(Files::isRegularFile).toList()) {
        assertThat(new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1))
            .doesNotContain(issued.secret().value());
      }
    }
  }

  @Test
  void tokenIsTakenUntilItsGraceIsOver() {
    var issued = tokens.create(cluster.id(), TokenLife.standard());
    var text = issued.secret().value();
    var made = now;

    now = made.plus(Duration.ofDays(30)).minusMillis(1);
    assertThat(issued.token().state(now)).isEqualTo(State.ACTIVE);
    now = made.plus(Duration.ofDays(30));
    assertThat(issued.token().state(now)).isEqualTo(State.GRACE);
    now = made.plus(Duration.ofDays(30)).plus(Duration.ofHours(3)).minusMillis(1);
    assertThat(tokens.clusterOf(text)).contains(cluster);
    now = now.plusMillis(1);
    assertThat(issued.token().state(now)).isEqualTo(State.EXPIRED);
    assertThat(tokens.clusterOf(text)).isEmpty();
    assertThat(tokens.shown(text)).map(shown -> shown.token()).contains(issued.token());
  }

  @Test
  void tokenWithoutEndIsTakenForEver() {
    var issued = tokens.create(cluster.id(), new TokenLife(Duration.ZERO, Duration.ZERO));
    now = now.plus(Duration.ofDays(36_500));

    assertThat(issued.token().expires()).isEmpty();
    assertThat(tokens.clusterOf(issued.secret().value())).contains(cluster);
  }

  @Test
  void revokedTokenIsNotTakenAndTheOthersAre() {
    var one = tokens.create(cluster.id(), TokenLife.standard());
    var two = tokens.create(cluster.id(), TokenLife.standard());
    now = now.plusSeconds(5);

    assertThat(tokens.revoke(one.token().id())).isTrue();

    assertThat(tokens.revoke(one.token().id())).isFalse();
    assertThat(tokens.clusterOf(one.secret().value())).isEmpty();
    assertThat(tokens.clusterOf(two.secret().value())).contains(cluster);
    var revoked = tokens.find(one.token().id()).orElseThrow();
    assertThat(revoked.state(now)).isEqualTo(State.REVOKED);
    assertThat(revoked.revoked()).contains(now);
  }

  @Test
  void tokensGoWithTheirCluster() {
    var issued = tokens.create(cluster.id(), TokenLife.standard());

    store.deleteCluster(cluster.id());

    assertThat(tokens.shown(issued.secret().value())).isEmpty();
    assertThat(tokens.list()).isEmpty();
    assertThatThrownBy(() -> tokens.create(cluster.id(), TokenLife.standard()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("cluster not found: " + cluster.id());
  }

  @Test
  void tokensHaveALimitWhichTheRevokedDoNotFill() {
    for (int i = 0; i < RegistrationTokens.MAX_REMEMBERED + 5; i++) {
      tokens.revoke(tokens.create(cluster.id(), TokenLife.standard()).token().id());
    }
    for (int i = 0; i < RegistrationTokens.MAX_TAKEN; i++) {
      tokens.create(cluster.id(), TokenLife.standard());
    }

    assertThatThrownBy(() -> tokens.create(cluster.id(), TokenLife.standard()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("too many registration tokens: limit=50; revoke one that is not used");
    assertThat(tokens.list(cluster.id()))
        .hasSize(RegistrationTokens.MAX_TAKEN + RegistrationTokens.MAX_REMEMBERED);
  }

  @Test
  void livesAreMendedAsRancherDoes() {
    assertThat(TokenLife.standard())
        .isEqualTo(new TokenLife(Duration.ofDays(30), Duration.ofHours(3)));
    assertThat(new TokenLife(Duration.ofMinutes(1), Duration.ofMinutes(1)))
        .isEqualTo(new TokenLife(TokenLife.MIN_TTL, TokenLife.MIN_GRACE));
    assertThat(new TokenLife(Duration.ofMinutes(100), Duration.ofMinutes(100)).grace())
        .isEqualTo(Duration.ofMinutes(80));
    assertThat(new TokenLife(Duration.ofMinutes(-1), Duration.ofMinutes(100)).ttl())
        .isEqualTo(Duration.ZERO);
  }
}
