package io.drover.steve.kube;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.drover.steve.FakeApiServer;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.SequenceInputStream;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What a guard puts in the place of something, in requests and answers, whoever asks. */
@Timeout(60)
class GuardedAnswersTest {
  private static final String PATH = "/api/v1/namespaces/n/secrets/s";
  private static final User JANE = new User("jane", List.of(), Map.of());

  /** Shows another text than the real one, and refuses what has neither. */
  private static final class Hiding implements Guard {
    @Override
    public Limits of(User user) {
      return Limits.NONE;
    }

    @Override
    public ApiRequest sent(ApiRequest request) throws Refusal {
      if (request.body().isEmpty()) {
        return request;
      }
      var text = new String(request.body().get().bytes(), UTF_8);
      if (!text.contains("shown")) {
        throw new Refusal(422, "Invalid", "not this");
      }
      return request.with(
          new ApiRequest.Body("application/json", text.replace("shown", "real").getBytes(UTF_8)));
    }

    @Override
    public InputStream shown(ApiRequest request, String contentType, InputStream body) {
      return request.target().contains("watch=1") ? begun(body) : whole(body);
    }

    private static InputStream begun(InputStream body) {
      return new SequenceInputStream(new ByteArrayInputStream("shown\n".getBytes(UTF_8)), body);
    }

    private static InputStream whole(InputStream body) {
      try (body) {
        return new ByteArrayInputStream(
            new String(body.readAllBytes(), UTF_8).replace("real", "shown").getBytes(UTF_8));
      } catch (IOException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  private FakeApiServer server;
  private ApiServer api;

  @BeforeEach
  void start() throws IOException {
    server = new FakeApiServer();
    server.has(PATH, "{'data':'real'}");
    api = new ApiServer(server, new Hiding());
  }

  @AfterEach
  void stop() {
    api.close();
    server.close();
  }

  private String answered(ApiRequest request) throws IOException {
    try (var answer = api.send(request)) {
      return new String(answer.body().readAllBytes(), UTF_8);
    }
  }

  @Test
  void answersAreShownAsTheGuardSaysInWhoeversName() throws IOException {
    var request = ApiRequest.get(PATH, ApiRequest.JSON);

    assertThat(answered(request)).isEqualTo("{\"data\":\"shown\"}");
    assertThat(answered(request.as(JANE))).isEqualTo("{\"data\":\"shown\"}");
  }

  @Test
  void watchesToo() throws IOException {
    var request = ApiRequest.get("/api/v1/secrets?watch=1", ApiRequest.JSON);

    try (var answer = api.watch(request);
        var lines = new BufferedReader(new InputStreamReader(answer.body(), UTF_8))) {
      assertThat(lines.readLine()).isEqualTo("shown");
    }
  }

  @Test
  void whatIsWrittenIsSentAsTheGuardSaysOrNotAtAll() throws IOException {
    var body = new ApiRequest.Body("application/json", "{\"data\":\"shown\"}".getBytes(UTF_8));
    answered(ApiRequest.change("PUT", PATH, JANE, Optional.of(body)));
    assertThat(server.sentTo(PATH)).isEqualTo("application/json\n{\"data\":\"real\"}");

    assertThat(server.asked()).hasSize(1);
    var other = new ApiRequest.Body("application/json", "{}".getBytes(UTF_8));
    var refusal =
        catchThrowableOfType(
            Refusal.class,
            () -> api.send(ApiRequest.change("PUT", PATH, JANE, Optional.of(other))));
    assertThat(refusal.getMessage()).isEqualTo("not this");
    assertThat(server.asked()).isEmpty();
  }
}
