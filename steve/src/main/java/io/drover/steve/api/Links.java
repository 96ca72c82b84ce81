package io.drover.steve.api;

import io.drover.steve.http.Fields;
import java.util.Arrays;
import java.util.stream.Collectors;

/**
 * Where the user's browser finds us: behind a server, and perhaps behind a proxy of his own, who
 * say so in the request.
 *
 * @param base without a slash at its end
 */
record Links(String base) {
  static Links of(Fields fields) {
    return new Links(scheme(fields) + "://" + host(fields) + prefix(fields));
  }

  private static String scheme(Fields fields) {
    String scheme = fields.first("X-Forwarded-Proto");
    return switch (scheme) {
      case "", "ws" -> "http";
      case "wss" -> "https";
      default -> scheme;
    };
  }

  private static String host(Fields fields) {
    String host = fields.first("X-API-Host");
    if (host.isEmpty()) {
      host = fields.first("X-Forwarded-Host").split(",", -1)[0].strip();
    }
    return host.isEmpty() ? fields.first("Host") : host;
  }

  private static String prefix(Fields fields) {
    return Arrays.stream(fields.first("X-API-URL-Prefix").split("/", -1))
        .filter(part -> !part.isEmpty())
        .map(part -> "/" + part)
        .collect(Collectors.joining());
  }

  /** Of a path, whose first letter is a slash. */
  String to(String path) {
    return base + path;
  }

  /** Of all objects of a type. */
  String collection(String pluralName) {
    return base + "/v1/" + pluralName;
  }

  /** Of an object. */
  String object(String pluralName, String id) {
    return base + "/v1/" + pluralName + "/" + id;
  }
}
