package io.drover.agent.gateway;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import io.drover.agent.gateway.policy.RequestInfo;
import io.drover.agent.gateway.standin.SecretBody;
import io.drover.agent.gateway.standin.StandIns;
import io.drover.agent.kube.Fabric8ClusterApi;
import io.drover.steve.http.Fields;
import io.drover.steve.http.Request;
import io.drover.steve.http.UpstreamConnection;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/**
 * What the server writes into Secrets: a stand-in that it has read becomes its token again, where
 * that stays hidden from it, and it creates none in our own Secret's place. Any thread.
 */
final class SecretWrites {
  /** Of a body. The API server's own store takes no object of more than 1.5 MiB. */
  static final int BODY_BYTES = 2 * 1024 * 1024;

  /** Up to this it is as with any other body. */
  static final int SMALL_BYTES = 64 * 1024;

  /** That are bigger, at one time. */
  static final int BIG_AT_ONCE = 2;

  /** For those before it. */
  static final Duration TURN_LIMIT = Duration.ofSeconds(10);

  private static final Set<String> WITH_BODY = Set.of("create", "update", "patch");
  private static final String PROTOBUF = "application/vnd.kubernetes.protobuf";
  private static final int PIECE_BYTES = 8 * 1024;

  private final Semaphore big;
  private final Duration turnLimit;

  /**
   * Nothing is read yet.
   *
   * @param turnLimit such as {@link #TURN_LIMIT}
   */
  SecretWrites(Duration turnLimit) {
    this.big = new Semaphore(BIG_AT_ONCE, true);
    this.turnLimit = turnLimit;
  }

  /**
   * A request's body as the API server is to have it. To be closed when that has been sent.
   *
   * @param head what goes with it
   */
  record Body(RequestHead head, InputStream stream, Runnable end) implements AutoCloseable {
    @Override
    public void close() {
      end.run();
    }
  }

  /** Reads the body, if it is of a Secret. */
  Body body(Request request, RequestHead head, RequestInfo.Resource asked, StandIns standIns)
      throws IOException {
    if (!hasBody(asked) || head.length() == 0) {
      return new Body(head, request.stream(), () -> {});
    }
    boolean isBig = head.length() == UpstreamConnection.UNKNOWN || head.length() > SMALL_BYTES;
    if (isBig) {
      awaitTurn();
    }
    boolean taken = false;
    try {
      byte[] body = changed(read(request, head.length()), head.fields(), asked, standIns);
      taken = true;
      return new Body(
          head.with(body.length), new ByteArrayInputStream(body), isBig ? big::release : () -> {});
    } finally {
      if (isBig && !taken) {
        big.release();
      }
    }
  }

  /**
   * The same of one that is there as a whole, and is no bigger than its reader takes.
   *
   * @param fields that go with it
   */
  static byte[] body(byte[] body, Fields fields, RequestInfo.Resource asked, StandIns standIns)
      throws RefusedException {
    return hasBody(asked) ? changed(body, fields, asked, standIns) : body;
  }

  private static boolean hasBody(RequestInfo.Resource asked) {
    return asked.resource().equals(TokenPath.SECRETS) && WITH_BODY.contains(asked.verb());
  }

  /** As kubectl creates Secrets. In protobuf a name can be written in one way only. */
  private static boolean isAnothersInProtobuf(byte[] body, Fields fields) {
    return fields.every("Content-Type").equals(List.of(PROTOBUF))
        && !new String(body, ISO_8859_1).contains(GatewayIdentity.SECRET);
  }

  private void awaitTurn() throws RefusedException {
    try {
      if (big.tryAcquire(turnLimit.toNanos(), TimeUnit.NANOSECONDS)) {
        return;
      }
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
    throw new RefusedException(
        429,
        "TooManyRequests",
        "the gateway reads %d big Secrets at one time: try again".formatted(BIG_AT_ONCE));
  }

  /** All of it. */
  private static byte[] read(Request request, long length) throws IOException {
    if (length > BODY_BYTES) {
      throw tooLong();
    }
    var body = new ByteArrayOutputStream((int) Math.max(length, PIECE_BYTES));
    byte[] piece = new byte[PIECE_BYTES];
    var in = request.stream();
    for (int count = in.read(piece); count >= 0; count = in.read(piece)) {
      if (body.size() + count > BODY_BYTES) {
        throw tooLong();
      }
      body.write(piece, 0, count);
    }
    return body.toByteArray();
  }

  private static RefusedException tooLong() {
    return new RefusedException(
        413,
        "RequestEntityTooLarge",
        "the gateway takes Secrets of up to %d bytes".formatted(BODY_BYTES));
  }

  private static byte[] changed(
      byte[] body, Fields fields, RequestInfo.Resource asked, StandIns standIns)
      throws RefusedException {
    if (asked.verb().equals("patch")) {
      requirePatch(body, standIns);
      return body;
    }
    boolean mayHave = SecretBody.mayHaveStandIn(body);
    boolean mayBeOwn =
        asked.verb().equals("create")
            && asked.namespace().equals(Fabric8ClusterApi.NAMESPACE)
            && !isAnothersInProtobuf(body, fields);
    if (!mayHave && !mayBeOwn) {
      return body;
    }
    try {
      if (fields.has("Content-Type") && !JsonOnly.isJson(fields)) {
        throw new RefusedException(
            415, "UnsupportedMediaType", "the gateway takes such Secrets in application/json only");
      }
      var secret = standIns.body(body);
      if (OwnSecret.is(asked.namespace(), secret.name())) {
        throw OwnSecret.isOurs("");
      }
      if (secret.keepsStandIn()) {
        throw invalid(
            "a Secret of this type cannot be written with a stand-in of the gateway in it: change"
                + " it at the API server itself");
      }
      return secret.withTokens();
    } catch (SecretBody.UnreadableException _) {
      throw RefusedException.badRequest("the Secret is not one object in JSON, said once");
    }
  }

  /** A patch goes on as it is: nobody knows here of which type the whole is. */
  private static void requirePatch(byte[] body, StandIns standIns) throws RefusedException {
    try {
      if (SecretBody.copiesWithin(body)) {
        throw invalid(
            "a JSON patch of a Secret cannot copy or move, since that could be a token: say what"
                + " is to be there with add, remove and replace");
      }
      if (SecretBody.mayHaveStandIn(body) && standIns.isIn(body)) {
        throw invalid(
            "a patch cannot write a stand-in of the gateway: leave the token out, or update the"
                + " whole Secret");
      }
    } catch (SecretBody.UnreadableException _) {
      throw RefusedException.badRequest("the patch is not JSON that says each thing once");
    }
  }

  private static RefusedException invalid(String message) {
    return new RefusedException(422, "Invalid", message);
  }
}
