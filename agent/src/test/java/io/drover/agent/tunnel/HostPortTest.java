package io.drover.agent.tunnel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HostPortTest {
  @ParameterizedTest
  @CsvSource({
    "10.0.0.1:443, 10.0.0.1, 443",
    "[fd00::1]:6443, fd00::1, 6443",
    "kubernetes.default.svc:1, kubernetes.default.svc, 1",
    "a:65535, a, 65535"
  })
  void readsHostAndPort(String address, String host, int port) throws IOException {
    var parsed = HostPort.parse(address);

    assertThat(parsed).isEqualTo(new HostPort(host, port));
    assertThat(parsed).hasToString(address);
  }

  @ParameterizedTest
  @CsvSource({
    "10.0.0.1, missing port in address",
    "'', missing port in address",
    "fd00::1:443, too many colons in address",
    ":443, invalid host or port",
    "[]:443, invalid host or port",
    "a:, invalid host or port",
    "a:0, invalid host or port",
    "a:-1, invalid host or port",
    "a:65536, invalid host or port",
    "a:99999999999, invalid host or port",
    "a:http, invalid host or port"
  })
  void refusesTheRestInGosWords(String address, String problem) {
    assertThatThrownBy(() -> HostPort.parse(address))
        .isInstanceOf(IOException.class)
        .hasMessage("dial tcp: address " + address + ": " + problem);
  }
}
