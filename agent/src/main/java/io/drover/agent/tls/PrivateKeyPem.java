package io.drover.agent.tls;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.US_ASCII;

import io.drover.agent.config.Secret;
import io.drover.agent.reason.Failure;
import io.drover.agent.reason.Reason;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.PrivateKey;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.crypto.Cipher;
import javax.crypto.EncryptedPrivateKeyInfo;
import javax.crypto.NoSuchPaddingException;
import javax.crypto.SecretKeyFactory;
import javax.crypto.spec.IvParameterSpec;
import javax.crypto.spec.PBEKeySpec;
import javax.crypto.spec.SecretKeySpec;
import org.jspecify.annotations.Nullable;

/**
 * RSA and EC keys in every form of PEM that OpenSSL writes: PKCS #8, PKCS #1 (RSA), SEC 1 (EC), and
 * each of them encrypted. Java reads the first only, but has all that the others are made of.
 */
final class PrivateKeyPem {
  private static final Pattern PEM =
      Pattern.compile(
          "-----BEGIN (|RSA |EC |ENCRYPTED )PRIVATE KEY-----\\s*?\\n"
              + "((?:[\\w-]+:.*\\n)*)"
              + "([A-Za-z0-9+/=\\s]*)-----END \\1PRIVATE KEY-----");

  /** Source: RFC 1421, as OpenSSL writes it: cipher, initialization vector. */
  private static final Pattern DEK_INFO = Pattern.compile("DEK-Info:\\s*([\\w-]+),([0-9A-Fa-f]+)");

  /** The algorithm rsaEncryption without parameters, in DER. */
  private static final byte[] RSA = HexFormat.of().parseHex("300d06092a864886f70d0101010500");

  /** The name of the algorithm ecPublicKey, in DER. */
  private static final byte[] EC = HexFormat.of().parseHex("06072a8648ce3d0201");

  private static final byte[] VERSION_0 = {2, 1, 0};
  private static final int SEQUENCE = 0x30;
  private static final int OCTETS = 0x04;
  private static final int CURVE = 0xa0; // [0] in SEC 1
  private static final int SALT_BYTES = 8;

  private PrivateKeyPem() {}

  /**
   * The first key in {@code pem}.
   *
   * @param password of a key that is encrypted; otherwise not looked at
   * @throws Failure if there is none, it cannot be read, or the password is not its own
   */
  static PrivateKey read(Secret pem, Secret password) throws Failure {
    var found = PEM.matcher(pem.value().replace("\r\n", "\n"));
    if (!found.find()) {
      throw unusable("there is no key in PEM form, as PKCS #8, PKCS #1 or SEC 1", null);
    }
    try {
      byte[] der = Base64.getMimeDecoder().decode(found.group(3).getBytes(US_ASCII));
      return switch (found.group(1)) {
        case "ENCRYPTED " -> key(decrypted(der, required(password)));
        case "RSA " -> key(pkcs8(RSA, decrypted(found, der, password)));
        case "EC " -> {
          byte[] sec1 = decrypted(found, der, password);
          yield key(pkcs8(tagged(SEQUENCE, EC, curve(sec1)), sec1));
        }
        default -> key(der);
      };
    } catch (IllegalArgumentException | BufferUnderflowException e) { // of its DER, or its base64
      throw unusable("the key is not whole, or of no kind that is known", e);
    }
  }

