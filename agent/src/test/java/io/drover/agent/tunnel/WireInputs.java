package io.drover.agent.tunnel;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.drover.proto.tunnel.Message;
import io.drover.proto.tunnel.Message.AddClient;
import io.drover.proto.tunnel.Message.Close;
import io.drover.proto.tunnel.Message.Connect;
import io.drover.proto.tunnel.Message.Data;
import io.drover.proto.tunnel.Message.Pause;
import io.drover.proto.tunnel.Message.RemoveClient;
import io.drover.proto.tunnel.Message.Resume;
import io.drover.proto.tunnel.Message.SyncConnections;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.LongStream;

/**
 * Inputs to compare two ends of a tunnel with: sound ones, ones that are nearly so, and rubbish. A
 * seed gives the same inputs for ever.
 */
final class WireInputs {
  /** What is to be done with an input. */
  enum Kind {
    /** The bytes of a binary message are decoded. */
    MESSAGE(0),
    /** Frames of a server are read. */
    FRAMES(1),
    /** Frames that we have made are read by a server. */
    OURS(2),
    /** A server makes a frame, or fragments, which we read. */
    THEIRS(3);

    /** What {@code interop/wire} knows it by. */
    final int code;

    Kind(int code) {
      this.code = code;
    }
  }

  /**
   * One input.
   *
   * @param bytes what Go gets
   * @param messages those in the frames of {@link Kind#OURS}, a pong behind each; the one of {@link
   *     Kind#THEIRS}
   * @param portion how many bytes our reader gets at a time
   */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record Input(Kind kind, byte[] bytes, List<Message> messages, int portion) {}

  private static final long[] NUMBERS = {
    0, 1, 2, -1, 63, 64, -64, -65, 8191, 8192, 1L << 31, 1L << 32, Long.MAX_VALUE, Long.MIN_VALUE
  };
  private static final String[] TARGETS = {
    "tcp/10.43.0.1:443",
    "tcp/[fd00::1]:6443",
    "tcp/not-used:80",
    "unix//var/run/docker.sock",
    "tcp/",
    "/",
    "",
    "tcp",
    "/10.0.0.1:443",
    "tcp/a/b:80",
    "tcp/\0:1",
    "tcp/h\u00f6st:1"
  };
  private static final String[] REASONS = {
    "EOF",
    "EOF\n",
    "eof",
    "",
    "\0",
    "dial tcp 10.0.0.1:443: connect: connection refused",
    "\ud83d\ude00 \u00e9\n"
  };
  private static final String[] CLIENTS = {
    "c-m-abcd1234/3328451335138149956",
    "c/0",
    "c/-1",
    "c/+1",
    "c/-0",
    "c/007",
    "c/",
    "/1",
    "/",
    "",
    "c",
    "c/1/2",
    "c/ 1",
    "c/1_0",
    "c/0x10",
    "c/\u0663",
    "c/-",
    "c/9223372036854775807",
    "c/9223372036854775808",
    "c/-9223372036854775809"
  };
  private static final int[] LENGTHS = {0, 1, 2, 5, 124, 125, 126, 127, 128, 255, 256};
  private static final int[] CLOSE_CODES = {
    0, 999, 1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1011, 1014, 1015, 1016, 2999, 3000,
    4999, 5000, 65535
  };

  private final SplittableRandom random;
  private final FrameWriter writer = new FrameWriter();

  WireInputs(long seed) {
    random = new SplittableRandom(seed);
  }

  Input next() {
    int portion = random.nextInt(8) == 0 ? 1 : 1 + random.nextInt(200);
    return switch (random.nextInt(20)) {
      case 0, 1 -> ours(portion);
      case 2, 3 -> theirs(portion);
      case 4, 5, 6, 7, 8, 9 -> new Input(Kind.FRAMES, frames(), List.of(), portion);
      default -> new Input(Kind.MESSAGE, message(), List.of(), portion);
    };
  }

