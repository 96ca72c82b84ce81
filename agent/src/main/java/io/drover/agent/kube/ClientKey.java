package io.drover.agent.kube;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.List;
import java.util.Optional;

/**
 * What kind of key a kubeconfig holds. The Kubernetes client takes a PKCS #8 key for RSA unless it
 * is told otherwise.
 */
final class ClientKey {
  private static final String PKCS8_BEGIN = "-----BEGIN PRIVATE KEY-----";
  private static final String PKCS8_END = "-----END PRIVATE KEY-----";

  private ClientKey() {}

  /**
   * The algorithm of a PKCS #8 key.
   *
   * @param pem the key; empty for any other form of key, which names its algorithm itself
   */
  static Optional<String> algorithm(String pem) {
    int begin = pem.indexOf(PKCS8_BEGIN);
    int end = pem.indexOf(PKCS8_END);
    if (begin < 0 || end < begin) {
      return Optional.empty();
    }
    byte[] der =
        Base64.getMimeDecoder()
            .decode(pem.substring(begin + PKCS8_BEGIN.length(), end).getBytes(US_ASCII));
    return List.of("RSA", "EC").stream().filter(name -> isOf(name, der)).findFirst();
  }

  private static boolean isOf(String algorithm, byte[] der) {
    try {
      KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(der));
      return true;
    } catch (GeneralSecurityException e) {
      return false;
    }
  }
}
