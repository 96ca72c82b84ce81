package io.drover.agent.gateway;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketImpl;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;

/**
 * A connected channel, of whatever family, as TLS wants to have it. Its waits are ended by closing
 * the channel; it knows no time limits of its own.
 */
final class ChannelSocket extends Socket {
  private final SocketChannel channel;
  private final InputStream in;
  private final OutputStream out;

  ChannelSocket(SocketChannel channel) throws SocketException {
    super((SocketImpl) null); // nothing of one is used, and a gateway has hundreds
    this.channel = channel;
    this.in = Channels.newInputStream(channel);
    this.out = Channels.newOutputStream(channel);
  }

  @Override
  public InputStream getInputStream() {
    return in;
  }

  @Override
  public OutputStream getOutputStream() {
    return out;
  }

  @Override
  public boolean isConnected() {
    return true;
  }

  @Override
  public boolean isBound() {
    return true;
  }

  @Override
  public boolean isClosed() {
    return !channel.isOpen();
  }

  /** Some address: it is this process. */
  @Override
  public InetAddress getInetAddress() {
    return InetAddress.getLoopbackAddress();
  }

  @Override
  public int getSoLinger() {
    return -1;
  }

  @Override
  public void shutdownInput() throws IOException {
    channel.shutdownInput();
  }

  @Override
  public void shutdownOutput() throws IOException {
    channel.shutdownOutput();
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
