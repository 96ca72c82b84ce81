package io.drover.steve.api;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import io.drover.steve.http.Answer;
import io.drover.steve.http.Fields;
import io.drover.steve.http.FrontLimits;
import io.drover.steve.http.HttpFront;
import io.drover.steve.http.Request;
import io.drover.steve.kube.Json;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.LinkedBlockingQueue;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class ReplyTest {
  private static final String ASKED =
      "GET /v1/pods HTTP/1.1\r\nHost: h\r\nAccept: application/json\r\nAccept-Encoding: gzip\r\n\r\n";

  private final LinkedBlockingQueue<String> failures = new LinkedBlockingQueue<>();

  /** It has memory outside of the heap, of which no collector knows. */
  @Test
  void whatZipsAListThatIsCutOffIsLetGo() throws Exception {
    try (var front = HttpFront.start("test", FrontLimits.STANDARD, this::cutOff);
        var page = front.connect(_ -> {})) {
      page.write(ByteBuffer.wrap(ASKED.getBytes(US_ASCII)));
      assertThat(failures.take()).contains("Deflater has been closed");
    }
  }

  private void cutOff(Request request, Answer answer) throws IOException {
    var reply = new Reply(answer, request, new Fields());
    var object = Json.MAPPER.createObjectNode().put("text", "x".repeat(100_000));
    try (var list = reply.collection(Json.MAPPER.createObjectNode(), Links.of(request.fields()))) {
      list.add(object);
      reply.end();
      list.add(object);
    } catch (IOException e) {
      failures.add(String.valueOf(e.getMessage()));
    }
  }
}
