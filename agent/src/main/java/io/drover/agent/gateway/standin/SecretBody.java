package io.drover.agent.gateway.standin;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Base64;
import java.util.Set;

/** A Secret that is to be written, as a whole. */
public final class SecretBody {
  private static final JsonFactory JSON = new JsonFactory();
  private static final JsonFactory SAID_ONCE =
      new JsonFactory().enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION);

  /**
   * Of a JSON Patch (RFC 6902): those that bring nothing from one place of the object to another.
   */
  private static final Set<String> IN_PLACE = Set.of("add", "remove", "replace", "test");

  /** It is not one object in JSON that means one thing only. */
  public static final class UnreadableException extends Exception {
    private static final long serialVersionUID = 1;

    UnreadableException(IOException cause) {
      super(cause);
    }
  }

  private final byte[] json;
  private final SecretFacts facts;
  private final StandIns standIns;

  private SecretBody(byte[] json, SecretFacts facts, StandIns standIns) {
    this.json = json;
    this.facts = facts;
    this.standIns = standIns;
  }

  static SecretBody read(byte[] json, StandIns standIns) throws UnreadableException {
    try {
      return new SecretBody(json, SecretFacts.of(json), standIns);
    } catch (IOException e) {
      throw new UnreadableException(e);
    }
  }

  /** Whether there may be a stand-in in it, in whatever form it is written. */
  public static boolean mayHaveStandIn(byte[] body) {
    var text = new String(body, ISO_8859_1);
    return text.contains(StandIns.PREFIX)
        || text.contains(Base64.getEncoder().encodeToString(StandIns.PREFIX.getBytes(ISO_8859_1)));
  }

  /**
   * Whether a patch is a JSON Patch that could bring the object's token to where it is answered as
   * it is. The API server takes every list for such a patch or for none, whatever type it is said
   * to have.
   */
  public static boolean copiesWithin(byte[] patch) throws UnreadableException {
    if (!isList(patch)) {
      return false;
    }
    boolean copies = false;
    try (var parser = SAID_ONCE.createParser(patch)) {
      int depth = 0;
      for (var token = parser.nextToken(); token != null; token = parser.nextToken()) {
        depth += token.isStructStart() ? 1 : token.isStructEnd() ? -1 : 0;
        boolean isOperation =
            depth == 2 && token == JsonToken.VALUE_STRING && "op".equals(parser.currentName());
        copies |= isOperation && !IN_PLACE.contains(parser.getText());
      }
    } catch (IOException e) {
      throw new UnreadableException(e);
    }
    return copies;
  }

  private static boolean isList(byte[] json) {
    for (byte b : json) {
      if (b > ' ') {
        return b == '[';
      }
    }
    return false;
  }

  /** The name that it is to have; empty if it says none. */
  public String name() {
    return facts.name();
  }

  /**
   * Whether a stand-in would stay in it that was perhaps not one when it was read: the Secret is of
   * another type, and yet names an account.
   */
  public boolean keepsStandIn() throws UnreadableException {
    return facts.namesAccount() && !facts.isOfAccount() && hasStandIn(json, standIns);
  }

  /**
   * With tokens instead of stand-ins, if it is of the type whose tokens are replaced again when it
   * is read, which it is for ever; the same otherwise, since what is of another type is answered as
   * it is.
   */
  public byte[] withTokens() throws UnreadableException {
    if (!facts.isOfAccount()) {
      return json;
    }
    var written = new ByteArrayOutputStream(json.length);
    try (var out = new MemberTexts(written, new TokensIn(standIns))) {
      out.write(json);
    } catch (IOException e) {
      throw new UnreadableException(e);
    }
    return written.toByteArray();
  }

  /** Whether one of the texts in this JSON is a stand-in, plain or as in a Secret's data. */
  static boolean hasStandIn(byte[] json, StandIns standIns) throws UnreadableException {
    try (var parser = JSON.createParser(json)) {
      for (var token = parser.nextToken(); token != null; token = parser.nextToken()) {
        if (token == JsonToken.VALUE_STRING && isStandIn(parser.getText(), standIns)) {
          return true;
        }
      }
      return false;
    } catch (IOException e) {
      throw new UnreadableException(e);
    }
  }

  private static boolean isStandIn(String text, StandIns standIns) {
    if (standIns.bytes(text).isPresent()) {
      return true;
    }
    try {
      return standIns.bytes(new String(Base64.getDecoder().decode(text), UTF_8)).isPresent();
    } catch (IllegalArgumentException _) {
      return false;
    }
  }
}
