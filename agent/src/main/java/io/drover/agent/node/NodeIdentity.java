package io.drover.agent.node;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.drover.agent.config.Secret;
import io.drover.agent.reason.Failure;
import io.drover.agent.reason.Reason;
import io.drover.agent.tls.ServerCertificate;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;

/**
 * By what node agents and cluster agent know each other: all node agents present one certificate,
 * for {@link #NAME}, and whoever asks them shows one token.
 *
 * @param certificates PEM
 * @param key PEM
 */
record NodeIdentity(String certificates, Secret key, Secret token) {
  /** In the certificate, since addresses of pods change. */
  static final String NAME = "drover-node-agent";

  /** Longer files are none of these, in bytes. */
  static final int MAX_FILE_BYTES = 64 * 1024;

  static final String CA = "ca.crt";

  private static final String AUTHENTICATION = "Bearer ";

  /**
   * Reads what is mounted.
   *
   * @throws Failure that names the file that is missing or empty
   */
  static NodeIdentity read(Path directory) throws IOException {
    return new NodeIdentity(
        file(directory, "tls.crt"), new Secret(file(directory, "tls.key")), token(directory));
  }

  static Secret token(Path directory) throws IOException {
    return new Secret(file(directory, "token").strip());
  }

  private static String file(Path directory, String name) throws IOException {
    Path file = directory.resolve(name);
    String text;
    try (var in = Files.newInputStream(file)) {
      text = new String(in.readNBytes(MAX_FILE_BYTES), UTF_8);
    } catch (IOException e) {
      throw missing(file, "cannot be read", e);
    }
    if (text.isBlank()) {
      throw missing(file, "is empty", null);
    }
    return text;
  }

  private static Failure missing(Path file, String what, @Nullable IOException e) {
    return new Failure(
        Reason.NODE_IDENTITY_MISSING,
        file
            + " "
            + what
            + ": mount the Secret of the node agents, or set DROVER_NODE_IDENTITY_DIR",
        e);
  }

  /**
   * For a server that presents the certificate.
   *
   * @throws Failure if certificate or key are not what they must be
   */
  SSLContext context() throws Failure {
    return ServerCertificate.context(certificates, key);
  }

  static String authorization(Secret token) {
    return AUTHENTICATION + token.value();
  }

  /** Takes as long whatever is wrong. */
  boolean isAuthorized(String authorization) {
    return MessageDigest.isEqual(
        authorization.getBytes(UTF_8), authorization(token).getBytes(UTF_8));
  }
}
