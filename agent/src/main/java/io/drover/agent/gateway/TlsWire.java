package io.drover.agent.gateway;

import io.drover.steve.http.GatheringOutput;
import io.drover.steve.http.Wire;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.channels.SocketChannel;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;

/** TLS, which ends here: the near end of a stream is its server. */
final class TlsWire implements Wire {
  private final SocketChannel near;
  private final SSLSocket socket;
  private final InputStream in;
  private final OutputStream out;

  /** Says nothing yet. */
  TlsWire(SSLContext context, SocketChannel near) throws IOException {
    this.near = near;
    socket =
        (SSLSocket) context.getSocketFactory().createSocket(new ChannelSocket(near), null, true);
    in = socket.getInputStream();
    out = new GatheringOutput(socket.getOutputStream());
  }

  @Override
  public void open() throws IOException {
    socket.startHandshake();
  }

  @Override
  public InputStream in() {
    return in;
  }

  @Override
  public OutputStream out() {
    return out;
  }

  @Override
  public void end() throws IOException {
    out.flush();
    socket.shutdownOutput();
    near.shutdownOutput();
  }
}
