package io.drover.agent;

import io.drover.agent.check.Checks;
import io.drover.agent.check.Cluster;
import io.drover.agent.check.StepResult;
import io.drover.agent.check.Tunnel;
import io.drover.agent.config.CheckConfig;
import io.drover.agent.config.LogConfig;
import io.drover.agent.config.Secret;
import io.drover.agent.config.Setting;
import io.drover.agent.kube.ApiReader;
import io.drover.agent.kube.ClusterAccess;
import io.drover.agent.kube.Fabric8ClusterApi;
import io.drover.agent.log.Logging;
import io.drover.agent.steve.SteveServer;
import io.drover.agent.tls.ServerDialer;
import io.drover.agent.tls.ServerTrust;
import io.drover.agent.tunnel.DialAudit;
import io.drover.agent.tunnel.DialPolicy;
import io.drover.agent.tunnel.Dialer;
import io.drover.agent.tunnel.Handshake;
import io.drover.agent.tunnel.HandshakeRefused;
import io.drover.agent.tunnel.LocalSockets;
import io.drover.agent.tunnel.Timer;
import io.drover.agent.tunnel.TunnelProbe;
import io.drover.agent.tunnel.Watchdog;
import io.drover.proto.handshake.TunnelHeaders;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** The command {@code drover-agent check}. */
@Command(
    name = "check",
    mixinStandardHelpOptions = true,
    versionProvider = Commands.VersionCommand.class,
    synopsisHeading = "Usage: ",
    description = {
      "%nGoes the way to the server step by step, as the agent does, and says of",
      "each step what became of it: DNS, proxy, TCP, TLS, CA, API server, rights,",
      "token, websocket. What fails has a reason and what to do next. A running",
      "agent is not disturbed. In its pod it needs no options; elsewhere give it",
      "--server and --token, and CATTLE_CA_CHECKSUM as in the manifest.",
      "%nMarks: ✓ passed, ! look at it, ✗ failed, – not tried. See docs/check.md.%n"
    },
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {"0:no step failed", "1:a step failed", "2:bad configuration or usage"})
final class CheckCommand implements Callable<Integer> {
  private static final Path RESOLV_CONF = Path.of("/etc/resolv.conf");

  /** Of the words by which a server refuses parameters of a token that it knows. */
  private static final String NO_PARAMETERS = "registration info";

  @Spec private CommandSpec spec = CommandSpec.create();

  @Option(names = "--server", paramLabel = "URL", description = "Of the server.")
  private String server = "";

  @Option(
      names = "--token",
      paramLabel = "TOKEN",
      description = "Registration token. @FILE takes options from a file that only you can read.")
  private String token = "";

  @Option(names = "--kubeconfig", paramLabel = "FILE", description = "Which cluster.")
  private String kubeconfig = "";

  @Option(names = "--json", description = "As JSON, one object a line.")
  private boolean json;

  @Option(names = "--long", description = "Also hold a session for two minutes.")
  private boolean isLong;

  private final Map<String, String> environment;

  CheckCommand(Map<String, String> environment) {
    this.environment = environment;
  }

  @Override
  public Integer call() {
    var line = spec.commandLine();
    var variables = new HashMap<>(environment);
    if (!kubeconfig.isEmpty()) {
      variables.put(Setting.KUBECONFIG.name(), kubeconfig);
    }
    return Printing.run(
        line,
        () -> {
          var config = CheckConfig.from(variables, server, new Secret(token));
          Logging.configure(LogConfig.silent());
          // NO_COLOR is Ansi's to know.
          boolean colour = Ansi.AUTO.enabled();
          Consumer<StepResult> printed =
              result -> {
                line.getOut().println(json ? result.json() : result.text(colour));
                line.getOut().flush();
              };
          return run(config, isLong, printed) ? Main.STOPPED : Main.FAILED;
        });
  }

