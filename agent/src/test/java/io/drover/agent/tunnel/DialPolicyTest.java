package io.drover.agent.tunnel;

import static org.assertj.core.api.Assertions.assertThat;

import io.drover.agent.config.DialRule;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DialPolicyTest {
  private final DialPolicy policy =
      DialPolicy.apiServerAnd(
          "10.43.0.1:443",
          List.of(
              DialRule.parse("*.svc.cluster.local:8080"),
              DialRule.parse("10.42.0.0/16:*"),
              DialRule.parse("[fd00::1]:6443"),
              DialRule.parse("[fd01::/16]:6443")));

  @ParameterizedTest
  @CsvSource({
    "tcp, 10.43.0.1:443, api-server",
    "tcp, 10.43.0.1:444,",
    "tcp, web.svc.cluster.local:8080, *.svc.cluster.local:8080",
    "tcp, WEB.svc.cluster.local:8080, *.svc.cluster.local:8080",
    "tcp, web.svc.cluster.local:80,",
    "tcp, svc.cluster.local:8080,",
    "tcp, 10.42.7.7:1, 10.42.0.0/16:*",
    "tcp, 10.44.7.7:1,",
    "tcp, [fd00::1]:6443, [fd00::1]:6443",
    "tcp, [fd01::1]:6443, [fd01::/16]:6443",
    "tcp, fd00::1:6443,",
    "tcp, 10.42.7.7,",
    "tcp, '',",
    "udp, 10.43.0.1:443,",
    "'', 10.43.0.1:443,",
    "TCP, 10.43.0.1:443,",
    "tcp4, 10.43.0.1:443,",
    "c-m-abcd::tcp, 10.43.0.1:443,",
    "unix, /var/run/docker.sock,"
  })
  void allowsTheApiServerAndWhatTheRulesName(
      String network, String address, @Nullable String rule) {
    assertThat(policy.rule(network, address)).isEqualTo(Optional.ofNullable(rule));
  }

  @Test
  void withoutRulesOnlyTheApiServerIsAllowed() {
    var strict = DialPolicy.apiServerAnd("[fd00::1]:443", List.of());

    assertThat(strict.rule("tcp", "[fd00::1]:443")).isPresent();
    assertThat(strict.rule("tcp", "127.0.0.1:443")).isEmpty();
  }

  @Test
  void withTheGatewayTheApiServerItselfIsLikeAnyOther() {
    var rules = List.of(DialRule.parse("10.42.0.0/16:*"));
    var guarded = DialPolicy.gatewayAnd("drover-gateway.internal:443", rules);

    assertThat(guarded.rule("tcp", "drover-gateway.internal:443")).contains(DialPolicy.GATEWAY);
    assertThat(guarded.rule("tcp", "drover-gateway.internal:80")).isEmpty();
    assertThat(guarded.rule("udp", "drover-gateway.internal:443")).isEmpty();
    assertThat(guarded.rule("tcp", "10.43.0.1:443")).isEmpty();
    assertThat(guarded.rule("tcp", "10.42.0.1:443")).contains("10.42.0.0/16:*");
  }

  @Test
  void everythingIsEverything() {
    assertThat(DialPolicy.everything().rule("any", "thing")).isPresent();
  }
}
