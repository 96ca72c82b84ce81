package io.drover.agent.tls;

import io.drover.agent.config.Paths;
import io.drover.agent.config.ProxyConfig;
import io.drover.agent.config.ProxyServer;
import io.drover.agent.reason.Failure;
import io.drover.agent.reason.Problem;
import io.drover.agent.reason.Reason;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;

/**
 * Opens connections to the server: looks its name up anew each time, tries its addresses, goes
 * through a proxy if one is set, and speaks TLS, with the host's name checked. Any thread.
 */
public final class ServerDialer {
  /** For everything together, if there is no better figure. Source: stock agent's handshake. */
  public static final Duration STANDARD_LIMIT = Duration.ofSeconds(10);

  /** How a proxy that speaks TLS is spoken to. */
  @FunctionalInterface
  interface ProxyTls {
    /**
     * For the next connection.
     *
     * @throws IOException if there is something wrong with what we are to present
     */
    SSLContext context() throws IOException;

    /** The next context is another one, which knows of no TLS session. */
    default void forget() {}
  }

  private final ProxyConfig proxies;
  private final ProxyTls proxyTls;
  private final AddressDialer addresses;

  /**
   * Dials by {@code proxies}.
   *
   * @param proxyTrust for proxies that speak TLS themselves, which are shown nothing
   */
  public ServerDialer(ProxyConfig proxies, SSLContext proxyTrust) {
    this(proxies, () -> proxyTrust, InetAddress::getAllByName);
  }

  /**
   * Dials by {@code proxies}; one that speaks TLS is trusted by what the machine trusts, and shown
   * who we are if that is configured.
   */
  public static ServerDialer by(ProxyConfig proxies, Paths paths) {
    var trust = KeptTrust.systemStore(paths);
    return new ServerDialer(
        proxies,
        new ProxyTls() {
          @Override
          public SSLContext context() throws IOException {
            return proxies.identity().isEmpty()
                ? trust.context()
                : ServerTrust.toProxy(paths, proxies.identity().get());
          }

          @Override
          public void forget() {
            trust.forget();
          }
        },
        InetAddress::getAllByName);
  }

  /** Dials without any proxy. */
  public static ServerDialer direct() {
    return new ServerDialer(ProxyConfig.NONE, ServerTrust.nobody());
  }

  /** Dials this address whatever the server's name is, by which its certificate is checked. */
  public static ServerDialer to(InetAddress address) {
    return new ServerDialer(
        ProxyConfig.NONE, ServerTrust::nobody, _ -> new InetAddress[] {address});
  }

  ServerDialer(ProxyConfig proxies, ProxyTls proxyTls, AddressDialer.Resolver resolver) {
    this.proxies = proxies;
    this.proxyTls = proxyTls;
    this.addresses = new AddressDialer(resolver);
  }

  /** No TLS session with a proxy goes on: the next connection begins at the beginning. */
  public void forgetSessions() {
    proxyTls.forget();
  }

  /**
   * Blocks until the connection is ready for use, or {@code limit} is over. On failure nothing is
   * left open.
   *
   * @param server {@code https} and {@code wss}: TLS; {@code http} and {@code ws}: plain
   * @param trust whom to trust, as by {@link ServerTrust#context}
   * @throws Failure if there is no way to the server or its certificate is wrong, in the style
   *     {@code dial tcp 1.2.3.4:443: connect: connection refused}
   */
  public ServerConnection dial(URI server, SSLContext trust, Duration limit) throws IOException {
    var target = Target.of(server);
    Optional<ProxyServer> proxy = proxies.proxyFor(server, target.port());
    try (var clock = TimeLimit.start(limit)) {
      Socket raw =
          proxy.isPresent()
              ? reach(proxy.get(), clock)
              : addresses.dial(target.host(), target.port(), clock);
      boolean complete = false;
      try {
        clock.guard(raw);
        Socket socket = proxy.isPresent() ? through(proxy.get(), raw, target, clock) : raw;
        if (target.secure()) {
          socket = handshake(socket, target.host(), target.port(), trust, clock);
        }
        clock.finish();
        complete = true;
        return new ServerConnection(raw, socket);
      } finally {
        if (!complete) {
          TimeLimit.closeQuietly(raw);
        }
      }
    }
  }

  /**
   * Where the first TCP connection to a server leads.
   *
   * @param host of the proxy if there is one, otherwise of the server; without brackets
   * @param rule why this way, for people
   */
  public record Way(String host, int port, Optional<ProxyServer> proxy, String rule) {}

