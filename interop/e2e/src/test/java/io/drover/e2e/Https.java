package io.drover.e2e;

import java.io.IOException;
import java.net.http.HttpClient;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/** HTTP clients that trust one CA. */
final class Https {
  static final Duration CONNECT_LIMIT = Duration.ofSeconds(10);

  private Https() {}

  static HttpClient trusting(Path caFile, HttpClient.Version version) throws IOException {
    return HttpClient.newBuilder()
        .version(version)
        .sslContext(trust(caFile))
        .connectTimeout(CONNECT_LIMIT)
        .build();
  }

  static SSLContext trust(Path caFile) throws IOException {
    try (var in = Files.newInputStream(caFile)) {
      var trusted = KeyStore.getInstance(KeyStore.getDefaultType());
      trusted.load(null, null);
      int count = 0;
      for (var certificate : CertificateFactory.getInstance("X.509").generateCertificates(in)) {
        trusted.setCertificateEntry("ca-" + count++, certificate);
      }
      var trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
      trust.init(trusted);
      var context = SSLContext.getInstance("TLS");
      context.init(null, trust.getTrustManagers(), null);
      return context;
    } catch (GeneralSecurityException e) {
      throw new IOException(caFile.toString(), e);
    }
  }
}
