package io.drover.agent.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.URI;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Expectations follow Go's {@code httpproxy} package and its tests. */
class ProxyConfigTest {
  private static final URI SERVER = URI.create("https://rancher.example.com");

  @Test
  void httpsServersTakeTheHttpsProxyOnly() {
    var config = config(Map.of("HTTPS_PROXY", "http://one", "HTTP_PROXY", "http://two:3128"));

    assertThat(config.proxyFor(SERVER, 443).orElseThrow().address()).isEqualTo("one:80");
    assertThat(config.proxyFor(URI.create("wss://rancher"), 443).orElseThrow().host())
        .isEqualTo("one");
    assertThat(config.proxyFor(URI.create("http://rancher"), 80).orElseThrow().address())
        .isEqualTo("two:3128");
    assertThat(config(Map.of("HTTP_PROXY", "http://two")).proxyFor(SERVER, 443)).isEmpty();
  }

  @Test
  void identityForAProxyIsACertificateAndAKey() throws Exception {
    var config =
        ProxyConfig.from(
            new Environment(
                Map.of(
                    "HTTPS_PROXY", "https://proxy",
                    "DROVER_PROXY_CERT_FILE", "/p/tls.crt",
                    "DROVER_PROXY_KEY_FILE", "/p/tls.key",
                    "DROVER_PROXY_KEY_PASSWORD_FILE", "/p/password")));

    assertThat(config.identity())
        .hasValue(
            new ProxyIdentity(
                Path.of("/p/tls.crt"), Path.of("/p/tls.key"), Optional.of(Path.of("/p/password"))));
    assertThat(config(Map.of("HTTPS_PROXY", "https://proxy")).identity()).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({
    "https://proxy, DROVER_PROXY_CERT_FILE, DROVER_PROXY_KEY_FILE is not set",
    "https://proxy, DROVER_PROXY_KEY_FILE, DROVER_PROXY_CERT_FILE is not set",
    "https://proxy, DROVER_PROXY_KEY_PASSWORD_FILE, there is no key to open",
    "http://proxy, DROVER_PROXY_CERT_FILE DROVER_PROXY_KEY_FILE, no proxy speaks TLS"
  })
  void halfAnIdentityIsAProblem(String proxy, String set, String said) {
    var variables = new HashMap<>(Map.of("HTTPS_PROXY", proxy));
    for (String name : set.split(" ", -1)) {
      variables.put(name, "/p/file");
    }
    var env = new Environment(variables);
    ProxyConfig.from(env);

    assertThatThrownBy(env::check)
        .isInstanceOfSatisfying(
            ConfigException.class,
            refused -> assertThat(refused.problems()).singleElement().asString().contains(said));
  }

  @Test
  void lowerCaseCountsIfUpperCaseIsNotSet() {
    var lower = Map.of("https_proxy", "http://lower", "no_proxy", "other");
    assertThat(config(lower).proxyFor(SERVER, 443).orElseThrow().host()).isEqualTo("lower");

    var both = new HashMap<>(lower);
    both.put("HTTPS_PROXY", "http://upper");
    both.put("NO_PROXY", "rancher.example.com");
    assertThat(config(both).proxyFor(SERVER, 443)).isEmpty();
    assertThat(config(both).proxyFor(URI.create("https://x"), 443).orElseThrow().host())
        .isEqualTo("upper");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "*                  | rancher.example.com | true",
        "example.com        | rancher.example.com | true",
        "example.com        | example.com         | true",
        "example.com        | notexample.com      | false",
        ".example.com       | rancher.example.com | true",
        ".example.com       | example.com         | false",
        "*.example.com      | rancher.example.com | true",
        "*.example.com      | example.com         | false",
        "EXAMPLE.com        | Rancher.Example.COM | true",
        "example.com:443    | rancher.example.com | true",
        "example.com:80     | rancher.example.com | false",
        "10.0.0.0/8         | 10.1.2.3            | true",
        "10.0.0.0/8         | 11.1.2.3            | false",
        "10.1.2.3           | 10.1.2.3            | true",
        "10.1.2.3:443       | 10.1.2.3            | true",
        "10.1.2.3:80        | 10.1.2.3            | false",
        "fd00::/8           | [fd00::1]           | true",
        "[fd00::1]:443      | [fd00::1]           | true",
        "fd00::1            | [fd00::1]           | true",
        " a , ,b,, 10.1.2.3 | 10.1.2.3            | true",
        ":443               | rancher.example.com | false",
        "other              | localhost           | true",
        "other              | 127.0.0.5           | true",
        "other              | [::1]               | true",
      })
  void someHostsAreReachedDirectly(String noProxy, String host, boolean direct) {
    var config = config(Map.of("HTTPS_PROXY", "http://proxy", "NO_PROXY", noProxy));

    assertThat(config.proxyFor(URI.create("https://" + host), 443).isEmpty()).isEqualTo(direct);
  }

