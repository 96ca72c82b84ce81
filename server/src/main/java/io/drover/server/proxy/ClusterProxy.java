package io.drover.server.proxy;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.drover.proto.handshake.ConnectParams;
import io.drover.server.proxy.ApiConnection.Answer;
import io.drover.server.proxy.ApiConnection.Field;
import io.drover.server.tunnel.Session;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.regex.Pattern;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.server.HttpStream;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Hands a user's request to the API server of a cluster and its answer back, both as they come. The
 * request goes out with the agent's token and names the user to impersonate; nothing that the
 * client says about that gets through.
 */
public final class ClusterProxy {
  /** How long the API server may think before its answer begins. */
  static final Duration ANSWER_LIMIT = Duration.ofMinutes(5);

  /** How long a client may keep a connection without a request. */
  public static final Duration CLIENT_IDLE_LIMIT = Duration.ofMinutes(2);

  /** How long a body that nobody wants any more may still be on its way in. */
  static final Duration BODY_LIMIT = Duration.ofSeconds(1);

  /** What a request is told when the agent is away. Source: rancher {@code pkg/dialer}. */
  public static final String DISCONNECTED = "cluster agent disconnected";

  /** The field of an answer in which its request's id stands, ours and nobody else's. */
  public static final String REQUEST_ID = "X-Request-Id";

  static final int COPY_BYTES = 16 * 1024;

  /**
   * True is all but these two. Source: apimachinery {@code pkg/runtime/converter.go}, {@code
   * Convert_Slice_string_To_bool}.
   */
  private static final Pattern WATCH_OR_FOLLOW =
      Pattern.compile("[?&](watch|follow)(?!=(0|(?i:false))(&|$))(=|&|$)");

  /** The old way. Source: apiserver {@code pkg/endpoints/request/requestinfo.go}. */
  private static final Pattern WATCH_PATH = Pattern.compile("/(api|apis/[^/?]+)/[^/?]+/watch/");

  /** Fields that are about one connection, and those that we say ourselves; lower case. */
  private static final Set<String> NOT_FORWARDED =
      Set.of(
          "authorization",
          "connection",
          "content-length",
          "cookie", // it is for us
          "expect",
          "host",
          "keep-alive",
          "proxy-authenticate",
          "proxy-authorization",
          "proxy-connection",
          "te",
          "trailer",
          "transfer-encoding",
          "upgrade",
          "x-api-csrf");

  /** What the agent's API makes its links of, which we say ourselves. */
  private static final Set<String> STEVE_BASE =
      Set.of(
          "x-api-host",
          "x-api-url-prefix",
          "x-forwarded-for",
          "x-forwarded-host",
          "x-forwarded-port",
          "x-forwarded-proto");

  private static final Logger log = LoggerFactory.getLogger(ClusterProxy.class);

  /** What of a refusal is told on, in bytes. */
  static final int REFUSAL_BYTES = 64 * 1024;

  private static final ObjectMapper JSON = new ObjectMapper();

  private final ApiConnections connections;

  /** A proxy over these connections. */
  public ClusterProxy(ApiConnections connections) {
    this.connections = connections;
  }

  /** Whether the agent's own API is asked, which the Explorer uses, not the API server. */
  public static boolean isSteve(String target) {
    return target.equals("/v1") || target.startsWith("/v1/") || target.startsWith("/v1?");
  }

