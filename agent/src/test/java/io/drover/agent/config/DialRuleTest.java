package io.drover.agent.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class DialRuleTest {
  @ParameterizedTest
  @CsvSource({
    "10.43.0.1:443,       10.43.0.1,          443,  true",
    "10.43.0.1:443,       10.43.0.1,          6443, false",
    "10.43.0.1:*,         10.43.0.1,          6443, true",
    "*:443,               anything.at.all,    443,  true",
    "*:443,               anything.at.all,    80,   false",
    "*:*,                 ::1,                1,    true",
    "kubernetes:443,      Kubernetes,         443,  true",
    "kubernetes:443,      my.kubernetes,      443,  false",
    "*.svc:443,           a.b.svc,            443,  true",
    "*.svc:443,           svc,                443,  false",
    "*.svc:443,           .svc,               443,  false",
    "*.svc:443,           asvc,               443,  false",
    "10.0.0.0/8:*,        10.255.1.2,         22,   true",
    "10.0.0.0/8:*,        11.0.0.0,           22,   false",
    "10.0.0.0/9:*,        10.127.255.255,     22,   true",
    "10.0.0.0/9:*,        10.128.0.0,         22,   false",
    "10.0.0.0/8:*,        ten.example.com,    22,   false",
    "0.0.0.0/0:*,         192.168.1.1,        22,   true",
    "0.0.0.0/0:*,         ::1,                22,   false",
    "10.0.0.1/32:*,       10.0.0.2,           22,   false",
    "[fd00::1]:443,       fd00:0:0::1,        443,  true",
    "[fd00::1]:443,       [fd00::1],          443,  true",
    "[fd00::/8]:443,      fdff::1,            443,  true",
    "[fd00::/8]:443,      fe00::1,            443,  false",
    "10.0.0.1:443,        ::ffff:10.0.0.1,    443,  true",
  })
  void matchesHostAndPort(String rule, String host, int port, boolean expected) {
    assertThat(DialRule.parse(rule).matches(host, port)).isEqualTo(expected);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "10.0.0.1",
        "10.0.0.1:0",
        "10.0.0.1:65536",
        ":443",
        "a:b",
        "fd00::1:443",
        "10.0.0.0/33:1",
        "[fd00::/129]:1",
        "a b:1",
        "a:",
        "*.:1",
        "host/8:1",
        "[name]x:1"
      })
  void refusesWhatIsNoRule(String rule) {
    assertThatThrownBy(() -> DialRule.parse(rule))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("expected host:port");
  }

  @Test
  void listIsSeparatedByCommasOrSpace() {
    assertThat(DialRule.parseList(" a:1, b:2\nc:*,"))
        .containsExactly(
            new DialRule("a", 1), new DialRule("b", 2), new DialRule("c", DialRule.ANY_PORT));
    assertThat(DialRule.parseList("")).isEmpty();
  }
}
