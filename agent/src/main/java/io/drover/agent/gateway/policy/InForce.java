package io.drover.agent.gateway.policy;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * What a running agent decides by, for whoever asks it at its control socket. Immutable.
 *
 * @param revision of the ConfigMap as it was read last; empty: there is none, or it is not known
 * @param goodRevision that of it from which the policy in force is; empty: of none
 * @param text of the policy in force; empty: none has been good yet, and nothing is let through
 * @param breakGlass until when nothing is denied
 * @param problems what is wrong with the newest, or why it cannot be read; empty: nothing
 */
public record InForce(
    State state,
    String revision,
    String goodRevision,
    String text,
    BreakGlass breakGlass,
    List<String> problems) {

  /** What is known of a policy. */
  public enum State {
    /** Nothing goes on. */
    UNKNOWN,
    /** There is none: everything goes on. */
    NONE,
    THERE
  }

  private static final JsonFactory JSON = new JsonFactory();
  private static final String STATE = "state";
  private static final String REVISION = "revision";
  private static final String GOOD_REVISION = "goodRevision";
  private static final String TEXT = "text";
  private static final String BREAK_GLASS = "breakGlassUntil";
  private static final String PROBLEMS = "problems";

  public InForce {
    problems = List.copyOf(problems);
  }

  /** Whether the newest was not taken, so that the one before it stays in force. */
  public boolean isLastGood() {
    return state == State.THERE && !revision.equals(goodRevision);
  }

  /**
   * The policy.
   *
   * @throws PolicyException if this reader does not understand what the agent has understood
   */
  public Policy policy() throws PolicyException {
    return text.isEmpty() ? Policy.closed() : Policy.parse(text);
  }

  /** As one object of JSON. */
  public String json() {
    var written = new StringWriter();
    try (var json = JSON.createGenerator(written)) {
      json.writeStartObject();
      json.writeStringField(STATE, state.name().toLowerCase(Locale.ROOT));
      json.writeStringField(REVISION, revision);
      json.writeStringField(GOOD_REVISION, goodRevision);
      json.writeStringField(BREAK_GLASS, breakGlass.until().toString());
      json.writeArrayFieldStart(PROBLEMS);
      for (String problem : problems) {
        json.writeString(problem);
      }
      json.writeEndArray();
      json.writeStringField(TEXT, text);
      json.writeEndObject();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return written.toString();
  }

  /**
   * From such an object; what is not known in it is passed over.
   *
   * @throws IOException if it is none
   */
  public static InForce parse(String json) throws IOException {
    var state = State.UNKNOWN;
    String revision = "";
    String goodRevision = "";
    String text = "";
    var until = Instant.EPOCH;
    var problems = new ArrayList<String>();
    try (var parser = JSON.createParser(json)) {
      if (parser.nextToken() != JsonToken.START_OBJECT) {
        throw new IOException("it is no object of JSON");
      }
      while (parser.nextToken() == JsonToken.FIELD_NAME) {
        String field = parser.currentName();
        parser.nextToken();
        switch (field) {
          case STATE -> state = State.valueOf(parser.getText().toUpperCase(Locale.ROOT));
          case REVISION -> revision = parser.getText();
          case GOOD_REVISION -> goodRevision = parser.getText();
          case BREAK_GLASS -> until = Instant.parse(parser.getText());
          case TEXT -> text = parser.getText();
          case PROBLEMS -> readTexts(parser, problems);
          default -> parser.skipChildren();
        }
      }
    } catch (IllegalArgumentException | DateTimeException e) {
      throw new IOException(e.getMessage(), e);
    }
    return new InForce(state, revision, goodRevision, text, new BreakGlass(until), problems);
  }

  private static void readTexts(JsonParser parser, List<String> texts) throws IOException {
    while (parser.nextToken() == JsonToken.VALUE_STRING) {
      texts.add(parser.getText());
    }
  }
}
