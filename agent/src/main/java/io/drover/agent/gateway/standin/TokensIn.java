package io.drover.agent.gateway.standin;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.Base64;

/** The tokens of stand-ins in a Secret that is written, which is of a service account's token. */
final class TokensIn implements TextRule {
  private final StandIns standIns;

  TokensIn(StandIns standIns) {
    this.standIns = standIns;
  }

  @Override
  public boolean looksAt(Place place) {
    return place.isTokenOfWhole();
  }

  @Override
  public String instead(Place place, String text) {
    if (!place.name().equals("data")) {
      return standIns.bytes(text).map(token -> new String(token, UTF_8)).orElse(text);
    }
    try {
      return standIns
          .bytes(new String(Base64.getDecoder().decode(text), UTF_8))
          .map(Base64.getEncoder()::encodeToString)
          .orElse(text);
    } catch (IllegalArgumentException _) {
      return text; // the API server says so
    }
  }

  @Override
  public String insteadOfLong(Place place) {
    return ""; // longer than any token
  }
}
