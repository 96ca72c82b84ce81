package io.drover.server.store;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.security.MessageDigest;

/**
 * A token that must not be printed.
 *
 * @param value the plain text
 */
public record Secret(String value) {

  /** Compares in a time that does not tell how much is equal. */
  public boolean matches(String candidate) {
    return MessageDigest.isEqual(value.getBytes(UTF_8), candidate.getBytes(UTF_8));
  }

  @Override
  public String toString() {
    return "***";
  }
}
