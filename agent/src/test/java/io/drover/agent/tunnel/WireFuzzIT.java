package io.drover.agent.tunnel;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.stream.Collectors.joining;
import static org.assertj.core.api.Assertions.assertThat;

import io.drover.agent.tunnel.FrameReader.FrameException;
import io.drover.agent.tunnel.WireInputs.Input;
import io.drover.agent.tunnel.WireInputs.Kind;
import io.drover.proto.tunnel.Message;
import io.drover.proto.tunnel.Message.AddClient;
import io.drover.proto.tunnel.Message.Close;
import io.drover.proto.tunnel.Message.Connect;
import io.drover.proto.tunnel.Message.Data;
import io.drover.proto.tunnel.Message.Malformed;
import io.drover.proto.tunnel.Message.Pause;
import io.drover.proto.tunnel.Message.RemoveClient;
import io.drover.proto.tunnel.Message.Resume;
import io.drover.proto.tunnel.Message.SyncConnections;
import io.drover.proto.tunnel.Message.Unknown;
import io.drover.proto.tunnel.MessageCodec;
import io.drover.proto.tunnel.ProtocolException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.FutureTask;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Our codec and our frames beside Rancher's own library, input by input: the same verdict, the same
 * fields, but for the differences that are listed here and in {@code docs/conformance.md}.
 *
 * <p>{@code -Dwire.inputs=10000000} for more; {@code -Dwire.seed=…} for the same again.
 */
@Tag("interop")
class WireFuzzIT {
  private static final long INPUTS = Long.getLong("wire.inputs", 200_000);
  private static final long SEED =
      Long.getLong("wire.seed", ThreadLocalRandom.current().nextLong());
  private static final int BATCH = 10_000;

  /** What takes longer, here or there, hangs: a batch is a tenth of a second. */
  private static final long BATCH_LIMIT_SECONDS = 60;

  /** After so many there is nothing more to learn. */
  private static final int MAX_DISAGREEMENTS = 20;

  private static final String LONG_TARGET = "address too long";
  private static final Pattern CLOSE = Pattern.compile("close (\\d+) (.*)", Pattern.DOTALL);

  /** Where we mean to differ. */
  private enum Difference {
    /** Go cuts a Connect over 266 bytes and dials what is left; we refuse it. */
    LONG_TARGET,
    /** We end a message over 64 MiB when it is announced; Go knows no limit below 2^63. */
    BIG_MESSAGE,
    /**
     * We refuse text at its second byte and with 1003; Go when the header is whole, unless it finds
     * something else in it to refuse.
     */
    TEXT,
    /** We take any code and any reason of a close: it is the end all the same. */
    STRANGE_CLOSE,
    /** What comes in one read with a close, behind it, is still handed on; Go reads no further. */
    BEHIND_CLOSE
  }

  /**
   * What was made of an input.
   *
   * @param events in order, before the end
   * @param end how it ended; all there is to say of a message
   * @param readOn something came of what stood behind a close
   */
  @SuppressWarnings("ArrayRecordComponent") // never compared as a record
  private record Made(byte[] events, byte[] end, boolean readOn) {
    Made(String end) {
      this(new byte[0], end.getBytes(UTF_8), false);
    }
  }

  private final Map<Difference, Long> differences = new EnumMap<>(Difference.class);
  private final Map<Kind, Long> compared = new EnumMap<>(Kind.class);
  private final List<String> disagreements = new ArrayList<>();

  @Test
  void weAndTheGoLibraryMakeTheSameOfAnyBytes() throws Exception {
    System.out.printf("wire fuzz: inputs=%d seed=%d%n", INPUTS, SEED);
    var inputs = new WireInputs(SEED);
    long startNanos = System.nanoTime();
    try (var go = GoWire.start()) {
      for (long left = INPUTS;
          left > 0 && disagreements.size() < MAX_DISAGREEMENTS;
          left -= BATCH) {
        int count = (int) Math.min(BATCH, left);
        var batch = new FutureTask<>(() -> compare(go, inputs, count), null);
        Thread.ofVirtual().start(batch);
        batch.get(BATCH_LIMIT_SECONDS, TimeUnit.SECONDS);
      }
    }
    System.out.printf(
        "wire fuzz: seconds=%d compared=%s intended differences=%s%n",
        TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - startNanos), compared, differences);

