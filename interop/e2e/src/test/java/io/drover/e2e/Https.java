package io.drover.e2e;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.http.HttpClient;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;

/** HTTP clients, and connections, that trust one CA. */
final class Https {
  static final Duration CONNECT_LIMIT = Duration.ofSeconds(10);
  private static final int READ_LIMIT_MILLIS = 20_000;

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
      return trust(in);
    }
  }

  /** Trusts what is there as PEM. */
  static SSLContext trust(InputStream authorities) throws IOException {
    try {
      var trusted = KeyStore.getInstance(KeyStore.getDefaultType());
      trusted.load(null, null);
      int count = 0;
      for (var certificate :
          CertificateFactory.getInstance("X.509").generateCertificates(authorities)) {
        trusted.setCertificateEntry("ca-" + count++, certificate);
      }
      var trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
      trust.init(trusted);
      var context = SSLContext.getInstance("TLS");
      context.init(null, trust.getTrustManagers(), null);
      return context;
    } catch (GeneralSecurityException e) {
      throw new IOException(e);
    }
  }

  /** A connection to whoever is behind that address, who has to prove that he is {@code host}. */
  static SSLSocket connect(InetSocketAddress to, String host, SSLContext trust) throws IOException {
    var plain = new Socket(to.getAddress(), to.getPort());
    var socket = (SSLSocket) trust.getSocketFactory().createSocket(plain, host, to.getPort(), true);
    var parameters = socket.getSSLParameters();
    parameters.setEndpointIdentificationAlgorithm("HTTPS");
    socket.setSSLParameters(parameters);
    socket.setSoTimeout(READ_LIMIT_MILLIS);
    return socket;
  }
}
