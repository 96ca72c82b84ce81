package io.drover.agent.tls;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import io.drover.agent.config.Paths;
import io.drover.agent.config.ProxyIdentity;
import io.drover.agent.config.ServerConfig;
import io.drover.agent.reason.Failure;
import io.drover.agent.reason.Reason;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Whom to trust as the Rancher server.
 *
 * <p>The manifest carries a checksum of the server's CA bundle. The bundle itself is fetched over a
 * connection that is not verified and carries no secret, and counts only if its checksum is right.
 * Strict: that bundle is all that is trusted. Otherwise the public CAs and those in {@code
 * SSL_CERT_DIR} count too.
 *
 * <p>A bundle that the server has later counts if it comes over a connection that what is trusted
 * already verifies; the one before it counts beside it for a while. Any thread.
 */
public final class ServerTrust {
  /** For one question to the server, everything together. */
  public static final Duration REQUEST_LIMIT = Duration.ofSeconds(10);

  /** For the test whether strict trust would do. Source: stock agent's connection test. */
  public static final Duration STRICT_TEST_LIMIT = Duration.ofSeconds(5);

  /**
   * A bundle is trusted beside the one that came after it for so long at least, and until the
   * server does without it: what stands behind a load balancer does not change all at once.
   */
  static final Duration OVERLAP = Duration.ofHours(1);

  /** Former bundles that are trusted still, if the server has not come further: of all together. */
  static final int MAX_FORMER_CHARS = 256 * 1024;

  private static final Logger log = LoggerFactory.getLogger(ServerTrust.class);
  private static final String PING_PATH = "/ping";
  private static final String CA_PATH = "/v3/settings/cacerts";

  private final ServerConfig config;
  private final List<Path> caDirectories;
  private final ServerDialer dialer;
  private final ServerHttp http;
  private final SSLContext unverified = unverified();

  private final Clock clock;

  /**
   * What the server has as its CA.
   *
   * @param pem ends with a newline
   * @param checksum of it, by which it was fetched or by which others may
   * @param former the bundle before it, or several; empty: none
   * @param since when it came
   */
  private record Bundle(String pem, String checksum, String former, Instant since) {
    CertificateAuthorities authorities() {
      return CertificateAuthorities.ofPem(pem).plus(CertificateAuthorities.ofPem(former));
    }

    Bundle alone() {
      return new Bundle(pem, checksum, "", since);
    }
  }

  private volatile @Nullable Bundle bundle;

  private final KeptTrust trusted = new KeptTrust(this::authorities);

  public ServerTrust(ServerConfig config, Paths paths, ServerDialer dialer) {
    this(config, paths, dialer, Clock.systemUTC());
  }

  ServerTrust(ServerConfig config, Paths paths, ServerDialer dialer, Clock clock) {
    this.clock = clock;
    this.config = config;
    this.caDirectories = paths.caDirectories();
    this.dialer = dialer;
    this.http = new ServerHttp(dialer);
  }

  /** What a machine of ours trusts by itself: public CAs and those in the CA directories. */
  public static SSLContext systemStore(Paths paths) {
    return systemAuthorities(paths.caDirectories()).context();
  }

  /**
   * For the way to a proxy that speaks TLS: trusts as {@link #systemStore}, and presents {@code
   * own}.
   */
  static SSLContext toProxy(Paths paths, ProxyIdentity own) throws IOException {
    return systemAuthorities(paths.caDirectories()).context(ClientCertificate.read(own));
  }

  /** For where no proxy is. */
  static SSLContext nobody() {
    return CertificateAuthorities.NONE.context();
  }

  /**
   * Trusts the certificates in a file and nobody else.
   *
   * @throws Failure if there are none
   */
  public static SSLContext ofFile(Path pem) throws IOException {
    return authorities(pem).context();
  }

  /** Trusts the certificates in PEM text and nobody else; empty: there are none. */
  public static Optional<SSLContext> ofPem(String pem) {
    var found = CertificateAuthorities.ofPem(pem);
    return found.certificates().isEmpty() ? Optional.empty() : Optional.of(found.context());
  }

  static CertificateAuthorities authorities(Path pem) throws IOException {
    CertificateAuthorities found;
    try {
      found = CertificateAuthorities.ofFile(pem);
    } catch (IOException e) {
      throw new Failure(Reason.NO_CA_CONFIGURED, pem + " cannot be read", e);
    }
    if (found.certificates().isEmpty()) {
      throw new Failure(Reason.NO_CA_CONFIGURED, pem + " holds no certificate");
    }
    return found;
  }

  /**
   * Asks the server for a sign of life, without verifying it.
   *
   * @throws IOException if it gives none; the message names the URL and the reason
   */
  public void ping() throws IOException {
    var answer = askPing();
    if (answer.status() >= 400) {
      throw inaccessible("the server answers " + answer.status(), null);
    }
  }