  @ParameterizedTest
  @CsvSource({
    "http://proxy:3128,       HTTP,   proxy,  3128",
    "proxy:3128,              HTTP,   proxy,  3128",
    "https://proxy,           HTTPS,  proxy,  443",
    "socks5://proxy,          SOCKS5, proxy,  1080",
    "socks5h://proxy:9,       SOCKS5, proxy,  9",
    "HTTP://[fd00::1]:8080/,  HTTP,   fd00::1, 8080",
    "http://squid_proxy.corp, HTTP,   squid_proxy.corp, 80",
    "http://proxy:,           HTTP,   proxy,  80",
  })
  void readsTheProxysUrl(String url, ProxyServer.Kind kind, String host, int port) {
    assertThat(ProxyServer.parse(url))
        .isEqualTo(new ProxyServer(kind, host, port, "", new Secret("")));
  }

  @Test
  void readsCredentials() {
    var proxy = ProxyServer.parse("http://joe%40corp:p%3Aw%2Fd@proxy:1");

    assertThat(proxy.user()).isEqualTo("joe@corp");
    assertThat(proxy.password().value()).isEqualTo("p:w/d");
  }

  @ParameterizedTest
  @CsvSource({
    "http://joe:p@ss@proxy:1,   joe, p@ss",
    "http://joe@proxy:1,        joe, ''",
    "http://joe:a:b+c@proxy:1,  joe, a:b+c",
    "http://:p@my_proxy:1,      '',  p"
  })
  void readsCredentialsAsGoDoes(String url, String user, String password) {
    var proxy = ProxyServer.parse(url);

    assertThat(proxy.user()).isEqualTo(user);
    assertThat(proxy.password().value()).isEqualTo(password);
    assertThat(proxy.port()).isEqualTo(1);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "ftp://x",
        "http://",
        "http://jo:hunter2@a b",
        "http://x:hunter2",
        "http://jo:hunter2@",
        "http://jo:hunter2@x:70000"
      })
  void refusesOtherUrlsWithoutRepeatingThem(String url) {
    assertThatThrownBy(() -> ProxyServer.parse(url))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith("expected")
        .hasMessageNotContaining("hunter2")
        .hasNoCause();
  }

  @Test
  void saysWhichRuleChose() {
    var config = config(Map.of("HTTPS_PROXY", "http://u:hunter2@p", "NO_PROXY", "a,example.com"));

    assertThat(config.choose(SERVER, 443).rule()).isEqualTo("item 2 of NO_PROXY");
    assertThat(config.choose(URI.create("https://b"), 443).rule())
        .isEqualTo("HTTPS_PROXY, and no item of NO_PROXY matches");
    assertThat(config.choose(URI.create("https://127.0.0.1"), 443).rule())
        .isEqualTo("a loopback host is reached directly");
    assertThat(config.choose(URI.create("http://b"), 80).rule()).isEqualTo("HTTP_PROXY is not set");
  }

  private static ProxyConfig config(Map<String, String> variables) {
    return ProxyConfig.from(new Environment(variables));
  }
}