  // ---- bytes that are messages, or nearly

  private byte[] message() {
    if (random.nextInt(20) == 0) {
      return bytes(random.nextInt(40));
    }
    var out = new ByteArrayOutputStream();
    long type = type();
    number(out, number());
    number(out, number());
    number(out, type);
    if (type == 1 || type == 2 || random.nextInt(20) == 0) {
      number(out, random.nextInt(3) == 0 ? number() : 15_000);
    }
    out.writeBytes(payload(type));
    return random.nextInt(3) == 0 ? mutated(out.toByteArray()) : out.toByteArray();
  }

  private long type() {
    return switch (random.nextInt(12)) {
      case 0 -> number();
      case 1 -> random.nextLong(-1, 11);
      case 2 -> (1L << 32) + random.nextLong(0, 9);
      default -> 1 + random.nextInt(8);
    };
  }

  private byte[] payload(long type) {
    if (random.nextInt(15) == 0) {
      return bytes(random.nextInt(300));
    }
    // By its last digits: a type of more than 32 bits gets what it could be mistaken for.
    return switch ((int) type) {
      case 2 -> text(TARGETS, Connect.MAX_TARGET_BYTES);
      case 3 -> text(REASONS, Close.MAX_REASON_BYTES);
      case 4, 5 -> text(CLIENTS, Close.MAX_REASON_BYTES);
      case 6, 7 -> bytes(random.nextInt(4) == 0 ? random.nextInt(10) : 0);
      case 8 -> bytes(8 * random.nextInt(6) + (random.nextInt(5) == 0 ? random.nextInt(8) : 0));
      default -> bytes(random.nextInt(500) == 0 ? random.nextInt(70_000) : random.nextInt(64));
    };
  }

  /** One of the texts, as it is or drawn out to about the limit. */
  private byte[] text(String[] texts, int limitBytes) {
    var text = texts[random.nextInt(texts.length)];
    if (random.nextInt(6) == 0) {
      var filling = random.nextBoolean() ? "a" : "\u00e9";
      int wanted = limitBytes - 3 + random.nextInt(random.nextInt(4) == 0 ? 1_000 : 8);
      int length =
          Math.max(0, wanted - text.getBytes(UTF_8).length) / filling.getBytes(UTF_8).length;
      text = random.nextBoolean() ? text + filling.repeat(length) : filling.repeat(length) + text;
    }
    return text.getBytes(UTF_8);
  }

  private long number() {
    return switch (random.nextInt(4)) {
      case 0 -> NUMBERS[random.nextInt(NUMBERS.length)];
      case 1 -> random.nextLong() >> random.nextInt(Long.SIZE);
      default -> random.nextInt(100);
    };
  }

  /** A zig-zag varint; now and then longer than it need be, or longer than it may be. */
  private void number(ByteArrayOutputStream out, long value) {
    long bits = (value << 1) ^ (value >> 63);
    int length = 1;
    for (long rest = bits >>> 7; rest != 0; rest >>>= 7) {
      length++;
    }
    if (random.nextInt(12) == 0) {
      length += random.nextInt(12 - Math.min(length, 11));
    }
    for (int i = 0; i < length - 1; i++) {
      out.write(((int) (i < 10 ? bits >>> (7 * i) : 0) & 0x7F) | 0x80);
    }
    int last = (int) (length <= 10 ? bits >>> (7 * (length - 1)) : 0) & 0x7F;
    out.write(length == 10 && random.nextInt(8) == 0 ? last | 2 : last);
  }

  // ---- bytes that are frames of a server, or nearly