  /**
   * As {@link #ping}, of the server that the tunnels lead to.
   *
   * @throws IOException if it gives none
   */
  public void ping(URI server) throws IOException {
    var url = URI.create("https://" + server.getRawAuthority() + PING_PATH);
    int status = http.get(url, unverified, REQUEST_LIMIT).status();
    if (status >= 400) {
      throw new Failure(Reason.SERVER_UNAVAILABLE, url + " answers " + status);
    }
  }

  /**
   * As {@link #ping()}, for those who look at the answer, which may be that the server is not well.
   *
   * @throws IOException if there is none
   */
  public ServerHttp.Answer askPing() throws IOException {
    try {
      return http.get(pingUrl(), unverified, REQUEST_LIMIT);
    } catch (IOException e) {
      throw inaccessible(String.valueOf(e.getMessage()), e);
    }
  }

  private URI pingUrl() {
    return URI.create(config.server() + PING_PATH);
  }

  private IOException inaccessible(String why, @Nullable IOException cause) {
    return new IOException(pingUrl() + " is not accessible (" + why + ")", cause);
  }

  /** No TLS session of before goes on: the next connection begins at the beginning. */
  public void forgetSessions() {
    trusted.forget();
  }

  /**
   * What to trust on the connection that is opened next: the same object as before if that is the
   * same. Fetches the server's CA if that has not been done; the CA directories are read each time.
   *
   * @throws IOException if there is a checksum but no CA with it; to be tried again later
   */
  public SSLContext context() throws IOException {
    return trusted.context();
  }

  private CertificateAuthorities authorities() throws IOException {
    if (config.caChecksum().isEmpty()) {
      return systemAuthorities(caDirectories);
    }
    var known = bundle;
    return authorities(known == null ? first(fetch()) : known);
  }

  /** Of several that fetch it at the beginning, one is first. */
  private synchronized Bundle first(Bundle fetched) {
    var known = bundle;
    if (known == null) {
      known = fetched;
      bundle = known;
    }
    return known;
  }

  private CertificateAuthorities authorities(Bundle known) {
    return config.strictVerify()
        ? known.authorities()
        : systemAuthorities(caDirectories).plus(known.authorities());
  }

  /**
   * Asks the server whether it has another CA by now, over a connection that what is trusted so far
   * verifies. Nothing is asked of a server without TLS, nor before a CA was fetched, nor if there
   * is no checksum.
   *
   * @param server whose setting counts: the one that the tunnels lead to
   * @throws IOException if it cannot be asked, is not trusted, or has none; what was trusted is
   *     trusted still
   */
  public void refresh(URI server) throws IOException {
    var known = bundle;
    if (known == null || !isHttps(server)) {
      return;
    }
    if (isOverlapOver(known) && isTrusted(server, authorities(known.alone()))) {
      known = known.alone();
      bundle = known;
      log.info("former server CA no longer trusted: checksum={}", known.checksum());
    }
    URI url = URI.create("https://" + server.getRawAuthority() + CA_PATH);
    String value = ask(url, context());
    String pem = asStored(value);
    if (pem.equals(known.pem())) {
      return;
    }
    checkContent(value, url);
    bundle = new Bundle(pem, sha256(pem), former(server, known), clock.instant());
    log.info("server CA changed: url={} checksum={} former={}", url, sha256(pem), known.checksum());
  }

  /**
   * What is trusted still beside a new bundle: the one before, and those before that if the server
   * has not come further yet. Without them it would be lost by the second of two changes.
   */
  private String former(URI server, Bundle known) {
    boolean isBehind =
        !known.former().isEmpty()
            && known.pem().length() + known.former().length() <= MAX_FORMER_CHARS
            && !isTrusted(server, authorities(known.alone()));
    return isBehind ? known.pem() + known.former() : known.pem();
  }

  private boolean isOverlapOver(Bundle known) {
    return !known.former().isEmpty() && !clock.instant().isBefore(known.since().plus(OVERLAP));
  }

  /**
   * Whether {@link #refresh} is likely to change something, for those who are too many to ask
   * often.
   *
   * @param others the {@link #bundleDigest} of somebody else; empty: nobody has told
   */
  public boolean isRefreshDue(String others) {
    var known = bundle;
    return known != null
        && (isOverlapOver(known) || (!others.isEmpty() && !others.equals(sha256(known.pem()))));
  }

  /**
   * SHA-256 of {@link #caBundle} in hex, the same for all who have the same bundle, by whatever
   * checksum they got it; empty without one.
   */
  public String bundleDigest() {
    return caBundle().map(ServerTrust::sha256).orElse("");
  }

  /**
   * The server's CA bundle as PEM; empty if it has none, or {@link #context} did not get it yet.
   */
  public Optional<String> caBundle() {
    return Optional.ofNullable(bundle).map(Bundle::pem);
  }

