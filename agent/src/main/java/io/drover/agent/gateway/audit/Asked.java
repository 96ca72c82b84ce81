package io.drover.agent.gateway.audit;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import io.drover.steve.http.Request;
import java.net.InetAddress;
import java.net.URLDecoder;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/**
 * A request as it came, before anything is known of it.
 *
 * @param target path and query
 * @param sources addresses on whose behalf it is asked, as whoever asks says; the first one first
 */
public record Asked(String method, String target, String userAgent, List<String> sources) {
  /** Of {@code User-Agent}, in characters. Source: kube-apiserver's {@code maxUserAgentLength}. */
  static final int MAX_USER_AGENT = 1024;

  /** Of {@code X-Forwarded-For}, proxies that name themselves one after the other. */
  static final int MAX_SOURCES = 16;

  private static final int MAX_ADDRESS = 45;
  private static final String COMMAND = "command=";

  public Asked {
    sources = List.copyOf(sources);
  }

  /** Of what is in a request's head. */
  public static Asked of(Request request) {
    var agent = request.fields().first("User-Agent");
    return new Asked(
        request.method(),
        request.target(),
        new String(agent.getBytes(ISO_8859_1), UTF_8),
        request.fields().every("X-Forwarded-For").stream()
            .flatMap(value -> Arrays.stream(value.split(",", -1)))
            .map(String::strip)
            .filter(Asked::isAddress)
            .limit(MAX_SOURCES)
            .toList());
  }

  private static boolean isAddress(String text) {
    if (text.isEmpty() || text.length() > MAX_ADDRESS) {
      return false;
    }
    try {
      InetAddress.ofLiteral(text);
      return true;
    } catch (IllegalArgumentException _) {
      return false;
    }
  }

  /** Of an exec, with spaces between its words; empty: there is none. */
  String command() {
    int query = target.indexOf('?');
    return query < 0
        ? ""
        : Arrays.stream(target.substring(query + 1).split("&", -1))
            .filter(item -> item.startsWith(COMMAND))
            .map(item -> decoded(item.substring(COMMAND.length())))
            .collect(Collectors.joining(" "));
  }

  private static String decoded(String text) {
    try {
      return URLDecoder.decode(text, UTF_8);
    } catch (IllegalArgumentException _) {
      return text;
    }
  }

  /** Cut as the API server cuts it. */
  String shownUserAgent() {
    return userAgent.length() > MAX_USER_AGENT
        ? userAgent.substring(0, MAX_USER_AGENT) + "...TRUNCATED"
        : userAgent;
  }
}
