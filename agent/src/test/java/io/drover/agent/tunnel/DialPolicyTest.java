package io.drover.agent.tunnel;

import static org.assertj.core.api.Assertions.assertThat;

import io.drover.agent.config.DialRule;
import java.util.List;
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
              DialRule.parse("[fd00::1]:6443")));

  @ParameterizedTest
  @CsvSource({
    "tcp, 10.43.0.1:443, true",
    "tcp, 10.43.0.1:444, false",
    "tcp, web.svc.cluster.local:8080, true",
    "tcp, WEB.svc.cluster.local:8080, true",
    "tcp, web.svc.cluster.local:80, false",
    "tcp, svc.cluster.local:8080, false",
    "tcp, 10.42.7.7:1, true",
    "tcp, 10.44.7.7:1, false",
    "tcp, [fd00::1]:6443, true",
    "tcp, fd00::1:6443, false",
    "tcp, 10.42.7.7, false",
    "tcp, '', false",
    "udp, 10.43.0.1:443, false",
    "'', 10.43.0.1:443, false",
    "TCP, 10.43.0.1:443, false",
    "tcp4, 10.43.0.1:443, false",
    "c-m-abcd::tcp, 10.43.0.1:443, false",
    "unix, /var/run/docker.sock, false"
  })
  void allowsTheApiServerAndWhatTheRulesName(String network, String address, boolean allowed) {
    assertThat(policy.allows(network, address)).isEqualTo(allowed);
  }

  @Test
  void withoutRulesOnlyTheApiServerIsAllowed() {
    var strict = DialPolicy.apiServerAnd("[fd00::1]:443", List.of());

    assertThat(strict.allows("tcp", "[fd00::1]:443")).isTrue();
    assertThat(strict.allows("tcp", "127.0.0.1:443")).isFalse();
  }

  @Test
  void everythingIsEverything() {
    assertThat(DialPolicy.everything().allows("any", "thing")).isTrue();
  }
}
