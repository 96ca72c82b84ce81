package io.drover.agent.tls;

import io.drover.agent.reason.Failure;
import io.drover.agent.reason.Reason;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NoRouteToHostException;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Connects to the first of some addresses that answers. The next one is tried when the one before
 * has failed, or has not answered for a while; that one may still win. Source: RFC 8305, section 5.
 * Used once, by one thread.
 */
final class AddressRace {
  /** Source: RFC 8305, section 8. */
  static final Duration NEXT_AFTER = Duration.ofMillis(250);

  private record Outcome(int index, @Nullable IOException failure) {}

  private final List<InetAddress> addresses;
  private final int port;
  private final TimeLimit limit;
  private final List<Socket> sockets = new ArrayList<>();
  private final IOException[] failures;
  private final BlockingQueue<Outcome> outcomes = new LinkedBlockingQueue<>();
  private int running;

  AddressRace(List<InetAddress> addresses, int port, TimeLimit limit) {
    this.addresses = List.copyOf(addresses);
    this.port = port;
    this.limit = limit;
    this.failures = new IOException[addresses.size()];
  }

  /**
   * Blocks until one has answered or the time is over. The other connections are closed.
   *
   * @throws Failure if none did; the message says what became of each, in Go's words
   */
  Socket run() throws IOException {
    @Nullable Socket winner = null;
    try {
      winner = firstThatAnswers();
      return winner;
    } finally {
      for (Socket socket : sockets) {
        if (!socket.equals(winner)) {
          TimeLimit.closeQuietly(socket);
        }
      }
    }
  }

  private Socket firstThatAnswers() throws IOException {
    while (sockets.size() < addresses.size() || running > 0) {
      if (sockets.size() < addresses.size()) {
        start();
      }
      var wait = limit.remaining();
      if (sockets.size() < addresses.size() && NEXT_AFTER.compareTo(wait) < 0) {
        wait = NEXT_AFTER;
      }
      var outcome = await(wait);
      if (outcome == null) {
        if (limit.remaining().isZero()) {
          break;
        }
      } else if (outcome.failure == null) {
        return sockets.get(outcome.index);
      } else {
        failures[outcome.index] = outcome.failure;
        running--;
      }
    }
    throw failure();
  }

  private void start() throws IOException {
    int index = sockets.size();
    var socket = new Socket();
    sockets.add(socket);
    running++;
    socket.setTcpNoDelay(true);
    int timeoutMillis = (int) Math.max(1, limit.remaining().toMillis());
    var target = new InetSocketAddress(addresses.get(index), port);
    Thread.ofVirtual()
        .name("connect")
        .start(
            () -> {
              try {
                socket.connect(target, timeoutMillis);
                outcomes.add(new Outcome(index, null));
              } catch (IOException e) {
                outcomes.add(new Outcome(index, e));
              }
            });
  }

  private @Nullable Outcome await(Duration wait) throws IOException {
    try {
      return outcomes.poll(wait.toNanos(), TimeUnit.NANOSECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("dial tcp: interrupted");
    }
  }

  private Failure failure() {
    var reasons = EnumSet.noneOf(Reason.class);
    var texts = new ArrayList<String>();
    for (int i = 0; i < addresses.size(); i++) {
      // Without an outcome it did not answer, or there was no time left to try it.
      var failure = failures[i] == null ? new SocketTimeoutException() : failures[i];
      reasons.add(reason(failure));
      texts.add(
          "dial tcp %s:%d: %s"
              .formatted(
                  ServerDialer.urlHost(addresses.get(i).getHostAddress()), port, words(failure)));
    }
    // Of several the one that got furthest: it is declared first.
    var reason = reasons.stream().findFirst().orElse(Reason.DNS_NOT_FOUND);
    return new Failure(reason, String.join("; ", texts));
  }

  private static Reason reason(IOException failure) {
    return switch (failure) {
      case SocketTimeoutException _ -> Reason.CONNECT_TIMEOUT;
      case ConnectException _ -> Reason.CONNECT_REFUSED;
      default -> Reason.NO_ROUTE;
    };
  }

  private static String words(IOException failure) {
    return switch (failure) {
      case SocketTimeoutException _ -> "i/o timeout";
      case NoRouteToHostException _ -> "connect: no route to host";
      default -> "connect: " + String.valueOf(failure.getMessage()).toLowerCase(Locale.ROOT);
    };
  }
}
