package io.drover.agent.control;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import io.drover.agent.retry.Sleeper;
import java.io.ByteArrayOutputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;

/** Asks a running agent at its socket, as the same user. */
public final class ControlClient {
  /** Path of the stacks of all threads. */
  public static final String THREADS = "/v1/threads";

  /** Path of every setting, and of what the JVM was told. */
  public static final String CONFIGURATION = "/v1/configuration";

  /** Path of the last problems of the tunnels. */
  public static final String REASONS = "/v1/reasons";

  /** Path of the newest report. */
  public static final String REPORT = "/v1/report";

  /** Path of the gateway's policy that is in force. */
  public static final String POLICY = "/v1/policy";

  /** Path of a recording of Java's flight recorder, which an order starts. */
  public static final String RECORDING = "/v1/recording";

  /** For one page. The agent is patient for less, and may serve another one first. */
  static final Duration LIMIT = ControlSocket.LIMIT.multipliedBy(2);

  /** Of an answer's head, or of why there is no page. */
  static final int MAX_TEXT_BYTES = 8 * 1024;

  private static final String OK = "HTTP/1.1 200 ";

  private final Path socket;
  private final Sleeper sleeper;

  /**
   * Connects when it is asked.
   *
   * @param sleeper waits for the limit
   */
  public ControlClient(Path socket, Sleeper sleeper) {
    this.socket = socket;
    this.sleeper = sleeper;
  }

  /**
   * Asks for a page. It ends with an {@link IOException} if it is not read within the limit.
   *
   * @throws IOException if nobody answers, or there is no such page; the message says why
   */
  public InputStream open(String path) throws IOException {
    return ask("GET", path);
  }

  /**
   * A page as a text.
   *
   * @param maxBytes what comes behind is left out
   * @throws IOException as {@link #open} does
   */
  public String read(String path, int maxBytes) throws IOException {
    try (var page = open(path)) {
      return new String(page.readNBytes(maxBytes), UTF_8);
    }
  }

  /**
   * Gives an order, under the limit of a page.
   *
   * @throws IOException if nobody answers, or it is not carried out; the message says why
   */
  public void order(String path) throws IOException {
    ask("POST", path).close();
  }

  private InputStream ask(String method, String path) throws IOException {
    SocketChannel channel;
    try {
      channel = SocketChannel.open(UnixDomainSocketAddress.of(socket));
    } catch (IOException | IllegalArgumentException | UnsupportedOperationException e) {
      throw new IOException(
          "no agent of this user listens at %s, see DROVER_LOG_SOCKET: %s"
              .formatted(socket, e.getMessage()),
          e);
    }
    var limit = Thread.ofVirtual().name("control-limit").start(() -> closeAfterLimit(channel));
    var body =
        new FilterInputStream(Channels.newInputStream(channel)) {
          @Override
          public void close() throws IOException {
            limit.interrupt();
            channel.close();
          }
        };
    try {
      var request = "%s %s HTTP/1.1\r\nHost: agent\r\n\r\n".formatted(method, path);
      channel.write(ByteBuffer.wrap(request.getBytes(ISO_8859_1)));
      String head = head(body);
      if (!head.startsWith(OK)) {
        throw new IOException(
            new String(body.readNBytes(MAX_TEXT_BYTES), UTF_8).strip() + bracketed(head));
      }
      return body;
    } catch (IOException e) {
      body.close();
      throw e;
    }
  }

  private static String bracketed(String head) {
    return " (" + head.lines().findFirst().orElse("no answer") + ")";
  }

  private static String head(InputStream in) throws IOException {
    var head = new ByteArrayOutputStream();
    while (head.size() < MAX_TEXT_BYTES) {
      int next = in.read();
      if (next < 0) {
        throw new IOException("the agent closed the connection");
      }
      head.write(next);
      if (next == '\n' && head.toString(ISO_8859_1).endsWith("\r\n\r\n")) {
        return head.toString(ISO_8859_1);
      }
    }
    throw new IOException("what answers is no agent");
  }

  private void closeAfterLimit(SocketChannel channel) {
    try {
      sleeper.sleep(LIMIT);
      channel.close();
    } catch (InterruptedException _) {
      // Read in time.
    } catch (IOException _) {
      // Then it ends by itself.
    }
  }
}
