package io.drover.steve.api;

import io.drover.steve.http.Request;

/**
 * The form of an answer. There is no page for people who open the API in a browser, as stock has
 * one: it would load scripts that an agent does not have.
 */
enum Format {
  JSON("application/json"),
  /** The collection without its objects in one line, then an object a line, then an empty line. */
  JSONL("application/jsonl"),
  YAML("application/yaml");

  private final String contentType;

  Format(String contentType) {
    this.contentType = contentType;
  }

  static Format of(Request request) {
    String wanted = request.query().first("_format");
    String accept = request.fields().first("Accept");
    return switch (wanted) {
      case "json" -> JSON;
      case "jsonl" -> JSONL;
      case "yaml" -> YAML;
      default ->
          accept.contains(YAML.contentType)
              ? YAML
              : accept.contains(JSONL.contentType) ? JSONL : JSON;
    };
  }

  String contentType() {
    return contentType;
  }
}
