package io.drover.agent.tls;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.IOException;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.spec.PKCS8EncodedKeySpec;
import java.security.spec.X509EncodedKeySpec;
import java.util.Base64;
import java.util.Objects;

/** Keys in PEM as OpenSSL writes them; see the README beside them. */
final class TestKeys {
  static final String PASSWORD = "hunter2";

  private TestKeys() {}

  /** A file, such as {@code rsa-traditional-aes-256-cbc}. */
  static String pem(String name) throws IOException {
    var resource = "keys/" + name + ".pem";
    try (var in = TestKeys.class.getResourceAsStream(resource)) {
      return new String(Objects.requireNonNull(in, resource).readAllBytes(), US_ASCII);
    }
  }

  /** The key {@code rsa}, {@code ec} or {@code ec521}, read without any code of ours. */
  static KeyPair pair(String name) throws IOException, GeneralSecurityException {
    var factory = KeyFactory.getInstance(name.equals("rsa") ? "RSA" : "EC");
    return new KeyPair(
        factory.generatePublic(new X509EncodedKeySpec(der(name + "-public"))),
        factory.generatePrivate(new PKCS8EncodedKeySpec(der(name + "-pkcs8"))));
  }

  private static byte[] der(String name) throws IOException {
    return Base64.getMimeDecoder().decode(pem(name).replaceAll("-----.*?-----", ""));
  }
}
