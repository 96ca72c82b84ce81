package io.drover.agent.tls;

import io.drover.agent.config.ProxyConfig;
import java.net.InetAddress;

/** Dialers that take every name for the same addresses. */
public final class TestDialer {
  private TestDialer() {}

  public static ServerDialer resolvingTo(InetAddress... addresses) {
    return new ServerDialer(ProxyConfig.NONE, ServerTrust::nobody, _ -> addresses);
  }
}
