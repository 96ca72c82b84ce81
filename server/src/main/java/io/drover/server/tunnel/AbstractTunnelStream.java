package io.drover.server.tunnel;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;

/** The two directions of a stream, in terms of three methods. */
public abstract class AbstractTunnelStream implements TunnelStream {
  /** As {@link InputStream#read(byte[], int, int)}. */
  protected abstract int read(byte[] target, int offset, int length) throws IOException;

  /** How many bytes can be read without waiting. */
  protected abstract int unreadBytes();

  /** As {@link OutputStream#write(byte[], int, int)}. */
  protected abstract void write(byte[] source, int offset, int length) throws IOException;

  @Override
  public final InputStream input() {
    return new InputStream() {
      @Override
      public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
      }

      @Override
      public int read(byte[] target, int offset, int length) throws IOException {
        return AbstractTunnelStream.this.read(target, offset, length);
      }

      @Override
      public int available() {
        return unreadBytes();
      }

      @Override
      public void close() {
        AbstractTunnelStream.this.close();
      }
    };
  }

  @Override
  public final OutputStream output() {
    return new OutputStream() {
      @Override
      public void write(int b) throws IOException {
        write(new byte[] {(byte) b}, 0, 1);
      }

      @Override
      public void write(byte[] source, int offset, int length) throws IOException {
        AbstractTunnelStream.this.write(source, offset, length);
      }

      @Override
      public void close() {
        AbstractTunnelStream.this.close();
      }
    };
  }
}
