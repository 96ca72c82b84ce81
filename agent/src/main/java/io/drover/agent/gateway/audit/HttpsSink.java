package io.drover.agent.gateway.audit;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.drover.agent.config.Secret;
import io.drover.agent.reason.Failure;
import io.drover.agent.reason.Problem;
import io.drover.agent.reason.Reason;
import io.drover.agent.tls.ServerHttp;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.URI;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import javax.net.ssl.SSLContext;

/**
 * A URL that events are posted to, some at a time, as an {@code EventList}: what kube-apiserver's
 * webhook backend sends. An event may come twice, if an answer is lost; its {@code auditID} and
 * stage tell.
 */
final class HttpsSink implements Sink {
  /** For the whole exchange. */
  static final Duration LIMIT = Duration.ofSeconds(10);

  /** Each batch is a connection. */
  static final Duration LINGER = Duration.ofSeconds(1);

  private static final int REQUEST_TIMEOUT = 408;
  private static final int TOO_MANY_REQUESTS = 429;
  private static final int SERVER_ERROR = 500;
  private static final int MAX_SHOWN = 200;
  private static final byte[] BEGIN =
      "{\"kind\":\"EventList\",\"apiVersion\":\"audit.k8s.io/v1\",\"metadata\":{},\"items\":["
          .getBytes(UTF_8);

  /** Whom to trust, asked for anew each time. */
  @FunctionalInterface
  interface Trust {
    SSLContext context() throws IOException;
  }

  private final URI url;
  private final ServerHttp http;
  private final Trust trust;
  private final Optional<TokenFile> token;
  private final Duration limit;

  /**
   * Opens nothing yet.
   *
   * @param token what it is shown; empty: nothing
   */
  HttpsSink(URI url, ServerHttp http, Trust trust, Optional<TokenFile> token) {
    this(url, http, trust, token, LIMIT);
  }

  HttpsSink(URI url, ServerHttp http, Trust trust, Optional<TokenFile> token, Duration limit) {
    this.url = url;
    this.http = http;
    this.trust = trust;
    this.token = token;
    this.limit = limit;
  }

  @Override
  public String name() {
    return url.toString();
  }

  @Override
  public Duration linger() {
    return LINGER;
  }

  @Override
  public int write(List<byte[]> lines) throws IOException {
    var shown = token.isPresent() ? token.get().read() : new Secret("");
    var headers = new LinkedHashMap<String, String>();
    headers.put("Content-Type", "application/json");
    if (!shown.isEmpty()) {
      headers.put("Authorization", "Bearer " + shown.value());
    }
    ServerHttp.Answer answer;
    try {
      answer = http.send("POST", url, trust.context(), limit, headers, list(lines));
    } catch (IOException e) {
      var why = Problem.of(e);
      throw new Failure(
          // The way there is that to a server; what answers is another one.
          why.reason() == Reason.NOT_RANCHER ? Reason.AUDIT_NOT_WRITTEN : why.reason(),
          name() + ": " + why.message(),
          e);
    }
    if (answer.status() / 100 == 2) {
      return lines.size();
    }
    String body = withoutToken(answer.body(), shown).replaceAll("\\s+", " ");
    var refused =
        new Failure(
            Reason.AUDIT_NOT_WRITTEN,
            "%s answered %d %s"
                .formatted(
                    name(),
                    answer.status(),
                    body.substring(0, Math.min(body.length(), MAX_SHOWN))));
    if (isForGood(answer.status())) {
      throw new NotTakenException(refused);
    }
    throw refused;
  }

  /** An endpoint may say what it was asked with. */
  private static String withoutToken(String body, Secret token) {
    return token.isEmpty() ? body : body.replace(token.value(), token.toString());
  }

  /** It is these events that are not taken; others may be. */
  private static boolean isForGood(int status) {
    return switch (status) {
      case HttpURLConnection.HTTP_UNAUTHORIZED,
          HttpURLConnection.HTTP_FORBIDDEN,
          HttpURLConnection.HTTP_NOT_FOUND,
          REQUEST_TIMEOUT,
          TOO_MANY_REQUESTS ->
          false;
      default -> status >= HttpURLConnection.HTTP_BAD_REQUEST && status < SERVER_ERROR;
    };
  }

  private static byte[] list(List<byte[]> lines) {
    var bytes = new ByteArrayOutputStream();
    bytes.writeBytes(BEGIN);
    boolean first = true;
    for (byte[] line : lines) {
      if (!first) {
        bytes.write(',');
      }
      first = false;
      bytes.writeBytes(line);
    }
    bytes.writeBytes("]}".getBytes(UTF_8));
    return bytes.toByteArray();
  }

  @Override
  public void close() {
    // Nothing is kept.
  }
}
