package io.drover.server;

import io.drover.server.cert.CertificateFiles;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code run}. */
@Command(
    name = "run",
    description = {
      "Run the server until SIGTERM.",
      "When it can be reached, one line of JSON is printed to stdout:",
      "{\"url\",\"caFile\",\"caChecksum\",\"adminTokenFile\",\"firstPasswordFile\"}; the last only until",
      "user admin has another password.",
      ""
    })
final class RunServer implements Callable<Integer> {
  private static final Logger log = LoggerFactory.getLogger(RunServer.class);

  @Mixin private Main.DirectoryOption directory = new Main.DirectoryOption();

  @Option(
      names = "--listen",
      paramLabel = "HOST:PORT",
      defaultValue = "127.0.0.1:8443",
      description = "Where to listen; port 0 takes a free one (default: ${DEFAULT-VALUE}).")
  private String listen = "";

  @Option(
      names = "--url",
      paramLabel = "URL",
      description = "How agents and kubectl reach the server, if not at --listen.")
  private @Nullable URI url;

  @Option(
      names = "--host",
      paramLabel = "NAME",
      description = "One more name or address for the certificate; may be repeated.")
  private List<String> hosts = new ArrayList<>();

  @Option(
      names = "--tls-certificate",
      paramLabel = "FILE",
      description = {
        "A certificate of your own: PEM, the server's first, then each signer's. Read again each",
        "minute. Without it the server makes an authority of its own, and renews by itself."
      })
  private @Nullable Path tlsCertificate;

  @Option(
      names = "--tls-key",
      paramLabel = "FILE",
      description = "Its private key: PEM, without a password.")
  private @Nullable Path tlsKey;

  @Option(
      names = "--tls-ca",
      paramLabel = "FILE",
      description = "Whom agents and kubectl trust for it, if no well-known authority: PEM.")
  private @Nullable Path tlsCa;

  @Option(
      names = "--agent-image",
      paramLabel = "IMAGE",
      description = "The agent's image in import manifests (default: drover/drover-agent:VERSION).")
  private @Nullable String agentImage;

  @Option(
      names = "--database-url",
      paramLabel = "URL",
      description = {
        "Where clusters, tokens and reports are kept (default: jdbc:sqlite:DIR/drover.db).",
        "PostgreSQL: jdbc:postgresql://HOST/NAME?user=USER, the password in PGPASSFILE."
      })
  private @Nullable String databaseUrl;

  @Option(
      names = "--peer-url",
      paramLabel = "URL",
      description = {
        "Where other servers on the same PostgreSQL reach this one, each with its own:",
        "https://HOST[:PORT], without a port at that of --listen. Together they are one server.",
        "Without it this one must be alone."
      })
  private @Nullable URI peerUrl;

  @Option(
      names = "--oidc-issuer",
      paramLabel = "URL",
      description = {
        "A provider of OpenID Connect that people may sign in by. It sends them back to",
        "URL/v3-public/oidc/callback, so give --url."
      })
  private @Nullable URI oidcIssuer;

  @Option(
      names = "--oidc-client",
      paramLabel = "ID",
      description = "How that provider knows this server.")
  private @Nullable String oidcClient;

  @Option(
      names = "--oidc-secret-file",
      paramLabel = "FILE",
      description = "A file with the secret of that client.")
  private @Nullable Path oidcSecretFile;

  @Option(
      names = "--oidc-ca",
      paramLabel = "FILE",
      description = "Whom to trust for the provider's certificate: PEM.")
  private @Nullable Path oidcCa;

  @Option(
      names = "--check-interval",
      paramLabel = "DURATION",
      defaultValue = "15s",
      description = "How often clusters are checked (default: ${DEFAULT-VALUE}).")
  private Duration checkInterval = Duration.ZERO;

  @Option(
      names = "--exit-with-stdin",
      description = "Stop when stdin ends, so as not to outlive whoever started the server.")
  private boolean exitWithStdin;

  @Spec private @Nullable CommandSpec spec;

