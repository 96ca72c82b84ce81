package io.drover.agent.tls;

import static java.nio.charset.StandardCharsets.US_ASCII;

import io.drover.agent.config.Secret;
import io.drover.agent.reason.Failure;
import io.drover.agent.reason.Reason;
import java.io.IOException;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.security.cert.X509Certificate;
import java.util.List;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;

/** What we present where we are the server, and how it is made of certificates and a key. */
public final class ServerCertificate {
  private ServerCertificate() {}

  /**
   * For a server with this certificate.
   *
   * @param certificates PEM, the server's own first
   * @param key PEM, as {@link PrivateKeyPem} reads it; not encrypted
   * @throws Failure if either is not what it must be
   */
  public static SSLContext context(String certificates, Secret key) throws Failure {
    var chain = CertificateAuthorities.ofPem(certificates).certificates();
    if (chain.isEmpty()) {
      throw unusable("there is no certificate in PEM form", null);
    }
    var own = PrivateKeyPem.read(key, new Secret(""));
    return context(chain, own);
  }

  /**
   * The same of what has been read.
   *
   * @throws Failure if the key is not that of the first certificate
   */
  static SSLContext context(List<X509Certificate> chain, PrivateKey own) throws Failure {
    try {
      var context = SSLContext.getInstance("TLS");
      context.init(keyManagers(chain, own), null, null);
      return context;
    } catch (GeneralSecurityException e) {
      throw unusable("certificate and key do not make a server", e);
    }
  }

  /**
   * Presents this chain.
   *
   * @throws Failure if the key is not that of the first certificate
   */
  static KeyManager[] keyManagers(List<X509Certificate> chain, PrivateKey own) throws Failure {
    try {
      if (!belongTogether(own, chain.getFirst().getPublicKey())) {
        throw unusable("the key is not the certificate's", null);
      }
      // The default type, PKCS #12, hides a key by 10,000 rounds of hashing, and again to get it
      // back.
      var store = KeyStore.getInstance("JKS");
      store.load(null, null);
      char[] none = new char[0]; // it never leaves the memory
      store.setKeyEntry("server", own, none, chain.toArray(X509Certificate[]::new));
      var keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
      keys.init(store, none);
      return keys.getKeyManagers();
    } catch (GeneralSecurityException | IOException e) {
      throw unusable("certificate and key do not make a server", e);
    }
  }

  /** By what the one signs and the other verifies. */
  private static boolean belongTogether(PrivateKey own, PublicKey known)
      throws GeneralSecurityException {
    if (!own.getAlgorithm().equals(known.getAlgorithm())) {
      return false;
    }
    var algorithm = own.getAlgorithm().equals("RSA") ? "SHA256withRSA" : "SHA256withECDSA";
    byte[] text = algorithm.getBytes(US_ASCII);
    var signing = Signature.getInstance(algorithm);
    signing.initSign(own);
    signing.update(text);
    var verifying = Signature.getInstance(algorithm);
    verifying.initVerify(known);
    verifying.update(text);
    return verifying.verify(signing.sign());
  }

  private static Failure unusable(String why, @Nullable Exception cause) {
    return new Failure(Reason.CERTIFICATE_UNUSABLE, why, cause);
  }
}
