package io.drover.agent.gateway.audit;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonStreamContext;
import com.fasterxml.jackson.core.JsonToken;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.List;
import java.util.Locale;

/**
 * A body in an event.
 *
 * @param text JSON on one line, whole; empty: there is none
 * @param leftOut why; empty: it is there, or there was nothing
 */
record JsonBody(String text, String leftOut) {
  /** There was no body. */
  static final JsonBody NOTHING = new JsonBody("", "");

  static final JsonBody NOT_JSON = new JsonBody("", "it is not JSON, or not whole");
  static final JsonBody TOO_LONG =
      new JsonBody("", "it has more than " + BodyCopy.MAX_BYTES + " bytes");
  static final JsonBody NO_ROOM = new JsonBody("", "there was no memory for it");
  static final JsonBody CREDENTIALS = new JsonBody("", "there are credentials in it");
  static final JsonBody STREAM = new JsonBody("", "it is a stream");

  /** What a type's name has in it if its objects are credentials, or may be. */
  private static final List<String> SECRETIVE =
      List.of("secret", "token", "kubeconfig", "credential", "password");

  private static final JsonFactory JSON = new JsonFactory();

  /** Whether a type, or a part of one, is of such as are never recorded. */
  static boolean isSecretive(String type) {
    String small = type.toLowerCase(Locale.ROOT);
    return SECRETIVE.stream().anyMatch(small::contains);
  }

  /**
   * Reads a body, and writes it anew, so that nothing in it can be taken for another event.
   *
   * @param omitsManagedFields of the object, or of those in a list
   */
  static JsonBody of(byte[] body, boolean omitsManagedFields) {
    var bytes = new ByteArrayOutputStream(body.length);
    try (var from = JSON.createParser(body);
        var to = JSON.createGenerator(bytes)) {
      if (from.nextToken() == null) {
        return NOTHING; // white space
      }
      if (!copy(from, to, omitsManagedFields)) {
        return CREDENTIALS;
      }
    } catch (IOException _) {
      return NOT_JSON;
    }
    return new JsonBody(bytes.toString(UTF_8), "");
  }

  /** False: it is, or has, an object that is not to be recorded. */
  private static boolean copy(JsonParser from, JsonGenerator to, boolean omitsManagedFields)
      throws IOException {
    for (var token = from.currentToken(); token != null; token = from.nextToken()) {
      if (token == JsonToken.FIELD_NAME) {
        var object = from.getParsingContext();
        var name = from.currentName();
        if (omitsManagedFields && name.equals("managedFields") && isMetadata(object)) {
          from.nextToken();
          from.skipChildren();
          continue;
        }
        if (name.equals("kind") && isObject(object)) {
          to.writeFieldName(name);
          if (from.nextToken() == JsonToken.VALUE_STRING && isSecretive(from.getText())) {
            return false;
          }
        }
      }
      if (from.currentToken().isNumeric()) {
        to.writeNumber(from.getText()); // as it stands there: no number of ours holds every one
      } else {
        to.copyCurrentEventExact(from);
      }
      if (from.getParsingContext().inRoot()) {
        if (from.nextToken() != null) {
          throw new IOException("there is more than one value");
        }
        return true;
      }
    }
    throw new IOException("it is not whole");
  }

  private static boolean isMetadata(JsonStreamContext object) {
    var parent = object.getParent();
    return parent != null && "metadata".equals(parent.getCurrentName()) && isObject(parent);
  }

  /** What is the body itself, or one of its items. */
  private static boolean isObject(JsonStreamContext object) {
    var parent = object.getParent();
    if (parent == null || !object.inObject()) {
      return false;
    }
    if (parent.inRoot()) {
      return true;
    }
    var list = parent.getParent();
    if (!parent.inArray() || list == null) {
      return false;
    }
    return list.inRoot()
        || ("items".equals(list.getCurrentName())
            && list.getParent() != null
            && list.getParent().inRoot());
  }
}
