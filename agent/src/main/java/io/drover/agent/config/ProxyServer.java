package io.drover.agent.config;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.net.URI;
import java.net.URLDecoder;
import java.util.Locale;
import java.util.Objects;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A proxy on the way to the server.
 *
 * @param host without brackets
 * @param user empty: no credentials
 * @param password of {@code user}
 */
public record ProxyServer(Kind kind, String host, int port, String user, Secret password) {

  /** How the proxy is spoken to. */
  public enum Kind {
    /** {@code CONNECT} over plain TCP. */
    HTTP(80),
    /** {@code CONNECT} over TLS. */
    HTTPS(443),
    /** SOCKS 5; the proxy resolves the server's name. */
    SOCKS5(1080);

    private final int standardPort;

    Kind(int standardPort) {
      this.standardPort = standardPort;
    }
  }

  private static final String EXPECTED =
      "expected [http|https|socks5]://[user:password@]host[:port]";
  private static final Pattern AUTHORITY =
      Pattern.compile(
          "((?<user>[^:]*)(:(?<password>.*))?@)?(?<host>\\[[^\\[\\]@]+\\]|[^:\\[\\]@]+)(:(?<port>\\d*))?");
  private static final Set<String> SOCKS = Set.of("socks5", "socks5h");

  /**
   * Reads a proxy's URL; without scheme it is {@code http}, as for Go.
   *
   * @throws IllegalArgumentException if it is none; the message does not repeat it, since there may
   *     be a password in it
   */
  public static ProxyServer parse(String text) {
    String url = text.strip();
    URI uri;
    try {
      uri = URI.create(url.contains("://") ? url : "http://" + url);
    } catch (IllegalArgumentException _) {
      // The cause would quote the URL.
      throw new IllegalArgumentException(EXPECTED);
    }
    // Taken apart here: Java knows neither names with an underscore nor logins with an @, as Go
    // does.
    var authority = AUTHORITY.matcher(Objects.requireNonNullElse(uri.getRawAuthority(), ""));
    if (!authority.matches()) {
      throw new IllegalArgumentException(EXPECTED);
    }
    Kind kind = kind(uri.getScheme().toLowerCase(Locale.ROOT));
    String port = Objects.requireNonNullElse(authority.group("port"), "");
    return new ProxyServer(
        kind,
        authority.group("host").replaceAll("[\\[\\]]", ""),
        port.isEmpty() ? kind.standardPort : Numbers.port(port, EXPECTED),
        decoded(authority.group("user")),
        new Secret(decoded(authority.group("password"))));
  }

  private static String decoded(@Nullable String text) {
    return text == null ? "" : URLDecoder.decode(text.replace("+", "%2B"), UTF_8);
  }

  private static Kind kind(String scheme) {
    if (scheme.equals("http")) {
      return Kind.HTTP;
    } else if (scheme.equals("https")) {
      return Kind.HTTPS;
    } else if (SOCKS.contains(scheme)) {
      return Kind.SOCKS5;
    }
    throw new IllegalArgumentException(EXPECTED);
  }

  /** Host and port, for messages. */
  public String address() {
    return HostPort.join(host, Integer.toString(port));
  }
}
