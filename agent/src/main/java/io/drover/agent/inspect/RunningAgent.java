package io.drover.agent.inspect;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.ConnectException;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpTimeoutException;
import java.time.Duration;

/** An agent that runs, in this pod or at the other end of a port-forward. For one thread. */
public final class RunningAgent implements AutoCloseable {
  /** For a connection, and for an answer. */
  static final Duration LIMIT = Duration.ofSeconds(5);

  /** The longest answer: metrics are some 10 KiB. */
  static final int MAX_BYTES = 1024 * 1024;

  private static final ObjectMapper JSON = new ObjectMapper();

  private final URI address;
  private final HttpClient http =
      HttpClient.newBuilder()
          .version(HttpClient.Version.HTTP_1_1)
          .proxy(HttpClient.Builder.NO_PROXY)
          .connectTimeout(LIMIT)
          .build();

  /** Connects when it is asked. */
  public RunningAgent(URI address) {
    this.address = address;
  }

  /**
   * Its state: what {@code /readyz} says.
   *
   * @throws IOException if nobody answers, or something that is no agent; the message says what to
   *     do
   */
  public AgentState state() throws IOException, InterruptedException {
    var answer = get("/readyz");
    try {
      var state = JSON.readTree(answer.body());
      if (state.path("ready").isBoolean() && state.path("checks").isArray()) {
        return new AgentState(state);
      }
    } catch (JsonProcessingException _) {
      // Said below.
    }
    throw new IOException(
        "what answers at %s is no agent (status %d): name another with --address"
            .formatted(address, answer.statusCode()));
  }

  /** Its metrics, in Prometheus' text format. */
  public String metrics() throws IOException, InterruptedException {
    var answer = get("/metrics");
    if (answer.statusCode() != HttpURLConnection.HTTP_OK) {
      throw new IOException(address + "/metrics: status " + answer.statusCode());
    }
    return answer.body();
  }

  private HttpResponse<String> get(String path) throws IOException, InterruptedException {
    var request = HttpRequest.newBuilder(address.resolve(path)).timeout(LIMIT).build();
    try {
      return http.send(request, BodyHandlers.limiting(BodyHandlers.ofString(UTF_8), MAX_BYTES));
    } catch (ConnectException e) {
      throw new IOException(
          "no agent listens at %s: name another with --address".formatted(address), e);
    } catch (HttpTimeoutException e) {
      throw new IOException("%s does not answer within %s".formatted(address, LIMIT), e);
    } catch (IOException e) {
      throw new IOException("%s does not answer: %s".formatted(address, e.getMessage()), e);
    }
  }

  @Override
  public void close() {
    http.close();
  }
}
