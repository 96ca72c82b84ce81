package io.drover.agent.gateway.audit;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonToken;
import io.drover.agent.config.Secret;
import java.io.IOException;
import java.util.Base64;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * As whom the API server knows us, by the token that we show it. It is replaced every hour; what it
 * says is read once. Any thread.
 */
public final class OwnName {
  private static final Pattern JWT =
      Pattern.compile("[A-Za-z0-9_-]+\\.(?<claims>[A-Za-z0-9_-]+)\\.[A-Za-z0-9_-]+");

  private static final String SUBJECT = "sub";
  private static final JsonFactory JSON = new JsonFactory();

  private record Read(Secret token, String name) {}

  private volatile @Nullable Read last;

  /** Such as {@code system:serviceaccount:cattle-system:cattle}; empty if the token says none. */
  public String of(Secret token) {
    var read = last;
    if (read == null || !read.token().equals(token)) {
      read = new Read(token, name(token));
      last = read;
    }
    return read.name();
  }

  private static String name(Secret token) {
    var jwt = JWT.matcher(token.value());
    if (!jwt.matches()) {
      return "";
    }
    try {
      var claims = new String(Base64.getUrlDecoder().decode(jwt.group("claims")), UTF_8);
      return subject(claims);
    } catch (IOException | IllegalArgumentException _) {
      return "";
    }
  }

  private static String subject(String claims) throws IOException {
    try (var json = JSON.createParser(claims)) {
      if (json.nextToken() != JsonToken.START_OBJECT) {
        return "";
      }
      while (json.nextToken() == JsonToken.FIELD_NAME) {
        boolean wanted = json.currentName().equals(SUBJECT);
        var value = json.nextToken();
        if (wanted) {
          return value == JsonToken.VALUE_STRING ? json.getText() : "";
        }
        json.skipChildren();
      }
      return "";
    }
  }
}
