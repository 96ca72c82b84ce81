package io.drover.server.store;

import java.security.SecureRandom;

/** Random names and tokens, in Rancher's alphabet: no vowels, nothing that looks alike. */
final class RandomText {
  /** Source: rancher {@code randomtoken}. */
  static final String ALPHABET = "bcdfghjklmnpqrstvwxz2456789";

  /** Source: rancher {@code randomtoken}: 54 characters. */
  static final int TOKEN_CHARACTERS = 54;

  /** What follows {@code c-} in a cluster's id, {@code crt-} in a token's. */
  static final int ID_CHARACTERS = 5;

  private static final SecureRandom random = new SecureRandom();

  private RandomText() {}

  static String token() {
    return text(TOKEN_CHARACTERS);
  }

  static String clusterId() {
    return "c-" + shortId();
  }

  static String shortId() {
    return text(ID_CHARACTERS);
  }

  private static String text(int characters) {
    var text = new StringBuilder(characters);
    for (int i = 0; i < characters; i++) {
      text.append(ALPHABET.charAt(random.nextInt(ALPHABET.length())));
    }
    return text.toString();
  }
}
