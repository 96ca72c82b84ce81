package io.drover.agent.config;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.drover.agent.Interop;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Which proxy leads to a server: our rules beside Go's library, which {@code interop/build} makes a
 * program of. The cases are generated, from pieces that often meet and from odd ones.
 */
@Tag("interop")
@Timeout(600)
class ProxyRulesIT {
  private static final int CASES = 40_000;
  private static final long SEED = 20_261_127;

  private static final List<String> PROXIES =
      List.of("", "http://proxy:3128", "https://proxy", "socks5://proxy", "proxy:8080", "proxy");

  private static final List<String> HOSTS =
      List.of(
          "example.com",
          "rancher.example.com",
          "a.rancher.example.com",
          "notexample.com",
          "Rancher.Example.COM",
          "example.com.",
          "com",
          "localhost",
          "a.localhost",
          "rancher",
          "10.1.2.3",
          "10.1.2.4",
          "110.1.2.3",
          "127.0.0.1",
          "127.8.9.1",
          "192.168.0.77",
          "[::1]",
          "[fd00::1]",
          "[fd00:0:0::0001]",
          "[fe80::7]",
          "[::ffff:10.1.2.3]");

  private static final List<String> PORTS = List.of("", "", ":443", ":80", ":8443", ":6443");

  private static final List<String> PIECES =
      List.of(
          "",
          "*",
          ".",
          "*.",
          "com",
          ".com",
          "*.com",
          "**.com",
          "example",
          "0",
          "2.3",
          ".3",
          "[",
          "]",
          ":",
          ":443",
          ":80",
          "::",
          "/",
          "/8",
          "/33",
          "-",
          "a b",
          "http://example.com",
          "%",
          "é.com",
          "10.1",
          "1.2.3",
          "10.0.0.0/8",
          "10.1.2.0/24",
          "10.1.2.3/32",
          "10.1.2.3/0",
          "10.1.2.3/",
          "10.1.2.3/024",
          "010.1.2.3",
          "10.1.2.3.",
          "192.168.0.0/16",
          "::/0",
          "fd00::/8",
          "fd00::1/128",
          "[fd00::]/8",
          "::1",
          "fd00::1",
          "::ffff:10.1.2.3",
          "::ffff:10.0.0.0/104",
          "fe80::7%eth0",
          "localhost",
          "127.0.0.1",
          "example.com:443",
          "*.example.com:443",
          ".example.com:80",
          "example.com:",
          "example.com:https",
          "[fd00::1]:443",
          "[::1]:80",
          "10.1.2.3:443",
          "10.1.2.3:80",
          "[10.1.2.3]:443",
          "[10.1.2.3]",
          "[fd00::1]",
          "[example.com]:443",
          "rancher");

  private record Case(String https, String http, String no, URI url) {}

  @TempDir private Path directory;

  @Test
  void ourRulesAreGos() throws Exception {
    var cases = cases(new Random(SEED));
    var go = gosAnswers(cases);

    var differences =
        IntStream.range(0, cases.size())
            .filter(i -> !ourAnswer(cases.get(i)).equals(gosAnswer(go.get(i))))
            .mapToObj(
                i ->
                    "%s: ours '%s', Go's '%s'"
                        .formatted(cases.get(i), ourAnswer(cases.get(i)), go.get(i)))
            .toList();

    assertThat(differences).isEmpty();
    assertThat(go.stream().filter(String::isEmpty).count())
        .as("cases that are reached directly")
        .isBetween(CASES / 10L, CASES * 9L / 10);
  }

  private static List<Case> cases(Random random) {
    var cases = new ArrayList<Case>();
    for (int i = 0; i < CASES; i++) {
      var url =
          (random.nextInt(5) == 0 ? "http://" : "https://")
              + one(random, HOSTS)
              + one(random, PORTS);
      var no =
          IntStream.range(0, random.nextInt(4))
              .mapToObj(_ -> item(random))
              .collect(Collectors.joining(random.nextInt(4) == 0 ? " , " : ","));
      cases.add(new Case(one(random, PROXIES), one(random, PROXIES), no, URI.create(url)));
    }
    return cases;
  }

  private static String item(Random random) {
    var item =
        switch (random.nextInt(8)) {
          case 0, 1 -> one(random, HOSTS) + one(random, PORTS);
          case 2 -> one(random, PIECES) + one(random, HOSTS) + one(random, PORTS);
          case 3 -> one(random, PIECES) + one(random, PIECES);
          default -> one(random, PIECES);
        };
    return random.nextInt(10) == 0 ? item.toUpperCase(java.util.Locale.ROOT) : item;
  }

  private static String one(Random random, List<String> of) {
    return of.get(random.nextInt(of.size()));
  }

  private static String ourAnswer(Case asked) {
    var env =
        new Environment(
            Map.of("HTTPS_PROXY", asked.https, "HTTP_PROXY", asked.http, "NO_PROXY", asked.no));
    int port = asked.url.getPort();
    int standard = asked.url.getScheme().equals("https") ? 443 : 80;
    return ProxyConfig.from(env)
        .proxyFor(asked.url, port > 0 ? port : standard)
        .map(proxy -> proxy.kind() + " " + proxy.address())
        .orElse("");
  }

  /** Go gives the URL; ours has its parts. */
  private static String gosAnswer(String url) {
    if (url.isEmpty()) {
      return "";
    }
    var proxy = ProxyServer.parse(url);
    return proxy.kind() + " " + proxy.address();
  }

  private List<String> gosAnswers(List<Case> cases) throws IOException, InterruptedException {
    var json = new ObjectMapper();
    var questions = new ArrayList<String>();
    for (Case asked : cases) {
      questions.add(
          json.writeValueAsString(
              Map.of(
                  "https", asked.https,
                  "http", asked.http,
                  "no", asked.no,
                  "url", asked.url.toString())));
    }
    var in = Files.write(directory.resolve("questions"), questions);
    var out = directory.resolve("answers");
    var process =
        new ProcessBuilder(Interop.built("proxyrules").resolve("proxyrules").toString())
            .redirectInput(in.toFile())
            .redirectOutput(out.toFile())
            .redirectError(Redirect.INHERIT)
            .start();
    assertThat(process.waitFor()).isZero();
    return Files.readAllLines(out, UTF_8);
  }
}
