package io.drover.agent.config;

import java.net.URI;
import java.util.Locale;
import java.util.Set;

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
    if (uri.getHost() == null || uri.getPort() > Numbers.MAX_PORT) {
      throw new IllegalArgumentException(EXPECTED);
    }
    Kind kind = kind(uri.getScheme().toLowerCase(Locale.ROOT));
    String login = uri.getUserInfo() == null ? "" : uri.getUserInfo();
    int colon = login.indexOf(':');
    return new ProxyServer(
        kind,
        uri.getHost().replaceAll("[\\[\\]]", ""),
        uri.getPort() > 0 ? uri.getPort() : kind.standardPort,
        colon < 0 ? login : login.substring(0, colon),
        new Secret(colon < 0 ? "" : login.substring(colon + 1)));
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
