package io.drover.agent.gateway.standin;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import io.drover.agent.config.Secret;
import java.io.InputStream;
import java.io.OutputStream;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.Base64;
import java.util.Optional;
import java.util.regex.Pattern;
import javax.crypto.Cipher;
import javax.crypto.Mac;
import javax.crypto.spec.IvParameterSpec;
import javax.crypto.spec.SecretKeySpec;

/**
 * A text for each token, and the token of such a text: the token itself, encrypted under a key that
 * never leaves the cluster. The same token always gets the same text, so that restarts and replicas
 * need no table, and whoever watches sees no change where there is none. Any thread.
 *
 * <p>Encryption with a synthetic initialization vector, as in RFC 5297: HMAC-SHA-256 of the token
 * proves it, and begins the counter of AES-256-CTR. Nothing that is equal for two tokens follows
 * from this but that they are equal, and how long they are.
 */
public final class StandIns {
  /** What each of them begins with. Its length is a multiple of 3, so that Base64 shows it too. */
  public static final String PREFIX = "drover-standin-";

  /** In the Secret that the replicas share. */
  public static final String KEY_NAME = "stand-ins.key";

  /** Of a token. Those of Kubernetes have 1 to 2 KiB; a bearer may have no more than 64. */
  static final int MAX_TOKEN_BYTES = 16 * 1024;

  /** Instead of what is not given at all. */
  static final String WITHHELD = "withheld";

  /** The same as in a Secret's data. */
  static final String WITHHELD_DATA =
      Base64.getEncoder().encodeToString(WITHHELD.getBytes(ISO_8859_1));

  private static final int KEY_BYTES = 32;
  private static final int TAG_BYTES = 16;
  private static final String MAC = "HmacSHA256";
  private static final Pattern KEY = Pattern.compile("[A-Za-z0-9_-]{43}");

  private final SecretKeySpec macKey;
  private final SecretKeySpec cipherKey;

  /**
   * Those of one key.
   *
   * @param key as {@link #newKey} made it
   */
  public StandIns(Secret key) {
    var root = new SecretKeySpec(key.value().getBytes(ISO_8859_1), MAC);
    this.macKey = new SecretKeySpec(mac(root, "stand-ins: proof".getBytes(ISO_8859_1)), MAC);
    this.cipherKey =
        new SecretKeySpec(mac(root, "stand-ins: encryption".getBytes(ISO_8859_1)), "AES");
  }

  /** At random. */
  public static Secret newKey() {
    byte[] random = new byte[KEY_BYTES];
    new SecureRandom().nextBytes(random);
    return new Secret(Base64.getUrlEncoder().withoutPadding().encodeToString(random));
  }

  /** Whether it is such a key. */
  public static boolean isKey(Secret key) {
    return KEY.matcher(key.value()).matches();
  }

  /**
   * What passes an answer of the API server on with stand-ins for its tokens. Closing it fails if
   * the answer was cut off.
   */
  public OutputStream answer(OutputStream out) {
    return new MemberTexts(out, new TokensOut(this));
  }

  /**
   * The same for whoever reads it. At its end it fails if the answer was cut off; closing it closes
   * the answer.
   */
  public InputStream answer(InputStream answer) {
    return new ReadTexts(answer, out -> new MemberTexts(out, new TokensOut(this)));
  }

  /** The same for what is sent to the API server, with the tokens of its stand-ins. */
  public SecretBody body(byte[] body) throws SecretBody.UnreadableException {
    return SecretBody.read(body, this);
  }

  /** Whether a text in this JSON is a stand-in, plain or as in a Secret's data. */
  public boolean isIn(byte[] json) throws SecretBody.UnreadableException {
    return SecretBody.hasStandIn(json, this);
  }

  /** The text that stands for this token, however long it is. */
  public String of(byte[] token) {
    byte[] tag = tag(token);
    byte[] sealed = Arrays.copyOf(tag, TAG_BYTES + token.length);
    byte[] hidden = crypt(tag, token);
    System.arraycopy(hidden, 0, sealed, TAG_BYTES, hidden.length);
    return PREFIX + Base64.getUrlEncoder().withoutPadding().encodeToString(sealed);
  }

  /** Whether it claims to be one. */
  public static boolean looksLike(String text) {
    return text.startsWith(PREFIX);
  }

  /** The token for which a text stands; empty: for none, whatever it looks like. */
  public Optional<Secret> token(String standIn) {
    return bytes(standIn).map(token -> new Secret(new String(token, UTF_8)));
  }

  /** The same, as it was. */
  Optional<byte[]> bytes(String standIn) {
    if (!looksLike(standIn)) {
      return Optional.empty();
    }
    byte[] sealed;
    try {
      sealed = Base64.getUrlDecoder().decode(standIn.substring(PREFIX.length()));
    } catch (IllegalArgumentException _) {
      return Optional.empty();
    }
    if (sealed.length <= TAG_BYTES || sealed.length > TAG_BYTES + MAX_TOKEN_BYTES) {
      return Optional.empty();
    }
    byte[] tag = Arrays.copyOf(sealed, TAG_BYTES);
    byte[] token = crypt(tag, Arrays.copyOfRange(sealed, TAG_BYTES, sealed.length));
    return MessageDigest.isEqual(tag, tag(token)) ? Optional.of(token) : Optional.empty();
  }

  private byte[] tag(byte[] token) {
    return Arrays.copyOf(mac(macKey, token), TAG_BYTES);
  }

  private static byte[] mac(SecretKeySpec key, byte[] text) {
    try {
      var mac = Mac.getInstance(MAC);
      mac.init(key);
      return mac.doFinal(text);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e); // every JDK has it
    }
  }

  /** Both ways. */
  private byte[] crypt(byte[] tag, byte[] text) {
    try {
      var cipher = Cipher.getInstance("AES/CTR/NoPadding");
      cipher.init(Cipher.ENCRYPT_MODE, cipherKey, new IvParameterSpec(tag));
      return cipher.doFinal(text);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e); // every JDK has it
    }
  }
}
