package io.drover.agent.gateway;

import io.drover.agent.gateway.audit.Entry;
import io.drover.agent.gateway.standin.StandIns;
import io.drover.steve.http.Answer;
import io.drover.steve.http.Fields;
import io.drover.steve.http.Pieces;
import io.drover.steve.http.Request;
import io.drover.steve.http.UpstreamConnection;
import io.drover.steve.http.UpstreamConnection.Head;
import io.drover.steve.http2.Http2Stream;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.time.Duration;
import java.util.Set;
import java.util.function.IntSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One request on its way to the API server, and the answer on its way back. Runs in the thread of
 * its connection; a big body, and what the server says after an upgrade, have another one.
 */
final class Exchange {
  /** Bodies up to this many bytes are sent before the answer is waited for. */
  static final int SMALL_BODY_BYTES = 64 * 1024;

  /** For the API server to say that a body may come, after which it is sent anyway. */
  static final Duration CONTINUE_LIMIT = Duration.ofSeconds(1);

  /** For the end of a body that is answered already, before its connection is given up. */
  static final Duration SENT_LIMIT = Duration.ofSeconds(1);

  private static final int PIECE_BYTES = 16 * 1024;

  /** What is waited with, for an answer to go on. */
  private static final int FIRST_BYTES = 256;

  /** The end of one chunk, with nothing of the next: what may be waiting though all was read. */
  private static final int CHUNK_END_BYTES = 2;

  private static final Set<String> REPEATABLE = Set.of("GET", "HEAD", "OPTIONS");
  private static final Set<Integer> WITHOUT_BODY =
      Set.of(HttpURLConnection.HTTP_NO_CONTENT, HttpURLConnection.HTTP_NOT_MODIFIED);
  private static final Logger log = LoggerFactory.getLogger(Exchange.class);

  private final Upstream upstream;
  private final Request request;
  private final RequestHead head;
  private final Fields fields;
  private final Answer answer;
  private final Entry entry;
  private final InputStream body;
  private final @Nullable StandIns standIns;

  // Guarded by this.
  private @Nullable Closeable asked; // a connection, or a stream of a shared one; null: nothing yet
  private boolean finished;

  /** The body has come to its end, so that what follows is another request. */
  private boolean read;

  /** It has gone to the API server, to its end. */
  private boolean sent;

  /** Sends a big body; set by the thread of the connection, and for that alone. */
  private @Nullable Thread sending;

  /**
   * Nothing is sent yet.
   *
   * @param fields as the API server is to see them
   * @param entry told what the API server answers, before that is passed on
   * @param body what is sent to the API server, as long as the head says
   * @param standIns for the tokens in the answer; null: there are none
   */
  Exchange(
      Upstream upstream,
      Request request,
      RequestHead head,
      Fields fields,
      Answer answer,
      Entry entry,
      InputStream body,
      @Nullable StandIns standIns) {
    this.upstream = upstream;
    this.request = request;
    this.head = head;
    this.fields = fields;
    this.answer = answer;
    this.entry = entry;
    this.body = body;
    this.standIns = standIns;
  }

  /**
   * Asks, and answers.
   *
   * @throws RefusedException if the API server did not answer, and nothing of an answer is given
   * @throws IOException if one of both ends is lost behind that
   */
  void run() throws IOException {
    Head answered;
    try {
      answered = ask();
    } catch (IOException e) {
      end(false);
      log.debug("API server does not answer: reason={}", e.toString());
      throw RefusedException.unavailable("the agent's gateway has no answer of the API server");
    }
    entry.started(answered.status());
    boolean whole = false;
    try {
      if (answered.isUpgrade()) {
        join(answered, connection());
      } else {
        stream(answered);
        whole = true;
      }
    } finally {
      if (whole) {
        awaitSent();
      }
      end(whole && answered.reusable());
    }
  }

  private Head ask() throws IOException {
    if (Lasting.is(head)) {
      var shared = upstream.share(head.target(), fields);
      if (shared.isPresent()) {
        try {
          return askOn(shared.get().stream());
        } catch (IOException e) {
          if (!shared.get().used() || isOver()) {
            throw e;
          }
          // As below, and with a connection of its own this time.
          log.debug("asked again on another connection: reason={}", e.toString());
          Upstream.closeQuietly(shared.get().stream());
        }
      }
    }
    var taken = upstream.take();
    try {
      return askOn(taken.connection());
    } catch (IOException e) {
      if (!taken.used() || !REPEATABLE.contains(head.method()) || head.length() != 0 || isOver()) {
        throw e;
      }
      // The API server may have ended a connection that was free, and nothing has come of it.
      log.debug("asked again on a new connection: reason={}", e.toString());
      Upstream.closeQuietly(taken.connection());
      return askOn(upstream.open());
    }
  }

