package io.drover.server.api;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;

/** Writes whole answers, and reads whole bodies. */
final class Answers {
  /** The longest request body, in bytes. */
  static final int MAX_BODY_BYTES = 64 * 1024;

  static final ObjectMapper JSON = new ObjectMapper();

  private Answers() {}

  static void text(Response response, Callback callback, int code, String text) {
    write(response, callback, code, "text/plain; charset=utf-8", text);
  }

  static void json(Response response, Callback callback, int code, JsonNode body) {
    write(response, callback, code, "application/json", body + "\n");
  }

  /** A body that nobody reads ends its connection, which the client must know before its next. */
  static void closeIfUnread(Request request, Response response) {
    if (request.getLength() != 0 && !response.isCommitted()) {
      response.getHeaders().put(HttpHeader.CONNECTION, "close");
    }
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

  static void invalid(Response response, Callback callback, InvalidFieldException problem) {
    json(
        response,
        callback,
        422,
        JSON.createObjectNode()
            .put("type", "error")
            .put("status", 422)
            .put("code", "InvalidFormat")
            .put("fieldName", problem.field())
            .put("message", problem.problem()));
  }

  static void notAllowed(Response response, Callback callback) {
    error(response, callback, 405, "MethodNotAllowed", "method not allowed");
  }

  /**
   * A request's body, which is an object.
   *
   * @throws IllegalArgumentException if it is too long, or none
   */
  static JsonNode body(Request request) throws IOException {
    try (var in = Content.Source.asInputStream(request)) {
      byte[] bytes = in.readNBytes(MAX_BODY_BYTES + 1);
      if (bytes.length > MAX_BODY_BYTES) {
        throw new IllegalArgumentException("body too long: limit=" + MAX_BODY_BYTES);
      }
      return JSON.readTree(bytes);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("body is not JSON: " + e.getOriginalMessage(), e);
    }
  }

  private static void write(
      Response response, Callback callback, int code, String contentType, String body) {
    response.setStatus(code);
    response.getHeaders().put(HttpHeader.CONTENT_TYPE, contentType);
    Content.Sink.write(response, true, body, callback);
  }
}