  /** The checksum of {@link #caBundle}; that of the configuration as long as there is none. */
  public String caChecksum() {
    var known = bundle;
    return known == null ? config.caChecksum() : known.checksum();
  }

  /**
   * Whether {@code server} would be trusted on the strength of the CA bundle alone. Opens a
   * connection to find out, and blocks for up to {@link #STRICT_TEST_LIMIT}.
   */
  public boolean isStrictlyTrusted(URI server) {
    var known = bundle;
    return known != null
        && isHttps(server)
        && isTrusted(server, CertificateAuthorities.ofPem(known.pem()));
  }

  private boolean isTrusted(URI server, CertificateAuthorities authorities) {
    try {
      TimeLimit.closeQuietly(dialer.dial(server, authorities.context(), STRICT_TEST_LIMIT).raw());
      return true;
    } catch (IOException e) {
      log.debug("not trusted by these CAs alone: server={} reason={}", server, e.getMessage());
      return false;
    }
  }

  private static boolean isHttps(URI server) {
    return "https".equalsIgnoreCase(server.getScheme());
  }

  private Bundle fetch() throws IOException {
    URI url = URI.create(config.server() + CA_PATH);
    String value = ask(url, unverified);
    String asStored = asStored(value);
    // The stock agent adds a newline in any case, the server only if there is none.
    String asStockAgent = value + "\n";
    if (!config.caChecksum().equals(sha256(asStored))
        && !config.caChecksum().equals(sha256(asStockAgent))) {
      throw new Failure(
          Reason.CA_CHECKSUM_MISMATCH,
          "configured cacerts checksum (%s) does not match CATTLE_CA_CHECKSUM (%s): check the"
                  .formatted(sha256(asStored), config.caChecksum())
              + " certificate at "
              + url
              + "; if it was replaced, apply the manifest again");
    }
    checkContent(value, url);
    log.info("server CA verified: url={} checksum={}", url, config.caChecksum());
    return new Bundle(asStored, config.caChecksum(), "", clock.instant());
  }

  private static String asStored(String value) {
    return value.endsWith("\n") ? value : value + "\n";
  }

  private static void checkContent(String value, URI url) throws IOException {
    if (CertificateAuthorities.ofPem(value).certificates().isEmpty()) {
      throw new Failure(
          Reason.CA_NOT_A_CERTIFICATE,
          "the value at " + url + " does not look like an x509 certificate: correct 'cacerts'");
    }
  }

  /** The setting at {@code url}. */
  private String ask(URI url, SSLContext verifying) throws IOException {
    String value;
    try {
      value = value(http.get(url, verifying, REQUEST_LIMIT));
    } catch (IOException e) {
      throw new IOException("no CA from " + url + ": " + e.getMessage(), e);
    }
    if (value.isEmpty()) {
      throw new Failure(
          Reason.NO_CA_CONFIGURED,
          "CATTLE_CA_CHECKSUM is set but there is no CA certificate configured at "
              + url
              + ": set Rancher's 'cacerts' setting, or apply the manifest again");
    }
    return value;
  }

  /** The {@code value} at the top of the setting's JSON; empty if there is none. */
  private static String value(ServerHttp.Answer answer) throws IOException {
    if (answer.status() >= 300) {
      String where = answer.location().isEmpty() ? "" : " to " + answer.location();
      throw new Failure(
          answer.status() >= 500
              ? Reason.SERVER_UNAVAILABLE
              : where.isEmpty() ? Reason.NOT_RANCHER : Reason.REDIRECTED,
          "the server answers " + answer.status() + where);
    }
    try (var json = new JsonFactory().createParser(answer.body())) {
      if (json.nextToken() != JsonToken.START_OBJECT) {
        throw new Failure(Reason.NOT_RANCHER, "the answer is not a setting");
      }
      while (json.nextToken() == JsonToken.FIELD_NAME) {
        String name = json.currentName();
        json.nextToken();
        if (name.equals("value") && json.currentToken() == JsonToken.VALUE_STRING) {
          return json.getText();
        }
        json.skipChildren();
      }
      return "";
    } catch (JsonProcessingException e) {
      throw new Failure(Reason.NOT_RANCHER, "the answer is not JSON", e);
    }
  }

  static CertificateAuthorities systemAuthorities(List<Path> directories) {
    return CertificateAuthorities.ofRuntime()
        .plus(CertificateAuthorities.ofDirectories(directories));
  }

  private static String sha256(String text) {
    try {
      byte[] digest = MessageDigest.getInstance("SHA-256").digest(text.getBytes(UTF_8));
      return HexFormat.of().formatHex(digest);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java runtime has SHA-256", e);
    }
  }

  private static SSLContext unverified() {
    try {
      return CertificateAuthorities.context(new TrustEverybody());
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("no TLS in this Java runtime", e);
    }
  }
}
