package io.drover.steve.http;

import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.Socket;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Holds back what is small until {@link Pieces#BYTES} are full or it is flushed, as a {@link
 * java.io.BufferedOutputStream} does, but has an array only while something is held back. Any
 * thread; one waits for the other.
 */
public final class GatheringOutput extends FilterOutputStream {
  private final Pieces pieces;
  private final ReentrantLock lock = new ReentrantLock();

  // Guarded by lock.
  private byte @Nullable [] held;
  private int count;

  /** Nothing is held back yet. */
  public GatheringOutput(OutputStream out) {
    this(out, Pieces.shared());
  }

  GatheringOutput(OutputStream out, Pieces pieces) {
    super(out);
    this.pieces = pieces;
  }

  @Override
  public void write(int b) throws IOException {
    write(new byte[] {(byte) b}, 0, 1);
  }

  @Override
  public void write(byte[] bytes, int offset, int length) throws IOException {
    lock.lock();
    try {
      if (length > Pieces.BYTES - count) {
        pass();
      }
      if (length >= Pieces.BYTES) {
        out.write(bytes, offset, length);
      } else if (length > 0) {
        var piece = held;
        if (piece == null) {
          piece = pieces.take();
          held = piece;
        }
        System.arraycopy(bytes, offset, piece, count, length);
        count += length;
      }
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void flush() throws IOException {
    lock.lock();
    try {
      pass();
      out.flush();
    } finally {
      lock.unlock();
    }
  }

  /** Closes the socket that this writes to. Does not wait for another thread that writes. */
  public void close(Socket socket) throws IOException {
    if (lock.isLocked() && !lock.isHeldByCurrentThread()) {
      socket.setSoLinger(true, 0); // whoever writes may never be done, and TLS would wait for him
    }
    socket.close();
  }

  private void pass() throws IOException {
    var piece = held;
    if (piece == null) {
      return;
    }
    int length = count;
    held = null;
    count = 0;
    out.write(piece, 0, length);
    pieces.give(piece); // not if that failed: nobody knows who still looks at it
  }
}
