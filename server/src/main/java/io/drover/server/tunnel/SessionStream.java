package io.drover.server.tunnel;

import io.drover.proto.tunnel.Message.Close;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;

/** A stream of a session of ours. */
final class SessionStream extends AbstractTunnelStream {
  private final long id;
  private final ServerSession session;
  private final ReceiveBuffer received;
  private final Outbox outbox;
  // Of the session's reader thread only.
  private boolean missing;
  private final long openedNanos = System.nanoTime();

  SessionStream(long id, ServerSession session, ReceiveBuffer received, Outbox outbox) {
    this.id = id;
    this.session = session;
    this.received = received;
    this.outbox = outbox;
  }

  @Override
  public long id() {
    return id;
  }

  @Override
  protected int read(byte[] target, int offset, int length) throws IOException {
    return received.read(target, offset, length);
  }

  @Override
  protected int unreadBytes() {
    return received.unreadBytes();
  }

  @Override
  protected void write(byte[] source, int offset, int length) throws IOException {
    outbox.put(id, source, offset, length);
  }

  @Override
  public boolean isOpen() {
    return session.knows(this);
  }

  @Override
  public Optional<String> failure() {
    return Optional.ofNullable(received.failure());
  }

  @Override
  public void close() {
    session.close(this);
  }

  @Override
  public void abort(String reason) {
    session.abort(this, reason);
  }

  @Override
  public Limit abortAfter(Duration duration, String reason) {
    return session.schedule(duration, () -> abort(reason));
  }

  ReceiveBuffer received() {
    return received;
  }

  void onClose(String reason) {
    received.end(reason);
    outbox.drop(id, null);
  }

  void onLocalClose() {
    received.drop("stream closed");
    outbox.finish(id, Close.END_OF_FILE);
  }

  void onAbort(String reason, boolean tellAgent) {
    received.drop(reason);
    outbox.drop(id, tellAgent ? reason : null);
  }

  /** The agent's list has this stream, or not; true if it is missing for the second time. */
  boolean onListed(boolean listed, long graceNanos) {
    if (listed || System.nanoTime() - openedNanos < graceNanos) {
      missing = false;
      return false;
    }
    boolean again = missing;
    missing = true;
    return again;
  }
}
