package io.drover.agent.tunnel;

import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NoRouteToHostException;
import java.net.SocketTimeoutException;
import java.net.StandardSocketOptions;
import java.net.UnknownHostException;
import java.nio.channels.SocketChannel;
import java.time.Duration;

/**
 * Dials TCP inside the cluster, never through a proxy. The errors read like those of the Go agent,
 * since people, and one of Rancher's controllers, look for them.
 */
public final class TcpDialer implements Dialer {
  /** All addresses of a name together; the Go agent takes 60 s. */
  static final Duration LIMIT = Duration.ofSeconds(15);

  /** The addresses of a name. */
  interface Resolver {
    InetAddress[] addresses(String host) throws UnknownHostException;
  }

  private final Duration limit;
  private final Resolver resolver;

  /** A dialler with the usual limit. */
  public TcpDialer() {
    this(LIMIT, InetAddress::getAllByName);
  }

  TcpDialer(Duration limit, Resolver resolver) {
    this.limit = limit;
    this.resolver = resolver;
  }

  @Override
  public SocketChannel dial(String network, String address, Dial dial) throws IOException {
    var target = HostPort.parse(address);
    long deadlineNanos = System.nanoTime() + limit.toNanos();
    var failure = new IOException("dial tcp: lookup " + target.host() + ": no such host");
    var addresses = resolve(target.host());
    for (int i = 0; i < addresses.length; i++) {
      // No address may use up the time of the others: each has its share of what is left.
      long leftNanos = (deadlineNanos - System.nanoTime()) / (addresses.length - i);
      int leftMillis = (int) Duration.ofNanos(leftNanos).toMillis();
      if (leftMillis <= 0) {
        break;
      }
      var channel = SocketChannel.open();
      try {
        dial.opening(channel);
        channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
        channel.socket().connect(new InetSocketAddress(addresses[i], target.port()), leftMillis);
        return channel;
      } catch (IOException e) {
        TunnelStream.closeQuietly(channel);
        failure = new IOException("dial tcp " + target + ": " + reason(e), e);
      }
    }
    throw failure;
  }

  private InetAddress[] resolve(String host) throws IOException {
    try {
      return resolver.addresses(host);
    } catch (UnknownHostException e) {
      throw new IOException("dial tcp: lookup " + host + ": no such host", e);
    }
  }

  private static String reason(IOException e) {
    return switch (e) {
      case SocketTimeoutException _ -> "i/o timeout";
      case NoRouteToHostException _ -> "connect: no route to host";
      case ConnectException refused when String.valueOf(refused.getMessage()).contains("refused") ->
          "connect: connection refused";
      default -> String.valueOf(e.getMessage());
    };
  }
}
