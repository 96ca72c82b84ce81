package io.drover.agent.tls;

import io.drover.agent.config.Paths;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Collections;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;

/**
 * Whom to trust by certificates that may be replaced. They are read each time; the context is the
 * same object as long as they are the same, so that TLS sessions go on as long, and no longer. Any
 * thread.
 */
public final class KeptTrust {
  /** Where the certificates are. */
  @FunctionalInterface
  interface Source {
    CertificateAuthorities read() throws IOException;
  }

  /** Whom we trust, and what comes of it. */
  private record Trusted(CertificateAuthorities authorities, SSLContext context) {}

  private final Source source;

  private @Nullable Trusted last; // guarded by this

  KeptTrust(Source source) {
    this.source = source;
  }

  /** By the certificates in a file, and nobody else; see {@link ServerTrust#ofFile}. */
  public static KeptTrust ofFile(Path pem) {
    return new KeptTrust(() -> ServerTrust.authorities(pem));
  }

  /** As a machine of ours does by itself; see {@link ServerTrust#systemStore}. */
  public static KeptTrust systemStore(Paths paths) {
    return new KeptTrust(() -> ServerTrust.systemAuthorities(paths.caDirectories()));
  }

  /**
   * What to trust on the connection that is opened next.
   *
   * @throws IOException if there are no certificates
   */
  public SSLContext context() throws IOException {
    return context(source.read()); // which may take its time
  }

  /** Both tunnels begin at one time: they must not have two contexts that trust the same. */
  private synchronized SSLContext context(CertificateAuthorities authorities) {
    var known = last;
    if (known == null || !known.authorities().equals(authorities)) {
      known = new Trusted(authorities, authorities.context());
      last = known;
    }
    return known.context();
  }

  /**
   * No TLS session of before goes on. The context stays, by which others see that the same are
   * trusted.
   */
  synchronized void forget() {
    if (last != null) {
      var sessions = last.context().getClientSessionContext();
      for (byte[] id : Collections.list(sessions.getIds())) {
        var session = sessions.getSession(id);
        if (session != null) {
          session.invalidate();
        }
      }
    }
  }
}