  private Head askOn(Http2Stream stream) throws IOException {
    hold(stream);
    noteRead();
    noteSent();
    request.whenGone(this::abandon);
    return stream.answer();
  }

  /** Returns whether it is the first one. */
  private boolean hold(Closeable fresh) {
    boolean first;
    synchronized (this) {
      first = asked == null;
      asked = fresh;
      if (finished) {
        Upstream.closeQuietly(fresh);
      }
    }
    request.closeToo(fresh);
    return first;
  }

  private Head askOn(UpstreamConnection fresh) throws IOException {
    boolean first = hold(fresh);
    var to = fresh.ask(head.method(), head.target(), fields, head.length());
    if (head.length() == 0) {
      to.close();
      noteRead();
      noteSent();
      if (first && head.upgrade().isEmpty()) {
        request.whenGone(this::abandon);
      }
    } else if (head.awaitsContinue()) {
      to.flush();
      if (fresh.hears(CONTINUE_LIMIT)) {
        var said = fresh.nextHead(head.method());
        if (!said.isContinue()) {
          return said;
        }
      }
      send(to);
    } else {
      send(to);
    }
    return fresh.answer(head.method());
  }

  /** The body, here or in a thread of its own. */
  private void send(OutputStream to) throws IOException {
    byte[] piece = new byte[PIECE_BYTES];
    // In this thread, since whoever holds back a body is told by it to send.
    int first = read(piece);
    if (head.length() != UpstreamConnection.UNKNOWN && head.length() <= SMALL_BODY_BYTES) {
      copyBody(piece, first, to);
    } else {
      sending =
          Thread.ofVirtual()
              .name(Thread.currentThread().getName() + "-body")
              .start(
                  () -> {
                    try {
                      copyBody(piece, first, to);
                    } catch (IOException e) {
                      // Perhaps the API server has said all it wants to: that is still read.
                      log.debug("body not sent: reason={}", e.toString());
                    }
                  });
    }
  }

  private void copyBody(byte[] piece, int first, OutputStream to) throws IOException {
    long left = head.length();
    for (int count = first; count >= 0; count = read(piece)) {
      int length = count;
      left -= count;
      if (left == 0) {
        noteRead(); // before the API server can answer it
      }
      request.step(() -> to.write(piece, 0, length));
      if (body.available() == 0) {
        request.step(to::flush);
      }
    }
    noteRead();
    request.step(to::close);
    synchronized (this) {
      sent = true;
      if (!finished) {
        request.whenGone(this::abandon);
      }
    }
  }

  private int read(byte[] piece) throws IOException {
    try {
      return body.read(piece);
    } catch (IOException e) {
      abandon(); // nobody is there for an answer either
      throw e;
    }
  }

  private synchronized void noteRead() {
    read = true;
  }

  private synchronized void noteSent() {
    sent = true;
  }

  /** The answer as it comes. Closed at its end only: a part must not look like the whole. */
  private void stream(Head answered) throws IOException {
    var passed = RequestHead.answered(answered.fields());
    if (!wasRead()) {
      answer.endConnection(); // what is left of the body would be read as another request
    }
    if (head.method().equals("HEAD") || WITHOUT_BODY.contains(answered.status())) {
      answered.fields().every("Content-Length").stream()
          .limit(1)
          .forEach(length -> passed.add("Content-Length", length));
      answer.sendHead(answered.status(), passed);
      return;
    }
    OutputStream out;
    var replaced = standIns;
    if (replaced != null && mayHaveTokens(answered)) {
      // Of another length than is said.
      out = replaced.answer(answer.stream(answered.status(), passed));
    } else if (answered.length() == UpstreamConnection.UNKNOWN) {
      out = entry.answer(answer.stream(answered.status(), passed), answered.fields());
    } else {
      out =
          entry.answer(
              answer.stream(answered.status(), passed, answered.length()), answered.fields());
    }
    copy(answered, waiting(), out);
    out.close();
  }

  /** It was asked for in JSON; what is none cannot be passed on, unless it says that it failed. */
  private static boolean mayHaveTokens(Head answered) throws RefusedException {
    if (JsonOnly.isJson(answered.fields())) {
      return true;
    }
    if (answered.status() < HttpURLConnection.HTTP_MULT_CHOICE) {
      throw new RefusedException(
          502, "InternalError", "the API server's answer is not in JSON, and may have tokens");
    }
    return false;
  }

