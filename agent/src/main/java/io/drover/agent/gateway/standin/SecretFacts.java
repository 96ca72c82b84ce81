package io.drover.agent.gateway.standin;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;

/**
 * What a Secret says of itself, when all of it is there.
 *
 * @param type empty if it says none
 * @param namesAccount whether it has the annotation by which an answer's tokens are known
 */
record SecretFacts(String type, String name, boolean namesAccount) {
  private static final String ACCOUNT_TOKEN = "kubernetes.io/service-account-token";
  private static final JsonFactory JSON =
      new JsonFactory().enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION);

  /**
   * Reads one.
   *
   * @throws IOException if it is not one object in JSON, or says something twice
   */
  static SecretFacts of(byte[] json) throws IOException {
    String type = "";
    var metadata = new Metadata("", false);
    try (var parser = JSON.createParser(json)) {
      if (parser.nextToken() != JsonToken.START_OBJECT) {
        throw new IOException("not an object");
      }
      while (parser.nextToken() == JsonToken.FIELD_NAME) {
        var key = parser.currentName();
        var value = parser.nextToken();
        if (key.equals("type") && value == JsonToken.VALUE_STRING) {
          type = parser.getText();
        } else if (key.equals("metadata") && value == JsonToken.START_OBJECT) {
          metadata = metadata(parser);
        } else {
          skip(parser);
        }
      }
      if (parser.nextToken() != null) {
        throw new IOException("more than one object");
      }
    }
    return new SecretFacts(type, metadata.name(), metadata.namesAccount());
  }

  private record Metadata(String name, boolean namesAccount) {}

  private static Metadata metadata(JsonParser parser) throws IOException {
    String name = "";
    boolean namesAccount = false;
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      var key = parser.currentName();
      var value = parser.nextToken();
      if (key.equals("name") && value == JsonToken.VALUE_STRING) {
        name = parser.getText();
      } else if (key.equals("annotations") && value == JsonToken.START_OBJECT) {
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
          namesAccount |= parser.currentName().equals(Place.ACCOUNT);
          parser.nextToken();
          skip(parser);
        }
      } else {
        skip(parser);
      }
    }
    return new Metadata(name, namesAccount);
  }

  /** Not as the library does it, which would not look at what is said twice in there. */
  private static void skip(JsonParser parser) throws IOException {
    int depth = 0;
    var token = parser.currentToken();
    while (token != null) {
      depth += token.isStructStart() ? 1 : token.isStructEnd() ? -1 : 0;
      if (depth == 0) {
        return;
      }
      token = parser.nextToken();
    }
    throw new IOException("cut off");
  }

  boolean isOfAccount() {
    return type.equals(ACCOUNT_TOKEN);
  }
}
