package io.drover.agent.tls;

import static java.nio.charset.StandardCharsets.US_ASCII;

import io.drover.agent.config.Secret;
import io.drover.agent.reason.Failure;
import io.drover.agent.reason.Reason;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.StringReader;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.regex.Pattern;
import org.bouncycastle.asn1.pkcs.PrivateKeyInfo;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.openssl.EncryptionException;
import org.bouncycastle.openssl.PEMEncryptedKeyPair;
import org.bouncycastle.openssl.PEMKeyPair;
import org.bouncycastle.openssl.PEMParser;
import org.bouncycastle.openssl.jcajce.JceOpenSSLPKCS8DecryptorProviderBuilder;
import org.bouncycastle.openssl.jcajce.JcePEMDecryptorProviderBuilder;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.pkcs.PKCS8EncryptedPrivateKeyInfo;
import org.bouncycastle.pkcs.PKCSException;
import org.jspecify.annotations.Nullable;

/**
 * RSA and EC keys in every form of PEM that OpenSSL writes: PKCS #8, PKCS #1 (RSA), SEC 1 (EC), and
 * each of them encrypted. Java reads the first only, Bouncy Castle the others; but for plain PKCS
 * #1, which Helm makes for node agents: they have no memory for it, and a frame around it makes it
 * PKCS #8.
 */
final class PrivateKeyPem {
  private static final Pattern PEM =
      Pattern.compile(
          "-----BEGIN (|RSA |EC |ENCRYPTED )PRIVATE KEY-----\\s*\\n"
              + "(.*?)-----END \\1PRIVATE KEY-----",
          Pattern.DOTALL);

  /** Version 0 and the algorithm rsaEncryption without parameters, in DER. */
  private static final byte[] RSA =
      HexFormat.of().parseHex("020100" + "300d06092a864886f70d0101010500");

  private static final int SEQUENCE = 0x30;
  private static final int OCTETS = 0x04;
  private static final int TWO_BYTES_OF_LENGTH = 0x82;

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
    boolean isPkcs1 = found.group(1).equals("RSA ") && found.group(2).indexOf(':') < 0;
    if (!found.group(1).isEmpty() && !isPkcs1) {
      return key(Other.pkcs8(found.group(), password));
    }
    try {
      byte[] der = Base64.getMimeDecoder().decode(found.group(2).getBytes(US_ASCII));
      return key(isPkcs1 ? pkcs8(der) : der);
    } catch (IllegalArgumentException e) { // of its base64
      throw broken(e);
    }
  }

  private static byte[] pkcs8(byte[] pkcs1) {
    var content = new ByteArrayOutputStream();
    content.writeBytes(RSA);
    content.writeBytes(tagged(OCTETS, pkcs1));
    return tagged(SEQUENCE, content.toByteArray());
  }

  /** An RSA key is neither shorter nor longer than two bytes of length can say. */
  private static byte[] tagged(int tag, byte[] content) {
    var der = new ByteArrayOutputStream();
    der.write(tag);
    der.write(TWO_BYTES_OF_LENGTH);
    der.write(content.length >> 8);
    der.write(content.length);
    der.writeBytes(content);
    return der.toByteArray();
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

  /** The forms that Java does not read; a class of its own, so that no other loads the library. */
  private static final class Other {
    /** As PKCS #8, which Java reads. */
    static byte[] pkcs8(String pem, Secret password) throws Failure {
      try (var parser = new PEMParser(new StringReader(pem))) {
        return info(parser.readObject(), password).getEncoded();
      } catch (Failure e) {
        throw e;
      } catch (EncryptionException | PKCSException e) {
        throw unusable("the password does not open the key, or the key is broken", e);
      } catch (OperatorCreationException e) {
        throw unusable(
            "the key is encrypted in a way that is not known: write it anew with openssl pkcs8"
                + " -topk8 -v2 aes-256-cbc",
            e);
      } catch (IOException | RuntimeException e) { // as it meets rubbish
        throw broken(e);
      }
    }

    private static PrivateKeyInfo info(@Nullable Object form, Secret password)
        throws IOException, OperatorCreationException, PKCSException {
      return switch (form) {
        case PEMKeyPair pair -> pair.getPrivateKeyInfo();
        case PEMEncryptedKeyPair encrypted ->
            encrypted
                .decryptKeyPair(
                    new JcePEMDecryptorProviderBuilder()
                        .setProvider(new BouncyCastleProvider())
                        .build(required(password)))
                .getPrivateKeyInfo();
        case PKCS8EncryptedPrivateKeyInfo encrypted ->
            encrypted.decryptPrivateKeyInfo(
                new JceOpenSSLPKCS8DecryptorProviderBuilder()
                    .setProvider(new BouncyCastleProvider())
                    .build(required(password)));
        case null, default -> throw broken(null);
      };
    }

    private static char[] required(Secret password) throws Failure {
      if (password.isEmpty()) {
        throw unusable("the key is encrypted, and there is no password", null);
      }
      return password.value().toCharArray();
    }
  }

  private static Failure broken(@Nullable Exception cause) {
    return unusable("the key is not whole, or of no kind that is known", cause);
  }

  private static Failure unusable(String why, @Nullable Exception cause) {
    return new Failure(Reason.CERTIFICATE_UNUSABLE, why, cause);
  }
}