  /** What has come of the answer, and may be had without waiting. */
  private IntSupplier waiting() {
    return asked() instanceof Http2Stream stream ? stream::waiting : connection()::waiting;
  }

  private void copy(Head answered, IntSupplier waiting, OutputStream out) throws IOException {
    long left =
        answered.length() == UpstreamConnection.UNKNOWN ? Long.MAX_VALUE : answered.length();
    byte[] first = new byte[FIRST_BYTES];
    while (left > 0) {
      int count;
      if (waiting.getAsInt() <= CHUNK_END_BYTES) {
        out.flush(); // what follows may be long in coming
        count = copyPiece(answered, first, out);
      } else {
        byte[] piece = Pieces.shared().take();
        count = copyPiece(answered, piece, out);
        Pieces.shared().give(piece);
      }
      if (count < 0) {
        return;
      }
      left -= count;
    }
  }

  private static int copyPiece(Head answered, byte[] piece, OutputStream out) throws IOException {
    int count = answered.body().read(piece);
    if (count > 0) {
      out.write(piece, 0, count);
    }
    return count;
  }

  /** After an upgrade: both ways, until one of both ends. There is no half end in a tunnel. */
  private void join(Head answered, UpstreamConnection api) throws IOException {
    if (standIns != null) {
      throw new IOException("the API server changes the protocol, which nobody asked for");
    }
    var passed = RequestHead.answered(answered.fields());
    passed.add("Connection", "Upgrade");
    answered.fields().every("Upgrade").forEach(value -> passed.add("Upgrade", value));
    try {
      entry.upgraded(answered.fields(), this::abandon);
    } catch (IOException e) {
      throw notRecorded(e);
    }
    var peer = answer.upgrade(passed);
    var said = entry.said(peer.in());
    Thread.ofVirtual()
        .name(Thread.currentThread().getName() + "-up")
        .start(() -> toApiServer(said, api)); // until the connection is closed behind this
    pipe(entry.shown(answered.body()), peer.out(), api);
  }

  /** A session that is to be recorded, and cannot be. */
  static RefusedException notRecorded(IOException why) {
    log.info("session refused, since it cannot be recorded: reason={}", why.toString());
    return RefusedException.unavailable(
        "this session is to be recorded, and cannot be: see what the agent says of its recordings");
  }

  private void pipe(InputStream in, OutputStream out, UpstreamConnection api) throws IOException {
    byte[] piece = new byte[PIECE_BYTES];
    try {
      for (int count = in.read(piece); count >= 0; count = in.read(piece)) {
        out.write(piece, 0, count);
        if (api.waiting() == 0) {
          out.flush();
        }
      }
    } catch (IOException e) {
      if (!isOver()) {
        throw e;
      }
      log.debug("the server has left: reason={}", e.toString());
    }
  }

  private void toApiServer(InputStream in, UpstreamConnection api) {
    byte[] piece = new byte[PIECE_BYTES];
    try {
      for (int count = in.read(piece); count >= 0; count = in.read(piece)) {
        int length = count;
        request.step(
            () -> {
              api.out().write(piece, 0, length);
              api.out().flush();
            });
      }
    } catch (IOException e) {
      log.debug("upgraded connection broken: reason={}", e.toString());
    }
    abandon();
  }

  private synchronized Closeable asked() {
    if (asked == null) {
      throw new IllegalStateException("nothing is asked yet");
    }
    return asked;
  }

  private UpstreamConnection connection() {
    return (UpstreamConnection) asked(); // only where it is no shared one
  }

  private synchronized boolean wasRead() {
    return read;
  }

  /** The body's thread has no more to do than to say so, if its body was answered in order. */
  private void awaitSent() {
    var thread = sending;
    if (thread != null && wasRead()) {
      try {
        thread.join(SENT_LIMIT);
      } catch (InterruptedException _) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private synchronized boolean isOver() {
    return finished;
  }

  /** The server is gone, or the body is: there is nobody to answer. Any thread. */
  private void abandon() {
    end(false);
  }

  /** Once; what it comes to late does nothing. */
  private void end(boolean reusable) {
    Closeable ended;
    boolean again;
    synchronized (this) {
      if (finished) {
        return;
      }
      finished = true;
      ended = asked;
      again = reusable && sent;
    }
    if (ended == null) {
      return;
    }
    if (again && ended instanceof UpstreamConnection connection) {
      request.closeToo(() -> {});
      upstream.giveBack(connection);
    } else {
      Upstream.closeQuietly(ended);
    }
  }
}
