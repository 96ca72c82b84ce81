package io.drover.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.server.cert.CertificateFiles;
import io.drover.server.store.Store;
import java.io.IOException;
import java.net.ConnectException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.TypeConversionException;

/** The command line. Exit codes: 0 done, 1 failed, 2 used wrongly. */
@Command(
    name = "drover-server",
    mixinStandardHelpOptions = false,
    synopsisSubcommandLabel = "COMMAND",
    description = {
      "A small management server for Kubernetes clusters: clusters are imported by an agent that",
      "dials in, kubectl goes out through it.",
      ""
    },
    footer = {
      "",
      "To import a cluster:",
      "  drover-server run --dir data &",
      "  drover-server cluster create prod --dir data    # prints the command to apply",
      "  drover-server cluster wait ID --dir data",
      "  drover-server kubeconfig ID --dir data --out prod.kubeconfig",
      "",
      "Exit codes: 0 done, 1 failed, 2 used wrongly. Logs go to stderr (DROVER_LOG_LEVEL=DEBUG)."
    },
    subcommands = {
      Main.Run.class,
      Main.ClusterCommands.class,
      Main.TokenCommands.class,
      UserCommands.class,
      MemberCommands.class,
      Main.WriteKubeconfig.class,
      Main.ShowVersion.class
    })
