package io.drover.agent.config;

import java.net.URI;
import java.util.Locale;

/**
 * The Rancher server as the manifest describes it. The tunnels use the URL in the credentials
 * instead, which rotates.
 *
 * @param server base URL, {@code https} or {@code http}
 * @param caChecksum SHA-256 of the server's CA bundle, 64 hex digits in lower case; empty: the
 *     server has none of its own
 * @param strictVerify trust that CA bundle only
 */
public record ServerConfig(URI server, String caChecksum, boolean strictVerify, ProxyConfig proxy) {
  private static final String CHECKSUM = "[0-9a-f]{64}";

  static ServerConfig from(Environment env) {
    if (env.text(Setting.CATTLE_SERVER).isEmpty()) {
      env.problem(
          Setting.CATTLE_SERVER,
          "is not set: set it to the URL of your Rancher server, such as"
              + " https://rancher.example.com");
    }
    String checksum = env.text(Setting.CATTLE_CA_CHECKSUM).toLowerCase(Locale.ROOT);
    if (!checksum.isEmpty() && !checksum.matches(CHECKSUM)) {
      env.problem(
          Setting.CATTLE_CA_CHECKSUM,
          "is '" + checksum + "': expected the 64 hex digits of a SHA-256, as in the manifest");
    }
    boolean strict = env.text(Setting.STRICT_VERIFY).equalsIgnoreCase("true");
    if (strict && checksum.isEmpty()) {
      env.problem(
          Setting.STRICT_VERIFY,
          "is true, but CATTLE_CA_CHECKSUM is not set, so there is no CA to trust: set Rancher's"
              + " 'cacerts' and apply the manifest again, or set Rancher's 'agent-tls-mode' to"
              + " 'system-store'");
    }
    return new ServerConfig(
        env.parse(Setting.CATTLE_SERVER, ServerConfig::url),
        checksum,
        strict,
        ProxyConfig.from(env));
  }

  /** Whether a URL is one of a server: with a scheme and a host, and without a login. */
  public static boolean isServer(URI url) {
    return ("https".equalsIgnoreCase(url.getScheme()) || "http".equalsIgnoreCase(url.getScheme()))
        && url.getHost() != null
        && url.getPort() <= Numbers.MAX_PORT
        && url.getUserInfo() == null;
  }

  private static URI url(String text) {
    String expected = "expected a URL such as https://rancher.example.com";
    URI url;
    try {
      url = URI.create(text);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(expected, e);
    }
    if (text.isEmpty()) {
      return url; // said above
    }
    if (!isServer(url)) {
      throw new IllegalArgumentException(expected);
    }
    return text.endsWith("/") ? URI.create(text.replaceAll("/+$", "")) : url;
  }
}