  private byte[] frames() {
    if (random.nextInt(20) == 0) {
      return bytes(random.nextInt(40));
    }
    var out = new ByteArrayOutputStream();
    boolean inMessage = false;
    for (int i = random.nextInt(6); i >= 0; i--) {
      boolean control = random.nextInt(3) == 0;
      boolean fin = control || random.nextInt(3) != 0;
      int opcode = control ? 9 + random.nextInt(2) : inMessage ? 0 : 2;
      if (random.nextInt(20) == 0) {
        opcode = 8;
      }
      if (random.nextInt(30) == 0) {
        opcode = random.nextInt(16);
        fin = random.nextBoolean();
      }
      frame(out, fin, opcode);
      inMessage = control ? inMessage : !fin;
    }
    return random.nextInt(4) == 0 ? mutated(out.toByteArray()) : out.toByteArray();
  }

  private void frame(ByteArrayOutputStream out, boolean fin, int opcode) {
    int reserved = random.nextInt(60) == 0 ? random.nextInt(8) << 4 : 0;
    out.write((fin ? 0x80 : 0) | reserved | opcode);
    var payload = opcode == 8 ? closePayload() : bytes(frameLength(opcode));
    long announced = payload.length;
    if (random.nextInt(80) == 0) {
      announced = random.nextBoolean() ? random.nextLong() : announced + random.nextInt(10);
    }
    boolean forced = random.nextInt(20) == 0; // 126 or 127 where fewer bits would do
    int mask = random.nextInt(100) == 0 ? 0x80 : 0;
    if (announced >= 0 && announced < 126 && !forced) {
      out.write(mask | (int) announced);
    } else if (announced >= 0 && announced < 1 << 16 && !(forced && random.nextBoolean())) {
      out.write(mask | 126);
      out.write((int) announced >> 8);
      out.write((int) announced);
    } else {
      out.write(mask | 127);
      out.writeBytes(ByteBuffer.allocate(8).putLong(announced).array());
    }
    out.writeBytes(payload);
  }

  private int frameLength(int opcode) {
    if (opcode > 8) {
      return random.nextInt(4) == 0 ? LENGTHS[random.nextInt(LENGTHS.length)] : random.nextInt(10);
    }
    return switch (random.nextInt(1_000)) {
      case 0 -> 65_534 + random.nextInt(5);
      case 1 -> random.nextInt(200_000);
      default ->
          random.nextInt(3) == 0 ? LENGTHS[random.nextInt(LENGTHS.length)] : random.nextInt(30);
    };
  }

  private byte[] closePayload() {
    if (random.nextInt(6) == 0) {
      return bytes(random.nextInt(3));
    }
    int code =
        random.nextInt(4) == 0
            ? random.nextInt(1 << 16)
            : CLOSE_CODES[random.nextInt(CLOSE_CODES.length)];
    var reason = random.nextInt(8) == 0 ? bytes(random.nextInt(20)) : text(REASONS, 123);
    return ByteBuffer.allocate(2 + reason.length).putShort((short) code).put(reason).array();
  }

  // ---- sound messages, encoded by one end for the other

  private Input ours(int portion) {
    var out = new ByteArrayOutputStream();
    var ping = ByteBuffer.wrap(bytes(random.nextInt(126)));
    var messages = new ArrayList<Message>();
    for (int i = random.nextInt(3); i >= 0; i--) {
      var message = sound();
      messages.add(message);
      out.writeBytes(bytes(writer.frame(message)));
      out.writeBytes(bytes(writer.frame(FrameWriter.PONG, ping)));
    }
    return new Input(Kind.OURS, out.toByteArray(), messages, portion);
  }

