package io.drover.agent.config;

import java.net.InetAddress;
import java.net.URI;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * Which proxy leads to a server, by Go's rules, so that settings made for the stock agent keep
 * their meaning. The cluster's own API server is never reached through a proxy.
 *
 * @param byTargetScheme proxy for {@code http} and {@code https} servers; none: direct
 * @param exceptions servers that are reached directly all the same
 * @param identity shown to a proxy that speaks TLS and asks for it; empty: we have none
 */
public record ProxyConfig(
    Map<String, ProxyServer> byTargetScheme,
    List<NoProxyRule> exceptions,
    Optional<ProxyIdentity> identity) {
  /** No proxy at all. */
  public static final ProxyConfig NONE = new ProxyConfig(Map.of(), List.of());

  public ProxyConfig {
    byTargetScheme = Map.copyOf(byTargetScheme);
    exceptions = List.copyOf(exceptions);
  }

  /** Without an identity. */
  public ProxyConfig(Map<String, ProxyServer> byTargetScheme, List<NoProxyRule> exceptions) {
    this(byTargetScheme, exceptions, Optional.empty());
  }

  static ProxyConfig from(Environment env) {
    var proxies = new HashMap<String, ProxyServer>();
    read(env, Setting.HTTPS_PROXY).ifPresent(proxy -> proxies.put("https", proxy));
    read(env, Setting.HTTP_PROXY).ifPresent(proxy -> proxies.put("http", proxy));
    var identity = ProxyIdentity.from(env);
    if (identity.isPresent()
        && proxies.values().stream().noneMatch(proxy -> proxy.kind() == ProxyServer.Kind.HTTPS)) {
      env.problem(
          Setting.DROVER_PROXY_CERT_FILE,
          "is set, but no proxy speaks TLS: let HTTPS_PROXY begin with https://");
    }
    return new ProxyConfig(proxies, NoProxyRule.parseList(env.text(Setting.NO_PROXY)), identity);
  }

  private static Optional<ProxyServer> read(Environment env, Setting setting) {
    String url = env.text(setting);
    if (url.isEmpty()) {
      return Optional.empty();
    }
    try {
      return Optional.of(ProxyServer.parse(url));
    } catch (IllegalArgumentException e) {
      // Without the value, which may hold a password.
      env.problem(setting, "is not a proxy: " + e.getMessage());
      return Optional.empty();
    }
  }

  /**
   * The proxy to use for {@code server}, whose scheme is {@code https}, {@code wss}, {@code http}
   * or {@code ws}; empty: direct. Nothing is resolved.
   *
   * @param port the port in use, since {@code server} may leave it out
   */
  public Optional<ProxyServer> proxyFor(URI server, int port) {
    return choose(server, port).proxy();
  }

  /**
   * A proxy or none, and why.
   *
   * @param rule for people: the setting that decides, without its value but for an exception's
   */
  public record Choice(Optional<ProxyServer> proxy, String rule) {}

  /** As {@link #proxyFor}, with the rule that matched. */
  public Choice choose(URI server, int port) {
    String scheme = server.getScheme().toLowerCase(Locale.ROOT);
    boolean secure = scheme.equals("https") || scheme.equals("wss");
    var proxy = Optional.ofNullable(byTargetScheme.get(secure ? "https" : "http"));
    String host = server.getHost().toLowerCase(Locale.ROOT).replaceAll("[\\[\\]]", "");
    String setting = secure ? "HTTPS_PROXY" : "HTTP_PROXY";
    if (proxy.isEmpty()) {
      return new Choice(proxy, setting + " is not set");
    }
    if (isLocal(host)) {
      return new Choice(Optional.empty(), "a loopback host is reached directly");
    }
    for (int i = 0; i < exceptions.size(); i++) {
      if (exceptions.get(i).matches(host, port)) {
        return new Choice(Optional.empty(), "item %d of NO_PROXY".formatted(i + 1));
      }
    }
    return new Choice(proxy, setting + ", and no item of NO_PROXY matches");
  }

  private static boolean isLocal(String host) {
    return host.equals("localhost")
        || Cidr.address(host).map(InetAddress::isLoopbackAddress).orElse(false);
  }
}
