package io.drover.agent.tls;

import static java.nio.charset.StandardCharsets.US_ASCII;

import io.drover.agent.config.Secret;
import io.drover.agent.reason.Failure;
import io.drover.agent.reason.Reason;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.regex.Pattern;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;

/** What we present where we are the server. */
public final class ServerCertificate {
  private static final Pattern KEY =
      Pattern.compile(
          "-----BEGIN (RSA )?PRIVATE KEY-----([A-Za-z0-9+/=\\s]*)-----END (RSA )?PRIVATE KEY-----");

  /** Version 0 and the algorithm rsaEncryption without parameters, in DER. */
  private static final byte[] RSA =
      HexFormat.of().parseHex("020100" + "300d06092a864886f70d0101010500");

  private static final int SEQUENCE = 0x30;
  private static final int OCTETS = 0x04;

  private ServerCertificate() {}

  /**
   * For a server with this certificate.
   *
   * @param certificates PEM, the server's own first
   * @param key PEM, as PKCS #8, or PKCS #1 for RSA
   * @throws Failure if either is not what it must be
   */
  public static SSLContext context(String certificates, Secret key) throws Failure {
    var chain = CertificateAuthorities.ofPem(certificates).certificates();
    if (chain.isEmpty()) {
      throw unusable("there is no certificate in PEM form", null);
    }
    var own = key(key);
    try {
      var store = KeyStore.getInstance(KeyStore.getDefaultType());
      store.load(null, null);
      char[] none = new char[0];
      store.setKeyEntry("server", own, none, chain.toArray(X509Certificate[]::new));
      var keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
      keys.init(store, none);
      var context = SSLContext.getInstance("TLS");
      context.init(keys.getKeyManagers(), null, null);
      return context;
    } catch (GeneralSecurityException | IOException e) {
      throw unusable("certificate and key do not make a server", e);
    }
  }

  private static PrivateKey key(Secret key) throws Failure {
    var pem = KEY.matcher(key.value());
    if (!pem.find()) {
      throw unusable("there is no key in PEM form, as PKCS #8 or PKCS #1", null);
    }
    byte[] der = Base64.getMimeDecoder().decode(pem.group(2).getBytes(US_ASCII));
    var spec = new PKCS8EncodedKeySpec(pem.group(1) == null ? der : pkcs8(der));
    for (String algorithm : List.of("RSA", "EC")) {
      try {
        return KeyFactory.getInstance(algorithm).generatePrivate(spec);
      } catch (GeneralSecurityException _) {
        // Perhaps it is of the other kind.
      }
    }
    throw unusable("the key is neither RSA nor EC", null);
  }

  /** The same key in the only form that Java reads. */
  private static byte[] pkcs8(byte[] pkcs1) {
    var content = new ByteArrayOutputStream();
    content.writeBytes(RSA);
    content.writeBytes(tagged(OCTETS, pkcs1));
    return tagged(SEQUENCE, content.toByteArray());
  }

  private static byte[] tagged(int tag, byte[] content) {
    var der = new ByteArrayOutputStream();
    der.write(tag);
    // Two bytes of length: an RSA key is never shorter than that takes, nor longer.
    der.write(0x82);
    der.write(content.length >> 8);
    der.write(content.length);
    der.writeBytes(content);
    return der.toByteArray();
  }

  private static Failure unusable(String why, @Nullable Exception cause) {
    return new Failure(Reason.CERTIFICATE_UNUSABLE, why, cause);
  }
}
