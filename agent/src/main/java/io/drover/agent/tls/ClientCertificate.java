package io.drover.agent.tls;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.drover.agent.config.ProxyIdentity;
import io.drover.agent.config.Secret;
import io.drover.agent.config.Setting;
import io.drover.agent.reason.Failure;
import io.drover.agent.reason.Reason;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.PrivateKey;
import javax.net.ssl.KeyManager;
import org.jspecify.annotations.Nullable;

/** What we present to a proxy that asks who we are. Read anew for each connection: it rotates. */
final class ClientCertificate {
  /** Longer files are none of these, in bytes. */
  static final int MAX_FILE_BYTES = 64 * 1024;

  private ClientCertificate() {}

  /**
   * Reads the files.
   *
   * @throws Failure that names the setting and the file that is not what it must be
   */
  static KeyManager[] read(ProxyIdentity files) throws IOException {
    var chain =
        CertificateAuthorities.ofPem(text(Setting.DROVER_PROXY_CERT_FILE, files.certificate()))
            .certificates();
    if (chain.isEmpty()) {
      throw unusable(
          Setting.DROVER_PROXY_CERT_FILE,
          files.certificate(),
          "there is no certificate in it",
          null);
    }
    var password =
        files.password().isEmpty()
            ? new Secret("")
            : new Secret(
                text(Setting.DROVER_PROXY_KEY_PASSWORD_FILE, files.password().get())
                    .replaceFirst("\\R\\z", ""));
    var key = key(files, password);
    try {
      return ServerCertificate.keyManagers(chain, key);
    } catch (Failure e) {
      throw unusable(
          Setting.DROVER_PROXY_KEY_FILE,
          files.key(),
          "it is not the key of the certificate in " + files.certificate(),
          e);
    }
  }

  private static PrivateKey key(ProxyIdentity files, Secret password) throws IOException {
    var pem = new Secret(text(Setting.DROVER_PROXY_KEY_FILE, files.key()));
    try {
      return PrivateKeyPem.read(pem, password);
    } catch (Failure e) {
      var hint =
          files.password().isEmpty() && String.valueOf(e.getMessage()).contains("no password")
              ? "; set " + Setting.DROVER_PROXY_KEY_PASSWORD_FILE
              : "";
      throw unusable(Setting.DROVER_PROXY_KEY_FILE, files.key(), e.getMessage() + hint, e);
    }
  }

  private static String text(Setting setting, Path file) throws Failure {
    try (var in = Files.newInputStream(file)) {
      return new String(in.readNBytes(MAX_FILE_BYTES), UTF_8);
    } catch (IOException e) {
      throw unusable(setting, file, "cannot be read: " + e, e);
    }
  }

  private static Failure unusable(
      Setting setting, Path file, String why, @Nullable Exception cause) {
    return new Failure(Reason.CERTIFICATE_UNUSABLE, setting + " " + file + ": " + why, cause);
  }
}
