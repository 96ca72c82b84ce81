package io.drover.standin;

import java.security.SecureRandom;
import java.util.Base64;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/** The bearer tokens that are let in, and whose they are. They last as long as this process. */
final class Tokens {
  static final String ADMIN = "admin";

  private static final int LENGTH_BYTES = 32;

  private final SecureRandom random = new SecureRandom();
  private final Map<String, String> users = new ConcurrentHashMap<>();

  /** A new token of a user. */
  String issue(String user) {
    byte[] bytes = new byte[LENGTH_BYTES];
    random.nextBytes(bytes);
    String token = Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    users.put(token, user);
    return token;
  }

  String issue(String namespace, String serviceAccount) {
    return issue("system:serviceaccount:%s:%s".formatted(namespace, serviceAccount));
  }

  Optional<String> user(String token) {
    return Optional.ofNullable(users.get(token));
  }
}
