package io.drover.agent.tunnel;

import java.io.IOException;
import java.nio.channels.SocketChannel;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

/** Dials for real, and knows what is still open. */
final class CountingDialer implements Dialer {
  private final Dialer dialer;
  private final Set<SocketChannel> open = ConcurrentHashMap.newKeySet();
  private final AtomicInteger dials = new AtomicInteger();

  CountingDialer(Dialer dialer) {
    this.dialer = dialer;
  }

  @Override
  public SocketChannel dial(String network, String address, Dial dial) throws IOException {
    dials.incrementAndGet();
    var channel = dialer.dial(network, address, dial);
    open.add(channel);
    return channel;
  }

  int dials() {
    return dials.get();
  }

  int channelsOpen() {
    open.removeIf(channel -> !channel.isOpen());
    return open.size();
  }
}
