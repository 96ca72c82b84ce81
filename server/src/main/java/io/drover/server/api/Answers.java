package io.drover.server.api;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;

/** Writes whole answers. */
final class Answers {
  static final ObjectMapper JSON = new ObjectMapper();

  private Answers() {}

  static void text(Response response, Callback callback, int code, String text) {
    response.getHeaders().put("X-Content-Type-Options", "nosniff");
    write(response, callback, code, "text/plain; charset=utf-8", text);
  }

  static void json(Response response, Callback callback, int code, JsonNode body) {
    write(response, callback, code, "application/json", body + "\n");
  }

  static void error(Response response, Callback callback, int code, String word, String message) {
    json(
        response,
        callback,
        code,
        JSON.createObjectNode()
            .put("type", "error")
            .put("status", code)
            .put("code", word)
            .put("message", message));
  }

  private static void write(
      Response response, Callback callback, int code, String contentType, String body) {
    response.setStatus(code);
    response.getHeaders().put(HttpHeader.CONTENT_TYPE, contentType);
    Content.Sink.write(response, true, body, callback);
  }
}
