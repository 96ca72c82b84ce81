package io.drover.steve.api;

import io.drover.steve.api.SubscribeSocket.Pace;
import io.drover.steve.api.ToldObjects.Around;
import io.drover.steve.api.ToldObjects.Manner;
import io.drover.steve.http.Answer;
import io.drover.steve.kube.ApiServer;
import io.drover.steve.kube.Refusal;
import io.drover.steve.kube.Stopping;
import io.drover.steve.live.Feeds;
import io.drover.steve.live.LiveCounts;
import io.drover.steve.query.Dialect;
import io.drover.steve.schema.Cluster;
import io.drover.steve.ws.Handshake;
import io.drover.steve.ws.WebSocket;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.util.concurrent.Semaphore;
import java.util.function.LongSupplier;

/** Changes as they happen, over a websocket. */
public final class SubscribeStore implements Store {
  /** Pages that hear of changes at one time. One more is refused, and asks again. */
  static final int MAX_SOCKETS = 256;

  /** Those of one user. A page has one. */
  static final int MAX_SOCKETS_OF_ONE = 64;

  private final ApiServer api;
  private final Cluster cluster;
  private final Feeds feeds;
  private final ListRelations relations;
  private final LiveCounts counts;
  private final Manner manner;
  private final Clock clock;
  private final LongSupplier nanoTime;
  private final String version;
  private final Pace pace;
  private final Room sockets = new Room(MAX_SOCKETS, MAX_SOCKETS_OF_ONE);

  /**
   * Tells nobody yet.
   *
   * @param version the server's
   */
  public SubscribeStore(
      ApiServer api,
      Cluster cluster,
      Feeds feeds,
      ListRelations relations,
      LiveCounts counts,
      Dialect dialect,
      Clock clock,
      LongSupplier nanoTime,
      String version) {
    this(api, cluster, feeds, relations, counts, dialect, clock, nanoTime, version, Pace.STANDARD);
  }

  /** The same at another pace. */
  SubscribeStore(
      ApiServer api,
      Cluster cluster,
      Feeds feeds,
      ListRelations relations,
      LiveCounts counts,
      Dialect dialect,
      Clock clock,
      LongSupplier nanoTime,
      String version,
      Pace pace) {
    this.api = api;
    this.cluster = cluster;
    this.feeds = feeds;
    this.relations = relations;
    this.counts = counts;
    this.manner = dialect.hasColumns() ? Manner.SQL : Manner.CLASSIC;
    this.clock = clock;
    this.nanoTime = nanoTime;
    this.version = version.isEmpty() ? "dev" : version;
    this.pace = pace;
  }

  @Override
  public void list(Call call) throws IOException {
    var fields = call.request().fields();
    if (!Handshake.isAsked(fields)) {
      call.reply().badUpgrade();
      return;
    }
    if (!Handshake.isOwnPage(fields)) {
      throw new Refusal(403, "PermissionDenied", "origin not allowed");
    }
    call.reply().upgrade(Handshake.answer(fields), connection -> serve(call, connection));
  }

  private void serve(Call call, Answer.Upgraded connection) throws IOException {
    var socket = new WebSocket(connection.in(), connection.out());
    String user = call.user().name();
    try {
      if (!sockets.enter(user, Duration.ZERO)) {
        socket.close(WebSocket.TRY_AGAIN_LATER);
        return;
      }
    } catch (InterruptedException e) {
      throw Stopping.interrupted(e);
    }
    try {
      var wake = new Semaphore(0);
      var around = new Around(api, feeds, relations, manner, clock, nanoTime, wake::release);
      new SubscribeSocket(socket, call, cluster, counts, around, wake, version, pace).run();
    } finally {
      sockets.leave(user);
    }
  }
}
