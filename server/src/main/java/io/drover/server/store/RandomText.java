package io.drover.server.store;

import java.security.SecureRandom;

/** Random names and tokens, in Rancher's alphabet: no vowels, nothing that looks alike. */
public final class RandomText {
  /** Source: rancher {@code randomtoken}. */
  static final String ALPHABET = "bcdfghjklmnpqrstvwxz2456789";

  /** Source: rancher {@code randomtoken}: 54 characters. */
  static final int TOKEN_CHARACTERS = 54;

  /** What follows {@code c-} in a cluster's id, {@code crt-} in a token's. */
  static final int ID_CHARACTERS = 5;

  /** 27 to the power of this: 95 bits. */
  static final int PASSWORD_CHARACTERS = 20;

  /** 27 to the power of this: 76 bits. */
  static final int REQUEST_CHARACTERS = 16;

  private static final SecureRandom random = new SecureRandom();

  private RandomText() {}

  /** Nobody guesses it. */
  public static String token() {
    return text(TOKEN_CHARACTERS);
  }

  /** Nobody guesses it, and people can type it. */
  public static String password() {
    return text(PASSWORD_CHARACTERS);
  }

  /** Of somebody who may sign in. */
  public static String userId() {
    return "u-" + shortId();
  }

  /** Of a token that a program shows. */
  public static String tokenId() {
    return "token-" + shortId();
  }

  /** Of one run of a server that has others beside it. */
  public static String replicaId() {
    return "r-" + shortId();
  }

  /** Of a request. */
  public static String requestId() {
    return text(REQUEST_CHARACTERS);
  }

  static String clusterId() {
    return "c-" + shortId();
  }

  /** The random part of an id. */
  public static String shortId() {
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
