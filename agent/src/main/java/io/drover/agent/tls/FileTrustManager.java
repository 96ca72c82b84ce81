package io.drover.agent.tls;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.IOException;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.X509ExtendedTrustManager;
import org.jspecify.annotations.Nullable;

/**
 * Trusts the CAs in a file as it is at the moment, for clients that live longer than its content.
 * The file is read for each TLS handshake. Any thread.
 */
public final class FileTrustManager extends X509ExtendedTrustManager {
  /** Content and what it means. */
  private record Known(String pem, X509ExtendedTrustManager authorities) {}

  private final Path file;
  private volatile @Nullable Known known;

  /** Reads nothing yet. */
  public FileTrustManager(Path file) {
    this.file = file;
  }

  private X509ExtendedTrustManager now() throws CertificateException {
    String pem;
    try {
      pem = Files.readString(file, ISO_8859_1);
    } catch (IOException e) {
      throw new CertificateException(file + " cannot be read: " + e, e);
    }
    var last = known;
    if (last == null || !last.pem().equals(pem)) {
      last = new Known(pem, CertificateAuthorities.ofPem(pem).trustManager());
      known = last;
    }
    return last.authorities();
  }

  @Override
  public void checkServerTrusted(X509Certificate[] chain, String authType, Socket socket)
      throws CertificateException {
    now().checkServerTrusted(chain, authType, socket);
  }

  @Override
  public void checkServerTrusted(X509Certificate[] chain, String authType, SSLEngine engine)
      throws CertificateException {
    now().checkServerTrusted(chain, authType, engine);
  }

  @Override
  public void checkServerTrusted(X509Certificate[] chain, String authType)
      throws CertificateException {
    now().checkServerTrusted(chain, authType);
  }

  @Override
  public void checkClientTrusted(X509Certificate[] chain, String authType, Socket socket)
      throws CertificateException {
    now().checkClientTrusted(chain, authType, socket);
  }

  @Override
  public void checkClientTrusted(X509Certificate[] chain, String authType, SSLEngine engine)
      throws CertificateException {
    now().checkClientTrusted(chain, authType, engine);
  }

  @Override
  public void checkClientTrusted(X509Certificate[] chain, String authType)
      throws CertificateException {
    now().checkClientTrusted(chain, authType);
  }

  /** None: a client has no use for them. */
  @Override
  public X509Certificate[] getAcceptedIssuers() {
    return new X509Certificate[0];
  }
}