  /**
   * Serves one request; blocks until it is over, or until it was upgraded.
   *
   * @param problem why the cluster may refuse it, for people; told if it does
   */
  public void handle(
      Request request,
      Response response,
      Callback callback,
      String clusterId,
      String target,
      User user,
      Optional<String> problem) {
    boolean toSteve = isSteve(target);
    var session = toSteve ? connections.steve(clusterId) : connections.session(clusterId);
    if (session.isEmpty()) {
      KubernetesStatus.write(response, callback, 503, "ServiceUnavailable", DISCONNECTED);
      return;
    }
    var way =
        toSteve
            ? new Way.Steve(clusterId)
            : new Way.ApiServer(session.get().params().orElseThrow());
    var endPoint = request.getConnectionMetaData().getConnection().getEndPoint();
    endPoint.setIdleTimeout(0); // a watch may be quiet for hours
    var exchange =
        new Exchange(request, response, callback, session.get(), way, user, target, problem);
    try {
      exchange.run();
    } catch (IOException e) {
      log.info("request failed: cluster={} reason={}", clusterId, e.toString());
      endPoint.setIdleTimeout(CLIENT_IDLE_LIMIT.toMillis());
      if (response.isCommitted()) {
        callback.failed(e);
      } else {
        var id = response.getHeaders().get(REQUEST_ID);
        response.reset();
        SecurityHeaders.putOurs(response);
        response.getHeaders().put(REQUEST_ID, String.valueOf(id));
        var text = "error trying to reach service: " + e.getMessage();
        KubernetesStatus.write(response, callback, 503, "ServiceUnavailable", text);
      }
    }
  }

  /** Where a request goes. */
  private sealed interface Way {
    /** To the API server that the agent told. */
    record ApiServer(ConnectParams params) implements Way {}

    /** To the agent's own API, which the Explorer asks. */
    record Steve(String clusterId) implements Way {}
  }

  /** One request and its answer. */
  private final class Exchange {
    private final Request request;
    private final Response response;
    private final Callback callback;
    private final Session session;
    private final Way way;
    private final User user;
    private final String target;
    private final Optional<String> problem;
    private final EndPoint endPoint;
    private final boolean upgrade;
    private final boolean hasBody;

    Exchange(
        Request request,
        Response response,
        Callback callback,
        Session session,
        Way way,
        User user,
        String target,
        Optional<String> problem) {
      this.request = request;
      this.response = response;
      this.callback = callback;
      this.session = session;
      this.way = way;
      this.user = user;
      this.target = target;
      this.problem = problem;
      this.endPoint = request.getConnectionMetaData().getConnection().getEndPoint();
      this.upgrade =
          request.getHeaders().contains(HttpHeader.CONNECTION, "upgrade")
              && request.getHeaders().contains(HttpHeader.UPGRADE);
      this.hasBody =
          request.getLength() > 0 || request.getHeaders().contains(HttpHeader.TRANSFER_ENCODING);
    }

    void run() throws IOException {
      var kept = upgrade ? null : connections.idle(session).orElse(null);
      if (kept != null) {
        try {
          relay(kept);
          return;
        } catch (StaleException e) {
          kept.close();
        }
      }
      try {
        relay(
            switch (way) {
              case Way.ApiServer(var params) -> connections.open(session, params);
              case Way.Steve _ -> ApiConnections.openSteve(session);
            });
      } catch (StaleException e) {
        throw new IOException(e.getMessage(), e);
      }
    }

    /**
     * @throws StaleException if the connection broke before the answer, and the request can be sent
     *     once more
     */
    private void relay(ApiConnection connection) throws IOException, StaleException {
      boolean keep = false;
      boolean upgraded = false;
      try {
        var body = new AtomicBoolean(!hasBody);
        Answer answer;
        Thread sender = null;
        try (var _ =
            connection.stream()
                .abortAfter(ANSWER_LIMIT, "no answer in " + ANSWER_LIMIT.toSeconds() + " s")) {
          connection.sendHead(request.getMethod(), target, fields());
          if (hasBody) {
            sender =
                Thread.ofVirtual()
                    .name("request-body-" + connection.stream().id())
                    .start(() -> sendBody(connection, body));
          }
          answer = connection.receive(request.getMethod());
        } catch (IOException e) {
          if (!hasBody && isSafe()) {
            throw new StaleException(e);
          }
          endBody(sender);
          throw e;
        }
        if (answer.isUpgrade()) {
          upgraded = upgrade(connection, answer);
          return;
        }
        if (answer.status() == 403 && problem.isPresent()) {
          endBody(sender);
          endPoint.setIdleTimeout(CLIENT_IDLE_LIMIT.toMillis());
          refuse(answer, problem.get());
          return;
        }
        copy(connection, answer);
        if (!body.get()) {
          endBody(sender);
        }
        keep = answer.reusable() && body.get() && !upgrade;
        endPoint.setIdleTimeout(CLIENT_IDLE_LIMIT.toMillis());
        if (keep) {
          connections.keep(session, connection);
        }
        callback.succeeded();
      } finally {
        if (!keep && !upgraded) {
          connection.close();
        }
      }
    }

