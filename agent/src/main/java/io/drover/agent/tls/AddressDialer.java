package io.drover.agent.tls;

import io.drover.agent.reason.Failure;
import io.drover.agent.reason.Reason;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.LongSupplier;

/** From a host name to a TCP connection: asks for its addresses and lets them race. */
final class AddressDialer {
  /** As many addresses of one name are tried. */
  static final int MAX_ADDRESSES = 8;

  /**
   * How long a name server has to answer. One that fails says so sooner. Source: resolv.conf(5),
   * {@code timeout}.
   */
  static final Duration NAME_SERVER_LIMIT = Duration.ofSeconds(5);

  /** Where names are looked up. */
  @FunctionalInterface
  interface Resolver {
    /** All addresses of {@code host}, the preferred ones first. May block for long. */
    InetAddress[] resolve(String host) throws UnknownHostException;
  }

  private final Resolver resolver;
  private final LongSupplier nanoTime;

  AddressDialer(Resolver resolver) {
    this(resolver, System::nanoTime);
  }

  /** With a clock in nanoseconds. */
  AddressDialer(Resolver resolver, LongSupplier nanoTime) {
    this.resolver = resolver;
    this.nanoTime = nanoTime;
  }

  /**
   * Blocks until one address has answered or {@code limit} is over.
   *
   * @throws IOException if none did; the message says what became of each, in Go's words
   */
  Socket dial(String host, int port, TimeLimit limit) throws IOException {
    return new AddressRace(alternate(resolve(host, limit)), port, limit).run();
  }

  List<InetAddress> resolve(String host, TimeLimit limit) throws IOException {
    var lookup = new FutureTask<>(() -> List.of(resolver.resolve(host)));
    long startNanos = nanoTime.getAsLong();
    // A platform thread: a lookup that hangs in native code would take a carrier with it.
    Thread.ofPlatform().daemon().name("lookup").start(lookup);
    String failed = "dial tcp: lookup " + host + ": ";
    try {
      return lookup.get(limit.remaining().toNanos(), TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      throw new Failure(Reason.DNS_TIMEOUT, failed + "i/o timeout", e);
    } catch (ExecutionException e) {
      // glibc's EAI_AGAIN, for silence as for failure; the JDK gives its text and nothing else.
      if (!String.valueOf(e.getMessage()).contains("Temporary failure")) {
        throw new Failure(Reason.DNS_NOT_FOUND, failed + "no such host", e);
      }
      long waitedNanos = nanoTime.getAsLong() - startNanos;
      throw waitedNanos >= NAME_SERVER_LIMIT.toNanos()
          ? new Failure(Reason.DNS_TIMEOUT, failed + "i/o timeout", e)
          : new Failure(Reason.DNS_FAILED, failed + "server misbehaving", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException(failed + "interrupted");
    }
  }

  /** One address of each family in turn, since often one family is what does not work. */
  static List<InetAddress> alternate(List<InetAddress> addresses) {
    if (addresses.isEmpty()) {
      return addresses;
    }
    var family = addresses.getFirst().getClass();
    var preferred = addresses.stream().filter(family::isInstance).toList();
    var others = addresses.stream().filter(address -> !family.isInstance(address)).toList();
    var order = new ArrayList<InetAddress>();
    for (int i = 0; i < addresses.size(); i++) {
      if (i < preferred.size()) {
        order.add(preferred.get(i));
      }
      if (i < others.size()) {
        order.add(others.get(i));
      }
    }
    return order.subList(0, Math.min(order.size(), MAX_ADDRESSES));
  }
}