    assertThat(disagreements).as("with -Dwire.seed=%d", SEED).isEmpty();
    assertThat(differences).as("every difference that is listed").containsKeys(Difference.values());
  }

  private void compare(GoWire go, WireInputs inputs, int count) {
    var asked = new ArrayList<Input>(count);
    for (int i = 0; i < count; i++) {
      asked.add(inputs.next());
    }
    try {
      go.ask(asked);
      var ours = asked.stream().map(WireFuzzIT::ours).toList(); // while Go is at it
      var answers = go.answers(count);
      for (int i = 0; i < count; i++) {
        compare(asked.get(i), ours.get(i), answers.get(i));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void compare(Input input, Made ours, byte[] answer) {
    compared.merge(input.kind(), 1L, Long::sum);
    var theirs =
        switch (input.kind()) {
          case MESSAGE -> inUtf8(answer);
          case THEIRS -> whole(read(answer, input.portion(), WireFuzzIT::decoded));
          case FRAMES, OURS -> answer;
        };
    int events = ours.events.length;
    boolean sameEvents =
        theirs.length >= events && Arrays.equals(ours.events, 0, events, theirs, 0, events);
    if (sameEvents) {
      var end = Arrays.copyOfRange(theirs, events, theirs.length);
      var difference =
          Arrays.equals(ours.end, end)
              ? ours.readOn ? Difference.BEHIND_CLOSE : null
              : difference(new String(ours.end, UTF_8), new String(end, UTF_8));
      if (difference != null) {
        differences.merge(difference, 1L, Long::sum);
      }
      if (difference != null || Arrays.equals(ours.end, end)) {
        return;
      }
    }
    disagreements.add(
        "%s %s: ours '%s', Go's '%s'"
            .formatted(
                input.kind(),
                HexFormat.of().formatHex(input.bytes()),
                WireTrace.printable(new String(whole(ours), UTF_8)),
                WireTrace.printable(new String(theirs, UTF_8))));
  }

  /** Which one this is, or null if it is none that we mean. */
  private static @Nullable Difference difference(String ours, String theirs) {
    if (ours.equals(LONG_TARGET)
        && (theirs.startsWith("CONNECT      [") || theirs.equals("refused"))) {
      return Difference.LONG_TARGET;
    }
    if (ours.equals("limit") && theirs.equals("open")) {
      return Difference.BIG_MESSAGE;
    }
    if (ours.equals("text") && List.of("open", "refused", "limit").contains(theirs)) {
      return Difference.TEXT;
    }
    var close = CLOSE.matcher(ours);
    if (close.matches()) {
      int code = Integer.parseInt(close.group(1));
      boolean strange = !isRegistered(code) || close.group(2).contains("\uFFFD");
      boolean halfACode = code == 1005 && theirs.equals("close 1005 ");
      return halfACode || (strange && theirs.equals("refused")) ? Difference.STRANGE_CLOSE : null;
    }
    return null;
  }

  /** Source: RFC 6455, 7.4, and the IANA's registry of close codes as gorilla/websocket has it. */
  private static boolean isRegistered(int code) {
    return (code >= 1000 && code <= 1003)
        || (code >= 1007 && code <= 1013)
        || (code >= 3000 && code <= 4999);
  }

  // ---- what we make of it

  private static Made ours(Input input) {
    try {
      return switch (input.kind()) {
        case MESSAGE -> new Made(new byte[0], decoded(input.bytes()), false);
        case FRAMES -> read(input.bytes(), input.portion(), message -> message);
        case OURS -> expected(input.messages(), /* pongs= */ true);
        case THEIRS -> expected(input.messages(), /* pongs= */ false);
      };
    } catch (RuntimeException e) {
      return new Made("crash: " + e);
    }
  }

  private static Made expected(List<Message> messages, boolean pongs) {
    var events = new ByteArrayOutputStream();
    for (var message : messages) {
      event(events, "message", text(message));
      events.writeBytes((pongs ? "pong\n" : "").getBytes(UTF_8));
    }
    return new Made(events.toByteArray(), "open".getBytes(UTF_8), false);
  }

  private static byte[] decoded(byte[] message) {
    try {
      return text(MessageCodec.decode(ByteBuffer.wrap(message)));
    } catch (ProtocolException e) {
      return "no message".getBytes(UTF_8);
    }
  }

  /** In the words of the Go library's log, without the message's id. */
  private static byte[] text(Message message) {
    if (message instanceof Data(var id, var payload)) {
      var head = ("DATA         [" + id + "]: buffered\n").getBytes(UTF_8);
      return ByteBuffer.allocate(head.length + payload.remaining())
          .put(head)
          .put(payload.duplicate())
          .array();
    }
    var text =
        switch (message) {
          case Connect(var id, var network, var address) ->
              "CONNECT      [" + id + "]: " + network + "/" + address;
          case Close(var id, var reason) -> "ERROR        [" + id + "]: " + reason;
          case AddClient(var key, var session) -> "ADDCLIENT " + key + "/" + session;
          case RemoveClient(var key, var session) -> "REMOVECLIENT " + key + "/" + session;
          case Pause(var id) -> "PAUSE        [" + id + "]";
          case Resume(var id) -> "RESUME       [" + id + "]";
          case SyncConnections(var ids) ->
              ids.stream().map(String::valueOf).collect(joining(" ", "SYNCCONNS [", "]"));
          case Unknown(var type) -> "UNKNOWN " + type;
          case Malformed malformed ->
              malformed.problem().equals(LONG_TARGET) ? LONG_TARGET : "refused";
          case Data _ -> throw new IllegalStateException("handled above");
        };
    return text.getBytes(UTF_8);
  }

  /** Text that is no UTF-8 as we show it: what is odd in it becomes U+FFFD. */
  private static byte[] inUtf8(byte[] answer) {
    boolean isData = answer.length > 0 && answer[0] == 'D';
    return isData ? answer : new String(answer, UTF_8).getBytes(UTF_8);
  }

  private static byte[] whole(Made made) {
    return ByteBuffer.allocate(made.events.length + made.end.length)
        .put(made.events)
        .put(made.end)
        .array();
  }

  private static void event(ByteArrayOutputStream out, String name, byte[] payload) {
    out.writeBytes((name + " " + payload.length + " ").getBytes(UTF_8));
    out.writeBytes(payload);
    out.write('\n');
  }

  /** What our reader makes of frames that come in portions. */
  private static Made read(byte[] frames, int portion, UnaryOperator<byte[]> show) {
    var seen = new Seen(show);
    var reader = new FrameReader(seen);
    var end = "open";
    try {
      for (int from = 0; from < frames.length && seen.close == null; from += portion) {
        reader.read(ByteBuffer.wrap(frames, from, Math.min(portion, frames.length - from)));
      }
    } catch (FrameException e) {
      seen.readOn = seen.close != null;
      end =
          switch (e.code()) {
            case FrameReader.TOO_BIG -> "limit";
            case FrameReader.NOT_BINARY -> "text";
            case FrameReader.PROTOCOL_ERROR -> "refused";
            default -> throw new IllegalStateException("code " + e.code());
          };
    }
    var close = seen.close;
    return new Made(
        seen.events.toByteArray(), (close == null ? end : close).getBytes(UTF_8), seen.readOn);
  }

  /** Events in the form of Go's answer, up to a close. */
  private static final class Seen implements FrameReader.Sink {
    final ByteArrayOutputStream events = new ByteArrayOutputStream();
    private final ByteArrayOutputStream message = new ByteArrayOutputStream();
    private final UnaryOperator<byte[]> show;
    @Nullable String close;
    boolean readOn;

    Seen(UnaryOperator<byte[]> show) {
      this.show = show;
    }

    @Override
    public void piece(ByteBuffer bytes, boolean first, boolean last) {
      if (isOver()) {
        return;
      }
      message.writeBytes(WireInputs.bytes(bytes));
      if (last) {
        event(events, "message", show.apply(message.toByteArray()));
        message.reset();
      }
    }

    @Override
    public void ping(ByteBuffer payload) {
      if (!isOver()) {
        event(events, "ping", WireInputs.bytes(payload));
      }
    }

    @Override
    public void pong() {
      if (!isOver()) {
        events.writeBytes("pong\n".getBytes(UTF_8));
      }
    }

    @Override
    public void close(int code, String reason) {
      if (!isOver()) {
        close = "close " + code + " " + reason;
      }
    }

    private boolean isOver() {
      readOn |= close != null;
      return close != null;
    }
  }
}