    /** With the cluster's own words, and why it may have said so. */
    private void refuse(Answer answer, String reason) throws IOException {
      var said = "";
      byte[] bytes = answer.body().readNBytes(REFUSAL_BYTES);
      try {
        said = JSON.readTree(bytes).path("message").asText("");
      } catch (JsonProcessingException e) {
        log.debug("refusal not understood: reason={}", e.getOriginalMessage());
      }
      var text = said.isEmpty() ? reason : said + "; " + reason;
      KubernetesStatus.write(response, callback, 403, "Forbidden", text);
    }

    private boolean isSafe() {
      return request.getMethod().equals("GET") || request.getMethod().equals("HEAD");
    }

    private List<Field> fields() {
      var fields = new ArrayList<Field>();
      switch (way) {
        case Way.ApiServer(var params) -> {
          fields.add(new Field("Host", params.address()));
          fields.add(new Field("Authorization", "Bearer " + params.token()));
        }
        case Way.Steve(var clusterId) -> { // its links lead here again
          fields.add(new Field("Host", String.valueOf(request.getHeaders().get(HttpHeader.HOST))));
          fields.add(new Field("X-Forwarded-Proto", "https"));
          fields.add(new Field("X-API-URL-Prefix", "/k8s/clusters/" + clusterId));
        }
      }
      fields.add(new Field("Impersonate-User", user.name()));
      for (var group : user.groups()) {
        fields.add(new Field("Impersonate-Group", group));
      }
      var dropped = new HashSet<>(NOT_FORWARDED);
      for (var named : request.getHeaders().getCSV(HttpHeader.CONNECTION, false)) {
        dropped.add(named.toLowerCase(Locale.ROOT));
      }
      for (var field : request.getHeaders()) {
        var name = field.getLowerCaseName();
        if (!dropped.contains(name)
            && !name.startsWith("impersonate-")
            && !(way instanceof Way.Steve && STEVE_BASE.contains(name))) {
          fields.add(new Field(field.getName(), field.getValue() == null ? "" : field.getValue()));
        }
      }
      if (upgrade) {
        fields.add(new Field("Connection", "Upgrade"));
        fields.add(new Field("Upgrade", request.getHeaders().get(HttpHeader.UPGRADE)));
      }
      if (request.getLength() >= 0) {
        fields.add(new Field("Content-Length", Long.toString(request.getLength())));
      } else if (hasBody) {
        fields.add(new Field("Transfer-Encoding", "chunked"));
      }
      return fields;
    }

    /** Thread of its own: an answer may begin before the body has ended. */
    private void sendBody(ApiConnection connection, AtomicBoolean done) {
      boolean chunked = request.getLength() < 0;
      byte[] bytes = new byte[COPY_BYTES];
      try (var in = Content.Source.asInputStream(request)) {
        while (true) {
          int count = read(in, bytes, connection);
          if (count < 0) {
            break;
          }
          if (chunked && count > 0) {
            connection.sendChunk(bytes, count);
          } else {
            connection.send(bytes, count);
          }
        }
        if (chunked) {
          connection.sendChunk(bytes, 0);
        }
        done.set(true);
      } catch (IOException e) {
        // Not the end: the API server may have answered before it stopped to read.
        log.debug("request body ended: reason={}", e.toString());
      }
    }