  /** Whether no step has failed; {@code printed} gets each as it ends. */
  static boolean run(CheckConfig config, boolean isLong, Consumer<StepResult> printed)
      throws IOException, InterruptedException {
    var dialer = ServerDialer.by(config.server().proxy(), config.paths());
    var trust = new ServerTrust(config.server(), config.paths(), dialer);
    var watchdog = new Watchdog(System::nanoTime); // nobody looks: a check is short, and has limits
    try (var timer = Timer.system(watchdog);
        var sockets = LocalSockets.start("check", watchdog);
        var steve = SteveServer.start();
        var cluster = config.kube().isPresent() ? new OwnCluster(config) : null) {
      return new Checks(
              config,
              dialer,
              trust,
              cluster,
              cluster != null && config.gateway()
                  ? new CheckedGateway(config, dialer, cluster::kube, Clock.systemUTC())
                  : null,
              new OwnTunnel(dialer, Tunnels.dialerTo(steve), timer, sockets),
              Clock.systemUTC(),
              RESOLV_CONF,
              printed)
          .run(isLong);
    }
  }

  /** The cluster, opened when it is first asked: that may fail, and is a step's to tell. */
  private static final class OwnCluster implements Cluster, AutoCloseable {
    private final CheckConfig config;
    private @Nullable Fabric8ClusterApi kube;

    OwnCluster(CheckConfig config) {
      this.config = config;
    }

    private Fabric8ClusterApi kube() throws IOException {
      if (kube == null) {
        kube = Fabric8ClusterApi.open(config.kube().orElseThrow());
      }
      return kube;
    }

    @Override
    public Login login() throws IOException {
      var credentials =
          AgentContext.credentials(config.paths(), config.duty().credentialName(), kube());
      return new Login(credentials.url(), credentials.token());
    }

    @Override
    public String address() throws IOException {
      return kube().address();
    }

    @Override
    public void requireReachable() throws IOException, InterruptedException {
      kube().requireReachable();
    }

    @Override
    public ClusterAccess access() throws IOException, InterruptedException {
      return kube().access();
    }

    @Override
    public ApiReader reader() throws IOException {
      return kube().reader();
    }

    @Override
    public void close() {
      if (kube != null) {
        kube.close();
      }
    }
  }

  private record OwnTunnel(
      ServerDialer serverDialer, Dialer dialer, Timer timer, LocalSockets sockets)
      implements Tunnel {
    @Override
    public void showToken(URI url, Secret token, int parameterBytes, SSLContext trust)
        throws IOException, InterruptedException {
      var handshake =
          new Handshake(
              Handshake.endpoint(url, TunnelHeaders.CONNECT_PATH),
              Map.of(
                  TunnelHeaders.TOKEN, token.value(),
                  TunnelHeaders.PARAMS, parametersWithoutCluster(parameterBytes)),
              trust,
              DialPolicy.everything());
      try {
        open(handshake).close();
      } catch (HandshakeRefused e) {
        if (!String.valueOf(e.getMessage()).contains(NO_PARAMETERS)) {
          throw e;
        }
      }
    }

    /** As long as the real ones, so that what cannot take those cannot take these. */
    private static String parametersWithoutCluster(int bytes) {
      String empty = "{\"check\":\"\"}";
      int padding = Math.max(0, bytes / 4 * 3 - empty.length());
      String text = "{\"check\":\"" + "-".repeat(padding) + "\"}";
      return Base64.getEncoder().encodeToString(text.getBytes(StandardCharsets.UTF_8));
    }

    @Override
    public Session open(URI url, Secret token, SSLContext trust)
        throws IOException, InterruptedException {
      var handshake =
          new Handshake(
              Handshake.endpoint(url, TunnelHeaders.CONNECT_PATH),
              Map.of(TunnelHeaders.AUTHORIZATION, TunnelHeaders.steveAuthorization(token.value())),
              trust,
              DialPolicy.everything());
      return new OwnSession(open(handshake));
    }

    private TunnelProbe open(Handshake handshake) throws IOException, InterruptedException {
      return TunnelProbe.open(
          "check", serverDialer, handshake, dialer, DialAudit.none(), timer, sockets);
    }
  }

  private record OwnSession(TunnelProbe probe) implements Tunnel.Session {
    @Override
    public void sendFrame(int bytes) throws IOException, InterruptedException {
      probe.sendFrame(bytes);
    }

    @Override
    public void hold(Duration duration) throws IOException, InterruptedException {
      probe.hold(duration);
    }

    @Override
    public void close() {
      probe.close();
    }
  }
}
