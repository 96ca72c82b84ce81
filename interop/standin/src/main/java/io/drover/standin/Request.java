package io.drover.standin;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.io.OutputStream;
import java.net.URLDecoder;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** One request and its answer. Used by the thread that serves it. */
final class Request {
  /** The limit of a real API server, roughly. */
  static final int MAX_BODY_BYTES = 3 * 1024 * 1024;

  private final HttpExchange exchange;
  private final Map<String, String> query = new HashMap<>();

  Request(HttpExchange exchange) {
    this.exchange = exchange;
    String text = exchange.getRequestURI().getRawQuery();
    if (text != null) {
      for (String pair : text.split("&", -1)) {
        int equals = pair.indexOf('=');
        String name = equals < 0 ? pair : pair.substring(0, equals);
        String value = equals < 0 ? "" : pair.substring(equals + 1);
        query.put(URLDecoder.decode(name, UTF_8), URLDecoder.decode(value, UTF_8));
      }
    }
  }

  String method() {
    return exchange.getRequestMethod();
  }

  String path() {
    return exchange.getRequestURI().getPath();
  }

  /** A parameter; empty if it is missing. */
  String query(String name) {
    return query.getOrDefault(name, "");
  }

  boolean isSet(String name) {
    return query(name).equals("true") || query(name).equals("1");
  }

  boolean isDryRun() {
    return !query("dryRun").isEmpty();
  }

  /** The first header of that name; empty if there is none. */
  String header(String name) {
    String value = exchange.getRequestHeaders().getFirst(name);
    return value == null ? "" : value;
  }

  List<String> headers(String name) {
    return exchange.getRequestHeaders().getOrDefault(name, List.of());
  }

  /** The body; empty if it is no object. */
  ObjectNode object() throws IOException {
    return tree() instanceof ObjectNode object ? object : Json.MAPPER.createObjectNode();
  }

  JsonNode tree() throws IOException {
    byte[] body = exchange.getRequestBody().readNBytes(MAX_BODY_BYTES + 1);
    if (body.length > MAX_BODY_BYTES) {
      throw new Refusal(413, "RequestEntityTooLarge", "the object is too large");
    }
    String contentType = header("Content-Type");
    if (contentType.contains("protobuf")) {
      return ProtobufBody.read(body);
    }
    try {
      return (contentType.contains("yaml") ? Json.YAML : Json.MAPPER).readTree(body);
    } catch (JsonProcessingException e) {
      throw Refusal.badRequest("the body cannot be read: " + e.getOriginalMessage());
    }
  }

  void answer(int code, JsonNode body) throws IOException {
    answer(code, "application/json", Json.MAPPER.writeValueAsBytes(body));
  }

  void answer(int code, String text) throws IOException {
    answer(code, "text/plain; charset=utf-8", text.getBytes(UTF_8));
  }

  private void answer(int code, String contentType, byte[] body) throws IOException {
    exchange.getResponseHeaders().set("Content-Type", contentType);
    exchange.sendResponseHeaders(code, body.length == 0 ? -1 : body.length);
    exchange.getResponseBody().write(body);
  }

  /** Starts an answer that is written bit by bit; each bit is to be flushed. */
  OutputStream stream() throws IOException {
    exchange.getResponseHeaders().set("Content-Type", "application/json");
    exchange.sendResponseHeaders(200, 0);
    return exchange.getResponseBody();
  }
}
