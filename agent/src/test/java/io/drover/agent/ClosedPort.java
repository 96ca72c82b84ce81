package io.drover.agent;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;

/** A port that refuses: bound, so that nobody else gets it meanwhile, and not listened on. */
public final class ClosedPort implements AutoCloseable {
  private final Socket bound = new Socket();

  public ClosedPort() throws IOException {
    this(0);
  }

  /** One that was listened on until now. */
  public ClosedPort(int port) throws IOException {
    bound.bind(new InetSocketAddress(port));
  }

  public int port() {
    return bound.getLocalPort();
  }

  public String address() {
    return "127.0.0.1:" + port();
  }

  @Override
  public void close() throws IOException {
    bound.close();
  }
}
