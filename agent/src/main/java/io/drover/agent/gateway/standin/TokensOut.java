package io.drover.agent.gateway.standin;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Base64;

/**
 * Stand-ins for the tokens in what the API server answers: a Secret, a list or a table of such, a
 * watch's events, or a new token that was asked for. Where it is not known yet whose Secret it is,
 * a token is taken for one of a service account.
 */
final class TokensOut implements TextRule {
  static final String NAMESPACE = "cattle-system";

  /** Whose content is the agent's own. */
  static final String OWN = "drover-gateway";

  /** As {@code kubectl apply} leaves it, with all the data in it. */
  static final String LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";

  private final StandIns standIns;

  TokensOut(StandIns standIns) {
    this.standIns = standIns;
  }

  @Override
  public boolean looksAt(Place place) {
    return switch (place.name()) {
      case "data" -> isOfOwn(place) || isToken(place);
      case "status" -> place.key().equals("token"); // of a TokenRequest
      case "annotations" -> place.key().equals(LAST_APPLIED);
      default -> false;
    };
  }

  /** All that the server was not told anyway. */
  private static boolean isOfOwn(Place data) {
    var secret = data.parent();
    return data.key().equals(StandIns.KEY_NAME)
        || (secret != null && secret.isCalled(NAMESPACE, OWN) && !data.key().endsWith(".crt"));
  }

  private static boolean isToken(Place data) {
    var secret = data.parent();
    return data.key().equals("token")
        && secret != null
        && (!secret.isDescribed() || secret.isOfAccount());
  }

  @Override
  public String instead(Place place, String text) {
    return switch (place.name()) {
      case "data" -> isOfOwn(place) ? StandIns.WITHHELD_DATA : data(text);
      case "status" -> token(text);
      default -> lastApplied(text);
    };
  }

  @Override
  public String insteadOfLong(Place place) {
    return place.name().equals("data") ? StandIns.WITHHELD_DATA : StandIns.WITHHELD;
  }

  /** As it stands in a Secret's data. */
  private String data(String base64) {
    if (base64.isEmpty()) {
      return base64; // none is made yet
    }
    try {
      byte[] token = Base64.getDecoder().decode(base64);
      if (standIns.bytes(new String(token, UTF_8)).isPresent()) {
        return base64; // somebody has written one there
      }
      return token.length > StandIns.MAX_TOKEN_BYTES
          ? StandIns.WITHHELD_DATA
          : Base64.getEncoder().encodeToString(standIns.of(token).getBytes(UTF_8));
    } catch (IllegalArgumentException _) {
      return StandIns.WITHHELD_DATA;
    }
  }

  private String token(String text) {
    byte[] token = text.getBytes(UTF_8);
    if (token.length == 0 || standIns.bytes(text).isPresent()) {
      return text;
    }
    return token.length > StandIns.MAX_TOKEN_BYTES ? StandIns.WITHHELD : standIns.of(token);
  }

  /** Says of which type it is only at its end. */
  private String lastApplied(String text) {
    try {
      byte[] bytes = text.getBytes(UTF_8);
      var facts = SecretFacts.of(bytes);
      if (facts.name().equals(OWN)) {
        return StandIns.WITHHELD;
      }
      if (!facts.isOfAccount()) {
        return text;
      }
      var rewritten = new ByteArrayOutputStream();
      try (var out = new MemberTexts(rewritten, new Applied())) {
        out.write(bytes);
      }
      return rewritten.toString(UTF_8);
    } catch (IOException _) {
      return StandIns.WITHHELD;
    }
  }

  /** What somebody has applied: a Secret with a token. */
  private final class Applied implements TextRule {
    @Override
    public boolean looksAt(Place place) {
      return place.isTokenOfWhole();
    }

    @Override
    public String instead(Place place, String text) {
      return place.name().equals("data") ? data(text) : token(text);
    }

    @Override
    public String insteadOfLong(Place place) {
      return TokensOut.this.insteadOfLong(place);
    }
  }
}