    private static int read(InputStream in, byte[] bytes, ApiConnection connection)
        throws IOException {
      try {
        return in.read(bytes);
      } catch (IOException e) {
        connection.close(); // the client has gone, nobody waits for the answer
        throw e;
      }
    }

    /** Takes what is left of the body from its sender. */
    private void endBody(@Nullable Thread sender) throws IOException {
      if (sender == null) {
        return;
      }
      try {
        if (!sender.join(BODY_LIMIT)) {
          request.fail(new IOException("answer complete before the body"));
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IOException("interrupted", e);
      }
    }

    private void copyHead(Answer answer) {
      response.setStatus(answer.status());
      var dropped = new HashSet<String>();
      for (var field : answer.fields()) {
        if (field.name().equalsIgnoreCase("Connection")) {
          for (var named : field.value().split(",", -1)) {
            dropped.add(named.strip().toLowerCase(Locale.ROOT));
          }
        }
      }
      for (var field : answer.fields()) {
        var name = field.name().toLowerCase(Locale.ROOT);
        boolean ofConnection =
            Set.of("connection", "keep-alive", "transfer-encoding", "upgrade", "trailer")
                .contains(name);
        // A cluster's cookies would be ours in a browser.
        if (!ofConnection
            && !name.equals("set-cookie")
            && !dropped.contains(name)
            && !SecurityHeaders.isOurs(response, name)) {
          response.getHeaders().add(field.name(), field.value());
        }
      }
    }

    private void copy(ApiConnection connection, Answer answer) throws IOException {
      copyHead(answer);
      boolean watched = isEndless();
      if (watched) {
        response.getHeaders().put(HttpHeader.CONNECTION, "close");
        if (!response.getHeaders().contains(HttpHeader.CONTENT_LENGTH)) {
          // Without it, an answer that broke off would look like one that ended.
          response.getHeaders().put(HttpHeader.TRANSFER_ENCODING, "chunked");
        }
      }
      byte[] bytes = new byte[COPY_BYTES];
      var out = Content.Sink.asOutputStream(response);
      if (watched) {
        out.flush(); // the head, so that the client knows before the first event
        closeWithClient(connection);
      }
      while (true) {
        int count = answer.body().read(bytes);
        if (count < 0) {
          break;
        }
        out.write(bytes, 0, count);
        out.flush();
      }
      out.close();
    }

    /** Whether the answer may be silent for longer than a client stays. */
    private boolean isEndless() {
      return WATCH_PATH.matcher(target).lookingAt() || WATCH_OR_FOLLOW.matcher(target).find();
    }

    /**
     * While nothing is written, only reading shows that the client has gone. The connection is not
     * used for a second request, so whatever can be read here is the end.
     */
    private void closeWithClient(ApiConnection connection) {
      endPoint.tryFillInterested(Callback.from(connection::close, _ -> connection.close()));
    }

    private boolean upgrade(ApiConnection connection, Answer answer) {
      copyHead(answer);
      for (var field : answer.fields()) {
        if (field.name().equalsIgnoreCase("Upgrade")) {
          response.getHeaders().put(HttpHeader.UPGRADE, field.value());
        }
      }
      response.getHeaders().put(HttpHeader.CONNECTION, "Upgrade");
      var relay =
          new RawRelay(
              endPoint,
              request.getConnectionMetaData().getConnector().getExecutor(),
              "upgrade-" + connection.stream().id(),
              answer.body(),
              connection.output(),
              connection::close);
      request.setAttribute(HttpStream.UPGRADE_CONNECTION_ATTRIBUTE, relay);
      response.write(
          true,
          null,
          Callback.from(
              callback::succeeded,
              failure -> {
                connection.close();
                callback.failed(failure);
              }));
      return true;
    }
  }

  /** A kept connection was closed by the other side when it was used again. */
  private static final class StaleException extends Exception {
    private static final long serialVersionUID = 1L;

    StaleException(IOException cause) {
      super(cause.getMessage(), cause);
    }
  }
}
