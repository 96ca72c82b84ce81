package io.drover.steve.http;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.SocketAddress;
import java.net.SocketOption;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.channels.spi.SelectorProvider;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A connection whose peer has sent all that it will, a portion at a time, and reads everything.
 * Without sockets, so that millions of them take minutes.
 */
final class MemoryChannel extends SocketChannel {
  private final ByteBuffer sent;
  private final int portion;
  private final ByteArrayOutputStream received = new ByteArrayOutputStream();

  MemoryChannel(byte[] sent, int portion) {
    super(SelectorProvider.provider());
    this.sent = ByteBuffer.wrap(sent);
    this.portion = portion;
  }

  /** What was answered. */
  byte[] received() {
    return received.toByteArray();
  }

  @Override
  public int read(ByteBuffer into) {
    if (!sent.hasRemaining()) {
      return -1;
    }
    int count = Math.min(portion, Math.min(into.remaining(), sent.remaining()));
    into.put(sent.slice(sent.position(), count));
    sent.position(sent.position() + count);
    return count;
  }

  @Override
  public int write(ByteBuffer from) {
    byte[] bytes = new byte[from.remaining()];
    from.get(bytes);
    received.writeBytes(bytes);
    return bytes.length;
  }

  @Override
  public SocketChannel shutdownOutput() {
    return this;
  }

  @Override
  protected void implCloseSelectableChannel() {
    // There is nothing behind it.
  }

  @Override
  protected void implConfigureBlocking(boolean block) {
    // It never blocks, and says that it does.
  }

  @Override
  public long read(ByteBuffer[] into, int offset, int length) {
    throw new UnsupportedOperationException();
  }

  @Override
  public long write(ByteBuffer[] from, int offset, int length) {
    throw new UnsupportedOperationException();
  }

  @Override
  public SocketChannel bind(@Nullable SocketAddress local) {
    throw new UnsupportedOperationException();
  }

  @Override
  public <T> SocketChannel setOption(SocketOption<T> name, @Nullable T value) {
    throw new UnsupportedOperationException();
  }

  @Override
  public <T> T getOption(SocketOption<T> name) {
    throw new UnsupportedOperationException();
  }

  @Override
  public Set<SocketOption<?>> supportedOptions() {
    return Set.of();
  }

  @Override
  public SocketChannel shutdownInput() {
    throw new UnsupportedOperationException();
  }

  @Override
  public java.net.Socket socket() {
    throw new UnsupportedOperationException();
  }

  @Override
  public boolean isConnected() {
    return true;
  }

  @Override
  public boolean isConnectionPending() {
    return false;
  }

  @Override
  public boolean connect(SocketAddress remote) throws IOException {
    throw new UnsupportedOperationException();
  }

  @Override
  public boolean finishConnect() {
    return true;
  }

  @Override
  public @Nullable SocketAddress getRemoteAddress() {
    return null;
  }

  @Override
  public @Nullable SocketAddress getLocalAddress() {
    return null;
  }
}
