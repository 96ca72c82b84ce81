package io.drover.agent.tunnel;

import io.drover.proto.tunnel.Message.Close;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * One stream's place in the {@link Outbox}: what it still has to say, and whether the peer wants to
 * hear it. Everything here is guarded by the outbox's lock and changed by the outbox only.
 */
final class Lane {
  /** Where the lane stands among those with data. */
  enum Turn {
    NONE,
    FRESH,
    WAITING
  }

  final long streamId;

  // Null until there is data, so that an idle stream costs nothing here.
  private @Nullable ArrayDeque<ByteBuffer> chunks;
  int queuedBytes;
  int deficitBytes;
  Turn turn = Turn.NONE;

  /** The farewell, behind all data; nothing is accepted after it. */
  @Nullable Close end;

  boolean dead;

  /** To be called once when there is room; null: nobody waits for it. */
  @Nullable Runnable atRoom;

  // Flow control, see Outbox.
  boolean held;
  int failedProbes;
  boolean probeScheduled;
  boolean probeDue;

  /** The ping that was sent behind the last probe; 0 if none is awaited. */
  long barrier;

  /** Data said since the last sign that the peer's buffer was small, while we hold the peer. */
  long unconfirmedBytes;

  /** Whether the peer was told of our Pause once more since that sign. */
  boolean reminded;

  Lane(long streamId) {
    this.streamId = streamId;
  }

  boolean isEmpty() {
    return queuedBytes == 0;
  }

  boolean hasWork() {
    return queuedBytes > 0 || end != null;
  }

  void add(ByteBuffer chunk) {
    if (chunks == null) {
      chunks = new ArrayDeque<>(4);
    }
    chunks.add(chunk);
    queuedBytes += chunk.remaining();
  }

  /** Adds bytes to those that were added last, if there is room behind them. */
  boolean join(ByteBuffer bytes) {
    var last = chunks == null ? null : chunks.peekLast();
    if (last == null || last.capacity() - last.limit() < bytes.remaining()) {
      return false;
    }
    int size = bytes.remaining();
    last.limit(last.limit() + size).put(last.limit() - size, bytes, bytes.position(), size);
    queuedBytes += size;
    return true;
  }

  /** How many bytes were added together and are next; the lane must not be empty. */
  int firstBytes() {
    return chunks == null ? 0 : chunks.element().remaining();
  }

  /** The next bytes, at most as many as given; the lane must not be empty. */
  ByteBuffer take(int maxBytes) {
    if (chunks == null) {
      throw new IllegalStateException("nothing to take: stream=" + streamId);
    }
    var chunk = chunks.element();
    ByteBuffer taken;
    if (chunk.remaining() <= maxBytes) {
      taken = chunks.remove();
    } else {
      taken = chunk.slice(chunk.position(), maxBytes);
      chunk.position(chunk.position() + maxBytes);
    }
    queuedBytes -= taken.remaining();
    return taken;
  }

  void discard() {
    chunks = null;
    queuedBytes = 0;
  }
}