  private static PrivateKey key(byte[] pkcs8) throws Failure {
    for (String algorithm : List.of("RSA", "EC")) {
      try {
        return KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(pkcs8));
      } catch (GeneralSecurityException _) {
        // Perhaps it is of the other kind.
      }
    }
    throw unusable("the key is neither RSA nor EC", null);
  }

  private static Secret required(Secret password) throws Failure {
    if (password.isEmpty()) {
      throw unusable("the key is encrypted, and there is no password", null);
    }
    return password;
  }

  // ---- encrypted: PKCS #8

  private static byte[] decrypted(byte[] der, Secret password) throws Failure {
    EncryptedPrivateKeyInfo encrypted;
    try {
      encrypted = new EncryptedPrivateKeyInfo(der);
    } catch (IOException e) {
      throw unknownCipher("what Java does not know", e);
    }
    var spec = new PBEKeySpec(password.value().toCharArray());
    try {
      // Of PBES2 the algorithm's own name says nothing; its parameters say which it is.
      String parameters = String.valueOf(encrypted.getAlgParameters());
      String name = parameters.startsWith("PBE") ? parameters : encrypted.getAlgName();
      var cipher = Cipher.getInstance(name);
      cipher.init(
          Cipher.DECRYPT_MODE,
          SecretKeyFactory.getInstance(name).generateSecret(spec),
          encrypted.getAlgParameters());
      return encrypted.getKeySpec(cipher).getEncoded();
    } catch (NoSuchAlgorithmException | NoSuchPaddingException e) {
      throw unknownCipher(String.valueOf(e.getMessage()), e);
    } catch (GeneralSecurityException e) {
      throw wrongPassword(e);
    } finally {
      spec.clearPassword();
    }
  }

  // ---- encrypted: as OpenSSL did it before PKCS #8

  private static byte[] decrypted(Matcher pem, byte[] der, Secret password) throws Failure {
    if (!pem.group(2).contains("ENCRYPTED")) {
      return der;
    }
    var info = DEK_INFO.matcher(pem.group(2));
    if (!info.find()) {
      throw unusable("the key is encrypted, and does not say how (DEK-Info)", null);
    }
    String cipher = info.group(1).toUpperCase(Locale.ROOT);
    String hex = info.group(2);
    if (hex.length() % 2 != 0 || hex.length() < 2 * SALT_BYTES) {
      throw unusable("the key is encrypted, and its DEK-Info is not whole", null);
    }
    byte[] vector = HexFormat.of().parseHex(hex);
    return switch (cipher) {
      case "AES-128-CBC" -> decrypted(der, "AES", 16, vector, required(password));
      case "AES-192-CBC" -> decrypted(der, "AES", 24, vector, required(password));
      case "AES-256-CBC" -> decrypted(der, "AES", 32, vector, required(password));
      case "DES-EDE3-CBC" -> decrypted(der, "DESede", 24, vector, required(password));
      default -> throw unknownCipher(cipher, null);
    };
  }

  private static byte[] decrypted(
      byte[] der, String algorithm, int keyBytes, byte[] vector, Secret password) throws Failure {
    try {
      var cipher = Cipher.getInstance(algorithm + "/CBC/PKCS5Padding");
      cipher.init(
          Cipher.DECRYPT_MODE,
          new SecretKeySpec(derived(password, vector, keyBytes), algorithm),
          new IvParameterSpec(vector));
      byte[] plain = cipher.doFinal(der);
      if (plain.length == 0 || plain[0] != SEQUENCE) {
        throw wrongPassword(null); // by chance the padding was one
      }
      return plain;
    } catch (GeneralSecurityException e) {
      throw wrongPassword(e);
    }
  }

  /** Source: OpenSSL, {@code EVP_BytesToKey} with MD5 and one round. */
  private static byte[] derived(Secret password, byte[] vector, int keyBytes)
      throws GeneralSecurityException {
    var key = new ByteArrayOutputStream();
    byte[] last = new byte[0];
    while (key.size() < keyBytes) {
      var md5 = MessageDigest.getInstance("MD5");
      md5.update(last);
      md5.update(password.value().getBytes(ISO_8859_1));
      md5.update(vector, 0, SALT_BYTES);
      last = md5.digest();
      key.writeBytes(last);
    }
    return Arrays.copyOf(key.toByteArray(), keyBytes);
  }

  // ---- DER

  private static byte[] pkcs8(byte[] algorithm, byte[] key) {
    return tagged(SEQUENCE, VERSION_0, algorithm, tagged(OCTETS, key));
  }

  /** The name of the curve, which SEC 1 has behind version and number. */
  private static byte[] curve(byte[] sec1) throws Failure {
    var in = ByteBuffer.wrap(sec1);
    in.get();
    length(in); // of the sequence
    for (int i = 0; i < 2; i++) {
      in.get();
      int length = length(in);
      in.position(in.position() + length); // past the end is an IllegalArgumentException
    }
    if (!in.hasRemaining() || (in.get() & 0xff) != CURVE) {
      throw unusable("the EC key does not name its curve", null);
    }
    int length = length(in);
    if (length > in.remaining()) {
      throw unusable("the EC key is not whole", null);
    }
    byte[] name = new byte[length];
    in.get(name);
    return name;
  }

  private static int length(ByteBuffer in) {
    int first = in.get() & 0xff;
    return switch (first) {
      case 0x81 -> in.get() & 0xff;
      case 0x82 -> in.getShort() & 0xffff;
      default -> first; // too long for what is there if it is none, which the caller notices
    };
  }

  private static byte[] tagged(int tag, byte[]... parts) {
    var content = new ByteArrayOutputStream();
    for (byte[] part : parts) {
      content.writeBytes(part);
    }
    var der = new ByteArrayOutputStream();
    der.write(tag);
    if (content.size() < 0x80) {
      der.write(content.size());
    } else if (content.size() <= 0xff) {
      der.write(0x81);
      der.write(content.size());
    } else {
      der.write(0x82); // no key is longer
      der.write(content.size() >> 8);
      der.write(content.size());
    }
    der.writeBytes(content.toByteArray());
    return der.toByteArray();
  }

  private static Failure wrongPassword(@Nullable Exception cause) {
    return unusable("the password does not open the key, or the key is broken", cause);
  }

  private static Failure unknownCipher(String cipher, @Nullable Exception cause) {
    return unusable(
        "the key is encrypted by %s: write it anew with openssl pkcs8 -topk8 -v2 aes-256-cbc"
            .formatted(cipher),
        cause);
  }

  private static Failure unusable(String why, @Nullable Exception cause) {
    return new Failure(Reason.CERTIFICATE_UNUSABLE, why, cause);
  }
}
