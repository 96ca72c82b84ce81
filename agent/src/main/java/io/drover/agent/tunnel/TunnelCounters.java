package io.drover.agent.tunnel;

import java.util.concurrent.atomic.LongAdder;

/** What a tunnel has done since the start, over all its sessions. */
final class TunnelCounters {
  private final LongAdder sessions = new LongAdder();
  private final LongAdder streams = new LongAdder();
  private final LongAdder refusedStreams = new LongAdder();
  private final LongAdder dials = new LongAdder();
  private final LongAdder dialFailures = new LongAdder();
  private final LongAdder receivedBytes = new LongAdder();
  private final LongAdder sentBytes = new LongAdder();
  private final LongAdder pauses = new LongAdder();

  void sessionOpened() {
    sessions.increment();
  }

  void streamOpened() {
    streams.increment();
  }

  void streamRefused() {
    refusedStreams.increment();
  }

  void dialled() {
    dials.increment();
  }

  void dialFailed() {
    dialFailures.increment();
  }

  long receivedBytes() {
    return receivedBytes.sum();
  }

  void received(int bytes) {
    receivedBytes.add(bytes);
  }

  void sent(int bytes) {
    sentBytes.add(bytes);
  }

  void pausedByPeer() {
    pauses.increment();
  }

  /** The figures of this moment. */
  TunnelTotals totals() {
    return new TunnelTotals(
        sessions.sum(),
        streams.sum(),
        refusedStreams.sum(),
        dials.sum(),
        dialFailures.sum(),
        receivedBytes.sum(),
        sentBytes.sum(),
        pauses.sum());
  }
}