  /** The way that {@link #dial} takes. Asks nobody. */
  public Way way(URI server) throws IOException {
    var target = Target.of(server);
    var choice = proxies.choose(server, target.port());
    return choice
        .proxy()
        .map(proxy -> new Way(proxy.host(), proxy.port(), choice.proxy(), choice.rule()))
        .orElseGet(() -> new Way(target.host(), target.port(), Optional.empty(), choice.rule()));
  }

  /** All addresses that {@link #dial} finds for a name, the preferred ones first. */
  public List<InetAddress> addresses(String host, Duration limit) throws IOException {
    try (var clock = TimeLimit.start(limit)) {
      return addresses.resolve(host, clock);
    }
  }

  /** Connects to one address as {@link #dial} does, and hangs up. */
  public static void tryAddress(InetAddress address, int port, Duration limit) throws IOException {
    var one = new AddressDialer(_ -> new InetAddress[] {address});
    try (var clock = TimeLimit.start(limit)) {
      TimeLimit.closeQuietly(one.dial(address.getHostAddress(), port, clock));
    }
  }

  private Socket reach(ProxyServer proxy, TimeLimit clock) throws IOException {
    try {
      return addresses.dial(proxy.host(), proxy.port(), clock);
    } catch (IOException e) {
      throw new Failure(
          Reason.PROXY_UNREACHABLE, "proxy " + proxy.address() + ": " + e.getMessage(), e);
    }
  }

  private Socket through(ProxyServer proxy, Socket raw, Target target, TimeLimit clock)
      throws IOException {
    try {
      return switch (proxy.kind()) {
        case HTTP -> {
          ProxyHandshake.connect(raw, proxy, urlHost(target.host()), target.port());
          yield raw;
        }
        case HTTPS -> {
          Socket secured = handshake(raw, proxy.host(), proxy.port(), proxyTls.context(), clock);
          ProxyHandshake.connect(secured, proxy, urlHost(target.host()), target.port());
          yield secured;
        }
        case SOCKS5 -> {
          ProxyHandshake.socks5(raw, proxy, target.host(), target.port());
          yield raw;
        }
      };
    } catch (IOException e) {
      throw new Failure(
          Problem.reason(e, Reason.PROXY_UNREACHABLE),
          "proxy " + proxy.address() + ": " + clock.reason(e),
          e);
    }
  }

  private static Socket handshake(
      Socket below, String host, int port, SSLContext trust, TimeLimit clock) throws IOException {
    try {
      var socket =
          (SSLSocket)
              trust.getSocketFactory().createSocket(below, host, port, /* autoClose= */ true);
      var parameters = socket.getSSLParameters();
      parameters.setEndpointIdentificationAlgorithm("HTTPS");
      socket.setSSLParameters(parameters);
      socket.startHandshake();
      return socket;
    } catch (IOException e) {
      String why =
          e.getCause() instanceof CertificateRefused refused
              ? refused.getMessage()
              : clock.reason(e);
      throw new Failure(
          clock.isOver() ? Reason.TLS_TIMEOUT : reason(e),
          "tls handshake with " + host + ":" + port + ": " + why,
          e);
    }
  }

  /** The JDK gives the last two by their texts alone. */
  private static Reason reason(IOException failure) {
    String text = String.valueOf(failure.getMessage()).toLowerCase(Locale.ROOT);
    if (text.contains("unrecognized ssl message")) {
      return Reason.NOT_TLS;
    }
    if (text.contains("protocol_version") || text.contains("protocol version")) {
      return Reason.TLS_VERSION;
    }
    return Problem.reason(failure, Reason.TLS_FAILED);
  }

  /** Where to, without the brackets of an IPv6 address. */
  private record Target(String host, int port, boolean secure) {

    static Target of(URI server) throws IOException {
      String scheme = String.valueOf(server.getScheme()).toLowerCase(Locale.ROOT);
      boolean secure = scheme.equals("https") || scheme.equals("wss");
      boolean plain = scheme.equals("http") || scheme.equals("ws");
      if (!(secure || plain) || server.getHost() == null) {
        throw new Failure(Reason.CREDENTIALS_INVALID, "not a server's URL: " + server);
      }
      int standard = secure ? 443 : 80;
      return new Target(
          server.getHost().replaceAll("[\\[\\]]", ""),
          server.getPort() > 0 ? server.getPort() : standard,
          secure);
    }
  }

  /** As in a URL: an IPv6 address in brackets. */
  static String urlHost(String host) {
    return host.indexOf(':') >= 0 ? "[" + host + "]" : host;
  }
}
