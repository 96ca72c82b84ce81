package io.drover.agent.tls;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509ExtendedTrustManager;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Certificates that are trusted to sign others. */
record CertificateAuthorities(List<X509Certificate> certificates) {
  /** Files in a CA directory that are longer are no certificates, in bytes. */
  static final long MAX_FILE_BYTES = 4 * 1024 * 1024;

  /**
   * A connection may go on from the TLS session of another one to the same host and port, opened by
   * the same context: that takes half the bytes, and the server need not sign. It sees no
   * certificate; that the server is the same is shown by the session's secret. So a session counts
   * only for so long, from the handshake in which certificates were seen.
   */
  static final Duration SESSION = Duration.ofHours(1);

  static final CertificateAuthorities NONE = new CertificateAuthorities(List.of());

  private static final Logger log = LoggerFactory.getLogger(CertificateAuthorities.class);
  private static final Pattern PEM =
      Pattern.compile("-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", Pattern.DOTALL);

  CertificateAuthorities {
    certificates = List.copyOf(certificates);
  }

  /** All readable certificates in PEM text; others, and anything else in it, are skipped. */
  static CertificateAuthorities ofPem(String text) {
    var found = new ArrayList<X509Certificate>();
    var blocks = PEM.matcher(text);
    while (blocks.find()) {
      try {
        found.add(parse(blocks.group()));
      } catch (CertificateException e) {
        log.debug("certificate skipped: reason={}", e.toString());
      }
    }
    return new CertificateAuthorities(found);
  }

  private static X509Certificate parse(String pem) throws CertificateException {
    return (X509Certificate)
        CertificateFactory.getInstance("X.509")
            .generateCertificate(new ByteArrayInputStream(pem.getBytes(ISO_8859_1)));
  }

  /** Those in a file of PEM. */
  static CertificateAuthorities ofFile(Path file) throws IOException {
    return ofPem(Files.readString(file, ISO_8859_1));
  }

  /** Those in the files of these directories. What is missing or unreadable counts for nothing. */
  static CertificateAuthorities ofDirectories(List<Path> directories) {
    var found = new ArrayList<X509Certificate>();
    for (Path directory : directories) {
      if (!Files.isDirectory(directory)) {
        continue;
      }
      try (Stream<Path> files = Files.list(directory)) {
        for (Path file : files.sorted().toList()) {
          found.addAll(ofFileOrNone(file).certificates);
        }
      } catch (IOException e) {
        log.warn("CA directory not readable: directory={} reason={}", directory, e.toString());
      }
    }
    return new CertificateAuthorities(found);
  }

  private static CertificateAuthorities ofFileOrNone(Path file) {
    try {
      if (Files.isRegularFile(file) && Files.size(file) <= MAX_FILE_BYTES) {
        return ofFile(file);
      }
    } catch (IOException e) {
      log.debug("CA file not readable: file={} reason={}", file, e.toString());
    }
    return NONE;
  }

  /** The public ones that come with the Java runtime. They are read once. */
  static CertificateAuthorities ofRuntime() {
    return OfRuntime.AUTHORITIES;
  }

  /** Loaded when somebody asks: strict agents never do. */
  private static final class OfRuntime {
    static final CertificateAuthorities AUTHORITIES = read();

    private static CertificateAuthorities read() {
      try {
        return new CertificateAuthorities(List.of(trustManager(null).getAcceptedIssuers()));
      } catch (GeneralSecurityException e) {
        throw new IllegalStateException("the Java runtime's CAs cannot be read", e);
      }
    }
  }

  CertificateAuthorities plus(CertificateAuthorities others) {
    return new CertificateAuthorities(
        Stream.concat(certificates.stream(), others.certificates.stream()).distinct().toList());
  }

  /** Trusts these and nobody else. */
  SSLContext context() {
    try {
      return context(trustManager());
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("no TLS with these CAs", e);
    }
  }

  /** The same, for who presents something himself. */
  SSLContext context(KeyManager[] own) {
    try {
      return context(own, trustManager());
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("no TLS with these CAs", e);
    }
  }

  /** As {@link #context}. */
  X509ExtendedTrustManager trustManager() {
    try {
      var store = KeyStore.getInstance(KeyStore.getDefaultType());
      store.load(null, null);
      for (int i = 0; i < certificates.size(); i++) {
        store.setCertificateEntry("ca-" + i, certificates.get(i));
      }
      return new ExplainingTrustManager(trustManager(store), Clock.systemUTC());
    } catch (GeneralSecurityException | IOException e) {
      throw new IllegalStateException("no TLS with these CAs", e);
    }
  }

  static SSLContext context(TrustManager trust) throws GeneralSecurityException {
    return context(null, trust);
  }

  private static SSLContext context(KeyManager @Nullable [] own, TrustManager trust)
      throws GeneralSecurityException {
    var context = SSLContext.getInstance("TLS");
    context.init(own, new TrustManager[] {trust}, null);
    // Whoever shows a certificate shows it each time, since it may have been replaced.
    context
        .getClientSessionContext()
        .setSessionTimeout(own == null ? (int) SESSION.toSeconds() : 1);
    return context;
  }

  private static X509ExtendedTrustManager trustManager(@Nullable KeyStore store)
      throws GeneralSecurityException {
    var factory = TrustManagerFactory.getInstance("PKIX");
    factory.init(store);
    return Arrays.stream(factory.getTrustManagers())
        .filter(X509ExtendedTrustManager.class::isInstance)
        .map(X509ExtendedTrustManager.class::cast)
        .findFirst()
        .orElseThrow();
  }
}
