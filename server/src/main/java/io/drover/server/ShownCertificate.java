package io.drover.server;

import io.drover.server.cert.ServerCertificate;
import java.io.IOException;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.eclipse.jetty.util.ssl.SslContextFactory;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The certificate that a running server shows. It is read again and again; a new one is shown to
 * whoever connects next, and what is open stays open. One that is no good is told, once, and the
 * last good one stays.
 */
final class ShownCertificate implements AutoCloseable {
  /** How often it is read again: a renewed one is in use within that. */
  static final Duration READ_EVERY = Duration.ofMinutes(1);

  private static final Logger log = LoggerFactory.getLogger(ShownCertificate.class);

  private final Source source;
  private final SslContextFactory.Server tls;
  private final Thread ticker;
  private final ReentrantLock reading = new ReentrantLock();
  private volatile Consumer<ServerCertificate> beforeNext = _ -> {};
  // Written by whoever holds the lock.
  private volatile ServerCertificate current;
  // Guarded by reading.
  private String trouble = "";

  /** Where it comes from. */
  @FunctionalInterface
  interface Source {
    /** Reads it, and renews what is ours to renew. */
    ServerCertificate read() throws IOException, GeneralSecurityException;
  }

  private ShownCertificate(ServerCertificate first, Source source, SslContextFactory.Server tls) {
    this.current = first;
    this.source = source;
    this.tls = tls;
    this.ticker = Thread.ofVirtual().name("certificate").unstarted(this::run);
  }

  /** Shows one, and those that come after it. */
  static ShownCertificate show(ServerCertificate first, Source source, SslContextFactory.Server tls)
      throws IOException, GeneralSecurityException {
    var shown = new ShownCertificate(first, source, tls);
    show(first, tls);
    shown.ticker.start();
    return shown;
  }

  private static void show(ServerCertificate certificate, SslContextFactory.Server tls)
      throws IOException, GeneralSecurityException {
    tls.setKeyStore(certificate.keyStore());
    tls.setKeyStorePassword("");
  }

  /** Tells {@code listener} of each that comes after this one, before it is shown. */
  void beforeNext(Consumer<ServerCertificate> listener) {
    beforeNext = listener;
  }

  /** The one that is shown now. */
  ServerCertificate current() {
    return current;
  }

  private void run() {
    try {
      while (true) {
        Thread.sleep(READ_EVERY);
        readAgain();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Looks for a new one now. */
  void readAgain() {
    reading.lock();
    try {
      var next = source.read();
      if (!next.equals(current)) {
        beforeNext.accept(next);
        reload(next);
        current = next;
        log.info("certificate replaced: end={}", next.end());
      }
      trouble = "";
    } catch (IOException | GeneralSecurityException | RuntimeException e) {
      // Whatever it is: who looks again must not end, or the certificate does.
      var said = String.valueOf(e.getMessage());
      if (!said.equals(trouble)) {
        trouble = said;
        log.warn("certificate not replaced: end={} reason={}", current.end(), said);
      }
    } finally {
      reading.unlock();
    }
  }

  private void reload(ServerCertificate next) throws IOException, GeneralSecurityException {
    try {
      tls.reload(
          _ -> {
            try {
              show(next, tls);
            } catch (IOException | GeneralSecurityException e) {
              throw new IllegalStateException(e);
            }
          });
    } catch (Exception e) { // Jetty declares no less
      throw new GeneralSecurityException("not usable for TLS: " + e.getMessage(), e);
    }
  }

  @Override
  public void close() {
    ticker.interrupt();
  }
}
