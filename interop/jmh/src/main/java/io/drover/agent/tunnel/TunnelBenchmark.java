package io.drover.agent.tunnel;

import io.drover.agent.tunnel.FrameReader.FrameException;
import io.drover.agent.tunnel.Outbox.Item;
import io.drover.proto.tunnel.Message;
import io.drover.proto.tunnel.Message.Connect;
import io.drover.proto.tunnel.Message.Data;
import io.drover.proto.tunnel.MessageCodec;
import io.drover.proto.tunnel.ProtocolException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/**
 * What a byte meets between a socket and a websocket, each part alone: see {@code ./bench --jmh},
 * which says how it is measured.
 */
public class TunnelBenchmark {
  private static final int PIECE_BYTES = 32 * 1024;

  /** Messages of data, into a buffer that is there, and out of one. */
  @State(Scope.Thread)
  public static class DataMessages {
    @Param({"64", "1024", "32768"})
    public int bytes;

    private Message message;
    private ByteBuffer encoded;
    private ByteBuffer out;

    /** Before the first. */
    @Setup
    public void prepare() {
      message = new Data(1_234, ByteBuffer.allocate(bytes));
      encoded = MessageCodec.encode(message);
      out = ByteBuffer.allocate(encoded.remaining());
    }

    @Benchmark
    public ByteBuffer encode() {
      MessageCodec.encode(message, out.clear());
      return out;
    }

    @Benchmark
    public Message decode() throws ProtocolException {
      return MessageCodec.decode(encoded);
    }
  }

  /** The message that opens a stream. */
  @State(Scope.Thread)
  public static class ConnectMessages {
    private final Message message = new Connect(1_234, "tcp", "10.43.0.1:443");
    private final ByteBuffer encoded = MessageCodec.encode(message);
    private final ByteBuffer out = ByteBuffer.allocate(encoded.remaining());

    @Benchmark
    public ByteBuffer encode() {
      MessageCodec.encode(message, out.clear());
      return out;
    }

    @Benchmark
    public Message decode() throws ProtocolException {
      return MessageCodec.decode(encoded);
    }
  }

  /** Frames of 32 KiB of data. */
  @State(Scope.Thread)
  public static class Frames implements FrameReader.Sink {
    private final Message message = new Data(1_234, ByteBuffer.allocate(PIECE_BYTES));
    private final FrameWriter writer = new FrameWriter();
    private final FrameReader reader = new FrameReader(this);
    private final byte[] bytes = new byte[PIECE_BYTES];
    private ByteBuffer frame;
    private ByteBuffer piece;

    /** Before the first: a frame as a server sends it, without a mask. */
    @Setup
    public void prepare() {
      var payload = MessageCodec.encode(message);
      frame = ByteBuffer.allocate(4 + payload.remaining());
      frame.put((byte) 0x82).put((byte) 126).putShort((short) payload.remaining());
      frame.put(payload).flip();
    }

    @Benchmark
    public ByteBuffer write() {
      var written = writer.frame(message);
      writer.pool().give(written.array()); // as its writer does
      return written;
    }

    @Benchmark
    public byte[] mask() {
      FrameWriter.mask(bytes, 0, bytes.length, 0x12345678);
      return bytes;
    }

    @Benchmark
    public ByteBuffer read() throws FrameException {
      reader.read(frame.rewind());
      return piece;
    }

    @Override
    public void piece(ByteBuffer read, boolean first, boolean last) {
      piece = read;
    }

    @Override
    public void ping(ByteBuffer payload) {}

    @Override
    public void pong() {}

    @Override
    public void close(int code, String reason) {}
  }

  /** An outbox in which every stream has something to say, always: one is heard, and says more. */
  @State(Scope.Thread)
  public static class Outboxes {
    private static final int CHUNK_BYTES = 4 * 1024;

    @Param({"1", "16", "1000"})
    public int lanes;

    private final ByteBuffer chunk = ByteBuffer.allocate(CHUNK_BYTES);
    private final List<Lane> all = new ArrayList<>();
    private Outbox outbox;

    /** Before the first. */
    @Setup
    public void prepare() {
      outbox = new Outbox(new Clock());
      all.clear();
      for (int i = 0; i < lanes; i++) {
        var lane = outbox.lane(i);
        all.add(lane);
        outbox.say(lane, chunk.duplicate());
      }
    }

    @Benchmark
    public Item sayAndTake() throws InterruptedException {
      while (true) {
        var item = Objects.requireNonNull(outbox.take());
        if (item instanceof Item.Say(Data(var id, _))) {
          outbox.say(all.get((int) id), chunk.duplicate());
          return item;
        }
        outbox.onPong(); // it was a ping, and the peer is quick
      }
    }
  }

  /** What arrives on one stream and is written at once. */
  @State(Scope.Thread)
  public static class ReceiveBuffers {
    private final ByteBuffer piece = ByteBuffer.allocate(PIECE_BYTES);
    private final ReceiveBuffer buffer =
        new ReceiveBuffer(new BufferBudget(), new ArrayPool(ReceiveBuffer.KEPT_BYTES));

    @Benchmark
    public ByteBuffer putAndNext() {
      buffer.put(piece.duplicate());
      buffer.startDraining();
      var next = buffer.next();
      buffer.next(); // nothing: what was returned before is written
      return next;
    }
  }

  /** Time alone: no task is due within a measurement. */
  private static final class Clock implements Timer {
    @Override
    public long nanoTime() {
      return System.nanoTime();
    }

    @Override
    public Task after(Duration delay, Runnable task) {
      return () -> {};
    }

    @Override
    public void sleep(Duration duration) {}
  }
}
