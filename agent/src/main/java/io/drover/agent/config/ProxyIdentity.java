package io.drover.agent.config;

import java.nio.file.Path;
import java.util.Optional;

/**
 * Files with what we are known by to a proxy that speaks TLS.
 *
 * @param certificate PEM, our own first
 * @param key PEM
 * @param password file with that of the key; empty: the key is not encrypted
 */
public record ProxyIdentity(Path certificate, Path key, Optional<Path> password) {
  /** Empty: we have none. */
  static Optional<ProxyIdentity> from(Environment env) {
    var certificate = file(env, Setting.DROVER_PROXY_CERT_FILE);
    var key = file(env, Setting.DROVER_PROXY_KEY_FILE);
    var password = file(env, Setting.DROVER_PROXY_KEY_PASSWORD_FILE);
    if (certificate.isPresent() != key.isPresent()) {
      var missing =
          certificate.isPresent() ? Setting.DROVER_PROXY_KEY_FILE : Setting.DROVER_PROXY_CERT_FILE;
      env.problem(missing, "is not set: a proxy is shown a certificate and its key, or neither");
    }
    if (password.isPresent() && key.isEmpty()) {
      env.problem(Setting.DROVER_PROXY_KEY_PASSWORD_FILE, "is set, but there is no key to open");
    }
    return certificate.isPresent() && key.isPresent()
        ? Optional.of(new ProxyIdentity(certificate.get(), key.get(), password))
        : Optional.empty();
  }

  private static Optional<Path> file(Environment env, Setting setting) {
    return env.isSet(setting) ? Optional.of(env.parse(setting, Path::of)) : Optional.empty();
  }
}
