package io.drover.agent.tunnel;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.drover.agent.tunnel.FrameReader.FrameException;
import io.drover.proto.tunnel.MessageCodec;
import io.drover.proto.tunnel.ProtocolException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Whatever a server sends, in whatever portions: frames and messages, or the two exceptions that
 * say so. Runs as a plain test on a few inputs; {@code JAZZER_FUZZ=1} looks for more.
 */
class FrameFuzzTest {
  /** What came of some bytes. */
  private static final class Outcome implements FrameReader.Sink {
    final List<String> events = new ArrayList<>();
    long payloadBytes;
    private int messageHash = 1;

    @Override
    public void piece(ByteBuffer bytes, boolean first, boolean last) {
      if (bytes.capacity() > FrameReader.MAX_PIECE_BYTES) {
        throw new AssertionError("memory: " + bytes);
      }
      payloadBytes += bytes.remaining();
      if (first) {
        messageHash = 1;
        try {
          events.add(MessageCodec.decode(bytes).toString());
        } catch (ProtocolException e) {
          events.add(String.valueOf(e.getMessage()));
        }
      }
      for (var in = bytes.duplicate(); in.hasRemaining(); ) {
        messageHash = 31 * messageHash + in.get();
      }
      if (last) {
        events.add("message " + messageHash);
      }
    }

    @Override
    public void ping(ByteBuffer payload) {
      if (payload.remaining() > FrameReader.MAX_CONTROL_BYTES) {
        throw new AssertionError("too long: " + payload);
      }
      events.add("ping " + payload);
    }

    @Override
    public void pong() {
      events.add("pong");
    }

    @Override
    public void close(int code, String reason) {
      events.add("close " + code + " " + reason);
    }
  }

  @FuzzTest(maxDuration = "60s")
  void h16AnyBytesInAnyPortions(byte @Nullable [] bytes) {
    if (bytes != null && bytes.length > 0) {
      check(bytes);
    }
  }

  /** Fails unless portions of the bytes give the same as the whole, in bounded memory. */
  static void check(byte[] bytes) {
    var whole = read(bytes, bytes.length);
    var portions = read(bytes, 1 + (bytes[0] & 0x1F));

    if (!portions.events.equals(whole.events) || whole.payloadBytes > bytes.length) {
      throw new AssertionError("whole: " + whole.events + " portions: " + portions.events);
    }
  }

  private static Outcome read(byte[] bytes, int portion) {
    var outcome = new Outcome();
    var reader = new FrameReader(outcome);
    try {
      for (int from = 0; from < bytes.length; from += portion) {
        reader.read(ByteBuffer.wrap(bytes, from, Math.min(portion, bytes.length - from)));
      }
    } catch (FrameException e) {
      outcome.events.add(e.code() + " " + e.getMessage());
    }
    return outcome;
  }
}
