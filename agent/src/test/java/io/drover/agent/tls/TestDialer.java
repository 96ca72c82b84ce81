package io.drover.agent.tls;

import io.drover.agent.config.ProxyConfig;
import java.net.InetAddress;
import javax.net.ssl.SSLContext;

/** Dialers that take every name for the same addresses. */
public final class TestDialer {
  private TestDialer() {}

  public static ServerDialer resolvingTo(InetAddress... addresses) throws Exception {
    return new ServerDialer(ProxyConfig.NONE, SSLContext.getDefault(), _ -> addresses);
  }
}
