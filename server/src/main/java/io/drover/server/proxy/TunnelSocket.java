package io.drover.server.proxy;

import io.drover.server.tunnel.TunnelStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;

/**
 * A stream in the shape that {@link javax.net.ssl.SSLSocketFactory} wants. Options of real sockets
 * have no effect; time limits are {@link TunnelStream#abortAfter}. Whatever TLS asks a socket for
 * is answered here: Java's own answer would open a descriptor for it that nobody closes.
 */
final class TunnelSocket extends Socket {
  private final TunnelStream stream;

  TunnelSocket(TunnelStream stream) {
    this.stream = stream;
  }

  @Override
  public InputStream getInputStream() {
    return stream.input();
  }

  @Override
  public OutputStream getOutputStream() {
    return stream.output();
  }

  @Override
  public boolean isConnected() {
    return true;
  }

  @Override
  public boolean isClosed() {
    return !stream.isOpen();
  }

  @Override
  public int getPort() {
    return 0;
  }

  @Override
  public int getSoLinger() {
    return -1;
  }

  @Override
  public int getSoTimeout() {
    return 0;
  }

  @Override
  public void setSoTimeout(int timeoutMillis) {
    // See the class comment.
  }

  @Override
  public void setTcpNoDelay(boolean on) {
    // See the class comment.
  }

  @Override
  public void close() {
    stream.close();
  }

  @Override
  public String toString() {
    return "TunnelSocket[stream=" + stream.id() + "]";
  }
}
