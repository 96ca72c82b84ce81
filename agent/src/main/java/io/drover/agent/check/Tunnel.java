package io.drover.agent.check;

import io.drover.agent.config.Secret;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import javax.net.ssl.SSLContext;

/** What a check needs of the tunnels. Methods block, within limits. */
public interface Tunnel {
  /**
   * Shows the server a registration token together with parameters that it must refuse: nothing is
   * opened, and the server keeps nothing.
   *
   * @param server as in the credentials
   * @param parameterBytes length of the parameters' header value
   * @throws IOException unless the server knows the token; with the reason
   */
  void showToken(URI server, Secret token, int parameterBytes, SSLContext trust)
      throws IOException, InterruptedException;

  /** Opens a session of the second tunnel, whose key holds no address and no credentials. */
  Session open(URI server, Secret token, SSLContext trust) throws IOException, InterruptedException;

  /** See {@link #open}. */
  interface Session extends AutoCloseable {
    /** Sends a frame with so many bytes of data, and waits for what the server says to it. */
    void sendFrame(int bytes) throws IOException, InterruptedException;

    /** Waits so long, with only pings in the session. */
    void hold(Duration duration) throws IOException, InterruptedException;

    @Override
    void close();
  }
}