final class Main {
  private static final Logger log = LoggerFactory.getLogger(Main.class);
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String TOKENS = "/v3/clusterregistrationtokens";

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      scope = ScopeType.INHERIT,
      description = "Show this help and exit.")
  @SuppressWarnings("UnusedVariable") // picocli reads it
  private boolean help;

  private Main() {}

  /** The only way out of the process. */
  public static void main(String[] arguments) {
    System.exit(execute(arguments));
  }

  static int execute(String... arguments) {
    return new CommandLine(new Main())
        .registerConverter(Duration.class, new DurationConverter())
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setExecutionExceptionHandler(
            (problem, command, _) -> {
              if (!(problem instanceof IOException)
                  && !(problem instanceof IllegalArgumentException)
                  && !(problem instanceof GeneralSecurityException)) {
                log.error("command failed", problem);
              }
              command.getErr().println("drover-server: " + plain(problem));
              return CommandLine.ExitCode.SOFTWARE;
            })
        .execute(arguments);
  }

  private static String plain(Throwable problem) {
    if (problem instanceof ConnectException) {
      return "the server of this directory does not answer; is it running?";
    }
    return problem.getMessage() == null ? problem.toString() : problem.getMessage();
  }

  /** Where a server keeps its data, and where commands find it. */
  static final class DirectoryOption {
    @Option(
        names = "--dir",
        paramLabel = "DIR",
        defaultValue = "drover-server-data",
        description = "The server's directory (default: ${DEFAULT-VALUE}).")
    Path directory = Path.of("drover-server-data");
  }

  /** Reads {@code 500ms}, {@code 15s}, {@code 2m}, {@code 3h}, {@code 30d}. */
  static final class DurationConverter implements ITypeConverter<Duration> {
    @Override
    public Duration convert(String text) {
      try {
        if (text.endsWith("ms")) {
          return Duration.ofMillis(Long.parseLong(text, 0, text.length() - 2, 10));
        } else if (text.endsWith("s")) {
          return Duration.ofSeconds(Long.parseLong(text, 0, text.length() - 1, 10));
        } else if (text.endsWith("m")) {
          return Duration.ofMinutes(Long.parseLong(text, 0, text.length() - 1, 10));
        } else if (text.endsWith("h")) {
          return Duration.ofHours(Long.parseLong(text, 0, text.length() - 1, 10));
        } else if (text.endsWith("d")) {
          return Duration.ofDays(Long.parseLong(text, 0, text.length() - 1, 10));
        }
      } catch (NumberFormatException e) {
        // Said below, as for a missing unit.
      }
      throw new TypeConversionException(
          "not a duration such as 500ms, 15s, 2m, 3h or 30d: " + text);
    }
  }

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
  static final class Run implements Callable<Integer> {
    @CommandLine.Mixin private DirectoryOption directory = new DirectoryOption();

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
        description =
            "The agent's image in import manifests (default: drover/drover-agent:VERSION).")
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

    @CommandLine.Spec private CommandLine.Model.@Nullable CommandSpec spec;

    @Override
    public Integer call() throws IOException, GeneralSecurityException, InterruptedException {
      var stop = new CountDownLatch(1);
      var stopped = new CountDownLatch(1);
      try (var server = Server.open(config())) {
        Runtime.getRuntime().addShutdownHook(new Thread(() -> onSignal(stop, stopped), "signal"));
        if (exitWithStdin) {
          Thread.ofPlatform().daemon().name("stdin").start(() -> awaitEndOfStdin(stop));
        }
        System.out.println(server.describe());
        System.out.flush();
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
          new ServerConfig.Oidc(
              oidcIssuer, oidcClient, oidcSecretFile, Optional.ofNullable(oidcCa)));
    }

    private CommandLine.ParameterException usage(String problem) {
      if (spec == null) {
        throw new IllegalStateException(problem);
      }
      return new CommandLine.ParameterException(spec.commandLine(), problem);
    }
  }

  /** {@code cluster}. */
  @Command(
      name = "cluster",
      synopsisSubcommandLabel = "COMMAND",
      description = "Create, look at and remove clusters of a running server.",
      subcommands = {
        CreateCluster.class,
        ListClusters.class,
        WaitForCluster.class,
        DeleteCluster.class
      })
  static final class ClusterCommands {}

  /** {@code cluster create}. */
  @Command(
      name = "create",
      description = {
        "Make a cluster and a registration token.",
        "Prints one line of JSON: {\"id\",\"tokenId\",\"token\",\"manifestUrl\",\"command\",",
        "\"insecureCommand\",\"expiresAt\"}. Nobody can learn the token later.",
        ""
      })
  static final class CreateCluster implements Callable<Integer> {
    @CommandLine.Mixin private DirectoryOption directory = new DirectoryOption();

    @Parameters(paramLabel = "NAME", description = "1 to 63 of a-z, 0-9 and -.")
    private String name = "";

    @Option(
        names = "--private-registry",
        paramLabel = "HOST[:PORT][/PATH]",
        description = "Where the cluster gets all images.")
    private @Nullable String privateRegistry;

    @Option(
        names = "--private-ca",
        paramLabel = "FILE",
        description = "Further authorities that the agent trusts, such as a proxy's, as PEM.")
    private @Nullable Path privateCa;

    @Option(
        names = "--agent-image",
        paramLabel = "IMAGE",
        description = "The agent's image, in place of the server's.")
    private @Nullable String agentImage;

    @Option(
        names = "--agent-env",
        paramLabel = "NAME=VALUE",
        description = {
          "A variable for the agent, such as HTTPS_PROXY=http://proxy.example.org:3128;",
          "may be repeated."
        })
    private Map<String, String> agentEnv = new LinkedHashMap<>();

    @CommandLine.Mixin private LifeOptions life = new LifeOptions();

    @Override
    public Integer call() throws IOException, InterruptedException {
      try (var server = RunningServer.of(directory.directory)) {
        var id = server.post("/v3/clusters", body()).path("id").asText();
        System.out.println(createToken(server, id, life).put("id", id));
      }
      return 0;
    }

    private ObjectNode body() throws IOException {
      var body = JSON.createObjectNode().put("name", name);
      var imported = body.putObject("importedConfig");
      if (privateRegistry != null) {
        imported.put("privateRegistryURL", privateRegistry);
      }
      if (privateCa != null) {
        imported.put("privateCA", Files.readString(privateCa));
      }
      if (agentImage != null) {
        body.put("agentImageOverride", agentImage);
      }
      var vars = body.putArray("agentEnvVars");
      agentEnv.forEach((key, value) -> vars.addObject().put("name", key).put("value", value));
      return body;
    }
  }

  /** How long a registration token is good. */
  static final class LifeOptions {
    @Option(
        names = "--token-ttl",
        paramLabel = "DURATION",
        defaultValue = "30d",
        description = "How long the token is good; 0m: for ever (default: ${DEFAULT-VALUE}).")
    Duration ttl = Duration.ZERO;

    @Option(
        names = "--token-grace",
        paramLabel = "DURATION",
        defaultValue = "3h",
        description = "How long it is taken after that (default: ${DEFAULT-VALUE}).")
    Duration grace = Duration.ZERO;
  }

  /** What whoever applies a manifest has to know. */
  private static ObjectNode createToken(RunningServer server, String clusterId, LifeOptions life)
      throws IOException, InterruptedException {
    var token =
        server.post(
            TOKENS,
            JSON.createObjectNode()
                .put("clusterId", clusterId)
                .put("ttl", life.ttl.toMinutes())
                .put("gracePeriod", life.grace.toMinutes()));
    var line = JSON.createObjectNode().put("tokenId", token.path("id").asText());
    for (var field : List.of("token", "manifestUrl", "command", "insecureCommand", "expiresAt")) {
      if (token.has(field)) {
        line.put(field, token.path(field).asText());
      }
    }
    return line;
  }

  /** {@code token}. */
  @Command(
      name = "token",
      synopsisSubcommandLabel = "COMMAND",
      description = "Registration tokens of the clusters of a running server.",
      subcommands = {CreateToken.class, ListTokens.class, RevokeToken.class})
  static final class TokenCommands {}

  /** {@code token create}. */
  @Command(
      name = "create",
      description = {
        "Make one more registration token for a cluster; the others stay good.",
        "Prints the same as cluster create.",
        ""
      })
  static final class CreateToken implements Callable<Integer> {
    @CommandLine.Mixin private DirectoryOption directory = new DirectoryOption();
    @CommandLine.Mixin private LifeOptions life = new LifeOptions();

    @Parameters(paramLabel = "CLUSTER", description = "The cluster's id, c-xxxxx.")
    private String clusterId = "";

    @Override
    public Integer call() throws IOException, InterruptedException {
      try (var server = RunningServer.of(directory.directory)) {
        System.out.println(createToken(server, clusterId, life).put("id", clusterId));
      }
      return 0;
    }
  }

  /** {@code token list}. */
  @Command(name = "list", description = "Print id, state, end and cluster of every token.")
  static final class ListTokens implements Callable<Integer> {
    @CommandLine.Mixin private DirectoryOption directory = new DirectoryOption();

    @Override
    public Integer call() throws IOException, InterruptedException {
      try (var server = RunningServer.of(directory.directory)) {
        for (var token : server.get(TOKENS).path("data")) {
          System.out.printf(
              "%s\t%s\t%s\t%s%n",
              token.path("id").asText(),
              token.path("state").asText(),
              token.path("expiresAt").asText("never"),
              token.path("clusterId").asText());
        }
      }
      return 0;
    }
  }

  /** {@code token revoke}. */
  @Command(
      name = "revoke",
      description = {
        "Take no token of that id any more. An agent that is connected stays; when it connects",
        "again it is refused."
      })
  static final class RevokeToken implements Callable<Integer> {
    @CommandLine.Mixin private DirectoryOption directory = new DirectoryOption();

    @Parameters(paramLabel = "ID", description = "The token's id, crt-xxxxx.")
    private String id = "";

    @Override
    public Integer call() throws IOException, InterruptedException {
      try (var server = RunningServer.of(directory.directory)) {
        var _ = server.delete(TOKENS + "/" + id);
      }
      return 0;
    }
  }

  /** {@code cluster list}. */
  @Command(name = "list", description = "Print id, state and name of every cluster.")
  static final class ListClusters implements Callable<Integer> {
    @CommandLine.Mixin private DirectoryOption directory = new DirectoryOption();

    @Override
    public Integer call() throws IOException, InterruptedException {
      try (var server = RunningServer.of(directory.directory)) {
        for (var cluster : server.get("/v3/clusters").path("data")) {
          System.out.printf(
              "%s\t%s\t%s%n",
              cluster.path("id").asText(),
              cluster.path("state").asText(),
              cluster.path("name").asText());
        }
      }
      return 0;
    }
  }

  /** {@code cluster wait}. */
  @Command(
      name = "wait",
      description = {
        "Wait until a cluster is active; changes are told on stderr.",
        "Exit code 1 if it is not active in time.",
        ""
      })
  static final class WaitForCluster implements Callable<Integer> {
    private static final Duration POLL = Duration.ofMillis(250);

    @CommandLine.Mixin private DirectoryOption directory = new DirectoryOption();

    @Parameters(paramLabel = "ID", description = "The cluster's id, c-xxxxx.")
    private String id = "";

    @Option(
        names = "--timeout",
        paramLabel = "DURATION",
        defaultValue = "60s",
        description = "How long to wait (default: ${DEFAULT-VALUE}).")
    private Duration timeout = Duration.ZERO;

    @Override
    public Integer call() throws IOException, InterruptedException {
      long deadlineNanos = System.nanoTime() + timeout.toNanos();
      var last = "";
      try (var server = RunningServer.of(directory.directory)) {
        while (true) {
          var cluster = server.get("/v3/clusters/" + id);
          var now = summary(cluster);
          if (!now.equals(last)) {
            System.err.println(now);
            last = now;
          }
          if (cluster.path("state").asText().equals("active")) {
            return 0;
          }
          if (System.nanoTime() - deadlineNanos >= 0) {
            System.err.println("drover-server: not active after " + timeout.toSeconds() + " s");
            return 1;
          }
          Thread.sleep(POLL);
        }
      }
    }

    private static String summary(JsonNode cluster) {
      var text = new StringBuilder(cluster.path("state").asText());
      for (var condition : cluster.path("conditions")) {
        text.append(' ').append(condition.path("type").asText());
        text.append('=').append(condition.path("status").asText());
        var message = condition.path("message").asText();
        if (!message.isEmpty()) {
          text.append(" (").append(message).append(')');
        }
      }
      return text.toString();
    }
  }

  /** {@code kubeconfig}. */
  @Command(name = "kubeconfig", description = "Write a kubeconfig for a cluster.")
  static final class WriteKubeconfig implements Callable<Integer> {
    @CommandLine.Mixin private DirectoryOption directory = new DirectoryOption();

    @Parameters(paramLabel = "ID", description = "The cluster's id, c-xxxxx.")
    private String id = "";

    @Option(
        names = "--out",
        paramLabel = "FILE",
        description = "Where to, readable by its owner only (default: stdout).")
    private @Nullable Path out;

    @Override
    public Integer call() throws IOException, InterruptedException {
      try (var server = RunningServer.of(directory.directory)) {
        var answer =
            server.post(
                "/v3/clusters/" + id + "?action=generateKubeconfig", JSON.createObjectNode());
        var config = answer.path("config").asText();
        if (out == null) {
          System.out.print(config);
        } else {
          Store.write(out.toAbsolutePath(), config);
        }
      }
      return 0;
    }
  }

  /** {@code version}. */
  @Command(name = "version", description = "Print the version.")
  static final class ShowVersion implements Callable<Integer> {
    @Override
    public Integer call() {
      System.out.println("drover-server " + Version.text());
      return 0;
    }
  }
}
