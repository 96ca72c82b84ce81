package io.drover.agent.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.drover.agent.config.AuditConfig.Target;
import java.net.URI;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AuditConfigTest {
  private static AuditConfig of(String target, String full) throws ConfigException {
    return of(target, full, "on");
  }

  private static AuditConfig of(String target, String full, String gateway) throws ConfigException {
    var env =
        new Environment(
            Map.of(
                "DROVER_GATEWAY", gateway,
                "DROVER_GATEWAY_AUDIT", target,
                "DROVER_GATEWAY_AUDIT_FULL", full));
    var config = AuditConfig.from(env);
    env.check();
    return config;
  }

  @Test
  void eventsGoToOnePlaceOrNowhere() throws Exception {
    assertThat(of("", "")).isEqualTo(new AuditConfig(new Target.Off(), false, Optional.empty()));
    assertThat(of("off", "count"))
        .isEqualTo(new AuditConfig(new Target.Off(), false, Optional.empty()));
    assertThat(of("stdout", "block"))
        .isEqualTo(new AuditConfig(new Target.StandardOutput(), true, Optional.empty()));
    assertThat(of("/var/log/a", "").target()).isEqualTo(new Target.File(Path.of("/var/log/a")));
    assertThat(of("https://a.example.org:1/x", "").target())
        .isEqualTo(new Target.Https(URI.create("https://a.example.org:1/x"), Optional.empty()));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "on",
        "a/b",
        "/var/log/",
        "http://a.example.org",
        "https://",
        "https://u:secret@a.example.org/",
        "https://a.example.org/?token=x",
        "https://a.example.org/#x",
        "https://a b/"
      })
  void allElseIsRefused(String target) {
    assertThatThrownBy(() -> of(target, ""))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("DROVER_GATEWAY_AUDIT ")
        .hasMessageContaining("expected ")
        .hasMessageNotContaining("secret");
  }

  private static AuditConfig withToken(String target, String file) throws ConfigException {
    var env =
        new Environment(
            Map.of(
                "DROVER_GATEWAY", "on",
                "DROVER_GATEWAY_AUDIT", target,
                "DROVER_GATEWAY_AUDIT_TOKEN_FILE", file));
    var config = AuditConfig.from(env);
    env.check();
    return config;
  }

  @Test
  void anEndpointMayHaveATokenInAFile() throws Exception {
    assertThat(withToken("https://a.example.org/", "/audit-token/token").target())
        .isEqualTo(
            new Target.Https(
                URI.create("https://a.example.org/"), Optional.of(Path.of("/audit-token/token"))));
    assertThatThrownBy(() -> withToken("stdout", "/audit-token/token"))
        .hasMessageContaining(
            "DROVER_GATEWAY_AUDIT_TOKEN_FILE is set, and nothing asks for a token");
  }

  @ParameterizedTest
  @ValueSource(strings = {"s3cret", "a/s3cret", "/s3cret/"})
  void theTokenItselfIsNotShown(String mistaken) {
    assertThatThrownBy(() -> withToken("https://a.example.org/", mistaken))
        .hasMessageContaining("DROVER_GATEWAY_AUDIT_TOKEN_FILE is '***': expected /path/of/a/file")
        .hasMessageNotContaining("s3cret");
  }

  @Test
  void withoutAGatewayThereIsNothingToRecord() throws Exception {
    assertThat(of("off", "block", "off").block()).isTrue();
    assertThatThrownBy(() -> of("stdout", "", "off"))
        .hasMessageContaining("DROVER_GATEWAY_AUDIT is set, and there is no gateway to record");
  }

  @Test
  void whatHappensAtTheLimitIsOneOfTwo() {
    assertThatThrownBy(() -> of("", "drop"))
        .hasMessageContaining("DROVER_GATEWAY_AUDIT_FULL is 'drop': expected block or count");
  }

  private static AuditConfig recordings(String target, String directory) throws ConfigException {
    var env =
        new Environment(
            Map.of(
                "DROVER_GATEWAY", "on",
                "DROVER_GATEWAY_AUDIT", target,
                "DROVER_GATEWAY_RECORDINGS", directory));
    var config = AuditConfig.from(env);
    env.check();
    return config;
  }

  @Test
  void sessionsAreRecordedInADirectoryThatEventsName() throws Exception {
    assertThat(recordings("stdout", "/var/casts").recordings()).contains(Path.of("/var/casts"));
    assertThat(recordings("stdout", "off").recordings()).isEmpty();
    assertThatThrownBy(() -> recordings("off", "/var/casts"))
        .hasMessageContaining("DROVER_GATEWAY_RECORDINGS is set, and no event names");
    assertThatThrownBy(() -> recordings("stdout", "casts"))
        .hasMessageContaining("expected off or /path/of/a/directory");
  }
}