  @Override
  public Integer call() throws IOException, GeneralSecurityException, InterruptedException {
    var stop = new CountDownLatch(1);
    var stopped = new CountDownLatch(1);
    try (var server = Server.open(config())) {
      Runtime.getRuntime().addShutdownHook(new Thread(() -> onSignal(stop, stopped), "signal"));
      if (exitWithStdin) {
        Thread.ofPlatform().daemon().name("stdin").start(() -> awaitEndOfStdin(stop));
      }
      var out = Objects.requireNonNull(spec).commandLine().getOut();
      out.println(server.describe());
      out.flush();
      stop.await();
    }
    stopped.countDown();
    return 0;
  }

  private static void onSignal(CountDownLatch stop, CountDownLatch stopped) {
    boolean bySignal = stop.getCount() > 0;
    stop.countDown();
    try {
      stopped.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    if (bySignal) {
      Runtime.getRuntime().halt(0); // else the exit code would be that of the signal
    }
  }

  private static void awaitEndOfStdin(CountDownLatch stop) {
    try {
      var _ = System.in.skip(Long.MAX_VALUE);
      while (System.in.read() >= 0) {
        // Only its end matters.
      }
    } catch (IOException e) {
      log.debug("stdin ended: reason={}", e.toString());
    }
    stop.countDown();
  }

  private ServerConfig config() {
    int colon = listen.lastIndexOf(':');
    int port;
    try {
      port = Integer.parseInt(listen.substring(colon + 1));
    } catch (NumberFormatException e) {
      port = -1;
    }
    if (colon < 1 || port < 0 || port > 65_535) {
      throw usage("--listen is not HOST:PORT: " + listen);
    }
    if (checkInterval.compareTo(Duration.ofMillis(100)) < 0) {
      throw usage("--check-interval is below 100ms");
    }
    if (url != null && (!"https".equals(url.getScheme()) || url.getHost() == null)) {
      throw usage("--url is not https://HOST[:PORT]: " + url);
    }
    return new ServerConfig(
        directory.directory,
        listen.substring(0, colon).replaceAll("[\\[\\]]", ""),
        port,
        Optional.ofNullable(url),
        hosts,
        certificate(),
        agentImage == null ? "drover/drover-agent:" + Version.text() : agentImage,
        Optional.ofNullable(databaseUrl),
        peerUrl(),
        oidc(),
        checkInterval);
  }

  private Optional<CertificateFiles> certificate() {
    if (tlsCertificate == null && tlsKey == null && tlsCa == null) {
      return Optional.empty();
    } else if (tlsCertificate == null || tlsKey == null) {
      throw usage("--tls-certificate and --tls-key go together");
    } else if (!hosts.isEmpty()) {
      throw usage("--host is for certificates that the server makes: leave it out");
    }
    return Optional.of(new CertificateFiles(tlsCertificate, tlsKey, Optional.ofNullable(tlsCa)));
  }

  private Optional<URI> peerUrl() {
    if (peerUrl == null) {
      return Optional.empty();
    } else if (!"https".equals(peerUrl.getScheme()) || peerUrl.getHost() == null) {
      throw usage("--peer-url is not https://HOST[:PORT]: " + peerUrl);
    } else if (databaseUrl == null || !databaseUrl.startsWith("jdbc:postgresql:")) {
      throw usage("--peer-url needs --database-url jdbc:postgresql:..., which all servers share");
    } else if (tlsCertificate == null) {
      throw usage(
          "--peer-url needs --tls-certificate and --tls-key, of one authority for all servers:"
              + " without them each makes its own, and agents trust one");
    }
    return Optional.of(peerUrl);
  }

  private Optional<ServerConfig.Oidc> oidc() {
    if (oidcIssuer == null && oidcClient == null && oidcSecretFile == null && oidcCa == null) {
      return Optional.empty();
    } else if (oidcIssuer == null || oidcClient == null || oidcSecretFile == null) {
      throw usage("--oidc-issuer, --oidc-client and --oidc-secret-file go together");
    } else if (!"https".equals(oidcIssuer.getScheme()) || oidcIssuer.getHost() == null) {
      throw usage("--oidc-issuer is not https://HOST...: " + oidcIssuer);
    }
    return Optional.of(
        new ServerConfig.Oidc(oidcIssuer, oidcClient, oidcSecretFile, Optional.ofNullable(oidcCa)));
  }

  private ParameterException usage(String problem) {
    return new ParameterException(Objects.requireNonNull(spec).commandLine(), problem);
  }
}
