package io.drover.server.account;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.drover.server.store.Secret;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.concurrent.Semaphore;
import java.util.regex.Pattern;
import org.bouncycastle.crypto.generators.Argon2BytesGenerator;
import org.bouncycastle.crypto.params.Argon2Parameters;

/** Hashes passwords with argon2id, in the usual text form. Any thread; a hash takes some 50 ms. */
final class Passwords {
  /** Source: OWASP Password Storage Cheat Sheet, the first of its equal choices. */
  static final int MEMORY_KIB = 19 * 1024;

  /** The same source. */
  static final int PASSES = 2;

  /** The same source. */
  static final int LANES = 1;

  /** Rancher's default, {@code password-min-length}. */
  static final int SHORTEST = 12;

  /** More is not read. */
  static final int LONGEST = 256;

  /** Hashes at one time, each of which takes {@link #MEMORY_KIB}. */
  static final int AT_ONCE = 2;

  /** Those that may wait for it. */
  static final int WAITING = 64;

  private static final int SALT_BYTES = 16;
  private static final int HASH_BYTES = 32;
  private static final Pattern FORM =
      Pattern.compile("\\$argon2id\\$v=19\\$m=(\\d+),t=(\\d+),p=(\\d+)\\$([^$]+)\\$([^$]+)");
  private static final SecureRandom random = new SecureRandom();

  /** Of no password: as much work as any. */
  static final String NOBODYS =
      form(MEMORY_KIB, PASSES, LANES, new byte[SALT_BYTES], new byte[HASH_BYTES]);

  private static final Semaphore turns = new Semaphore(AT_ONCE, true);

  private Passwords() {}

  /**
   * Hashes a new password.
   *
   * @throws IllegalArgumentException if it is too short or too long
   */
  static String hash(Secret password) {
    int length = password.value().length();
    if (length < SHORTEST || length > LONGEST) {
      throw new IllegalArgumentException(
          "password must have %d to %d characters".formatted(SHORTEST, LONGEST));
    }
    var salt = new byte[SALT_BYTES];
    random.nextBytes(salt);
    return form(MEMORY_KIB, PASSES, LANES, salt, hash(password, MEMORY_KIB, PASSES, LANES, salt));
  }

  /** Whether a hash is that of a password. */
  static boolean isOf(String hash, Secret password) {
    var parts = FORM.matcher(hash);
    if (!parts.matches()) {
      throw new IllegalStateException("a hash in another form");
    }
    if (password.value().length() > LONGEST) {
      return false;
    }
    var decoder = Base64.getDecoder();
    var found =
        hash(
            password,
            Integer.parseInt(parts.group(1)),
            Integer.parseInt(parts.group(2)),
            Integer.parseInt(parts.group(3)),
            decoder.decode(parts.group(4)));
    return MessageDigest.isEqual(decoder.decode(parts.group(5)), found);
  }

  private static byte[] hash(Secret password, int memoryKib, int passes, int lanes, byte[] salt) {
    var generator = new Argon2BytesGenerator();
    generator.init(
        new Argon2Parameters.Builder(Argon2Parameters.ARGON2_id)
            .withVersion(Argon2Parameters.ARGON2_VERSION_13)
            .withMemoryAsKB(memoryKib)
            .withIterations(passes)
            .withParallelism(lanes)
            .withSalt(salt)
            .build());
    var hash = new byte[HASH_BYTES];
    if (turns.getQueueLength() >= WAITING) {
      throw new BusyException("too many people sign in at one time: try again in some seconds");
    }
    turns.acquireUninterruptibly(); // those before it take a tenth of a second each
    try {
      generator.generateBytes(password.value().getBytes(UTF_8), hash);
    } finally {
      turns.release();
    }
    return hash;
  }

  private static String form(int memoryKib, int passes, int lanes, byte[] salt, byte[] hash) {
    var encoder = Base64.getEncoder().withoutPadding();
    return "$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s"
        .formatted(
            memoryKib, passes, lanes, encoder.encodeToString(salt), encoder.encodeToString(hash));
  }
}