  private Input theirs(int portion) {
    var message = sound();
    var out = new ByteArrayOutputStream();
    out.write(random.nextBoolean() ? 0 : 1 + random.nextInt(64));
    switch (message) {
      case Data(var id, var payload) -> describe(out, 1, id, bytes(payload));
      case Connect(var id, var network, var address) ->
          describe(out, 2, id, (network + "/" + address).getBytes(UTF_8));
      case Close(var id, var reason) -> describe(out, 3, id, reason.getBytes(UTF_8));
      case AddClient(var key, var session) ->
          describe(out, 4, 0, (key + "/" + session).getBytes(UTF_8));
      case RemoveClient(var key, var session) ->
          describe(out, 5, 0, (key + "/" + session).getBytes(UTF_8));
      case Pause(var id) -> describe(out, 6, id, new byte[0]);
      case Resume(var id) -> describe(out, 7, id, new byte[0]);
      case SyncConnections(var ids) -> {
        var list = ByteBuffer.allocate(Long.BYTES * ids.size());
        ids.forEach(list::putLong);
        describe(out, 8, 0, list.array());
      }
      default -> throw new IllegalStateException("not sound: " + message);
    }
    return new Input(Kind.THEIRS, out.toByteArray(), List.of(message), portion);
  }

  private static void describe(ByteArrayOutputStream out, int type, long id, byte[] payload) {
    out.write(type);
    out.writeBytes(ByteBuffer.allocate(Long.BYTES).putLong(id).array());
    out.writeBytes(payload);
  }

  private Message sound() {
    return switch (random.nextInt(8)) {
      case 0 -> connect();
      case 1 -> new Close(number(), random.nextBoolean() ? Close.END_OF_FILE : word(20));
      case 2 -> new AddClient(word(10), number());
      case 3 -> new RemoveClient(word(10), number());
      case 4 -> new Pause(number());
      case 5 -> new Resume(number());
      case 6 ->
          new SyncConnections(
              LongStream.generate(this::number).limit(random.nextInt(20)).boxed().toList());
      default ->
          new Data(
              number(),
              ByteBuffer.wrap(bytes(random.nextInt(random.nextInt(300) == 0 ? 70_000 : 300))));
    };
  }

  private Connect connect() {
    var network = word(1 + random.nextInt(10));
    var address = word(random.nextInt(40));
    if (random.nextInt(8) == 0) {
      int bytes = (network + "/" + address).getBytes(UTF_8).length;
      address += "a".repeat(Connect.MAX_TARGET_BYTES - bytes);
    }
    return new Connect(number(), network, address);
  }

  /** Some characters of one to four bytes, none of them a slash. */
  private String word(int characters) {
    var word = new StringBuilder();
    for (int i = 0; i < characters; i++) {
      switch (random.nextInt(20)) {
        case 0 -> word.append('\u00e9');
        case 1 -> word.append('\u20ac');
        case 2 -> word.appendCodePoint(0x1F600);
        case 3 -> word.append('\0');
        default -> word.append((char) ('0' + random.nextInt(74)));
      }
    }
    return word.toString();
  }

  // ---- bytes

  private byte[] mutated(byte[] sound) {
    var bytes = sound;
    for (int i = random.nextInt(3); i >= 0 && bytes.length > 0; i--) {
      int at = random.nextInt(bytes.length);
      switch (random.nextInt(6)) {
        case 0 -> bytes = Arrays.copyOf(bytes, at);
        case 1 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
        case 2 -> bytes[at] = (byte) random.nextInt(256);
        case 3 -> bytes[at] = new byte[] {0, 1, 0x7F, (byte) 0x80, (byte) 0xFF}[random.nextInt(5)];
        case 4 -> bytes = spliced(bytes, at, bytes(1), at);
        default -> bytes = spliced(bytes, at, new byte[0], at + 1);
      }
    }
    return bytes;
  }

  private static byte[] spliced(byte[] bytes, int to, byte[] insert, int from) {
    var out = new ByteArrayOutputStream();
    out.write(bytes, 0, to);
    out.writeBytes(insert);
    out.write(bytes, from, bytes.length - from);
    return out.toByteArray();
  }

  private byte[] bytes(int length) {
    var bytes = new byte[length];
    random.nextBytes(bytes);
    return bytes;
  }

  static byte[] bytes(ByteBuffer buffer) {
    var bytes = new byte[buffer.remaining()];
    buffer.duplicate().get(bytes);
    return bytes;
  }
}
