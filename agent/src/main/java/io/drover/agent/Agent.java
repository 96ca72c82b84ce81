package io.drover.agent;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.drover.agent.config.AgentConfig;
import io.drover.agent.config.AuditConfig;
import io.drover.agent.config.Configured;
import io.drover.agent.control.ControlClient;
import io.drover.agent.control.ControlSocket;
import io.drover.agent.control.FlightRecording;
import io.drover.agent.control.ThreadDump;
import io.drover.agent.gateway.Gateway;
import io.drover.agent.gateway.GatewayIdentity;
import io.drover.agent.gateway.PolicyGate;
import io.drover.agent.gateway.audit.AuditRules;
import io.drover.agent.gateway.audit.Recorder;
import io.drover.agent.health.HealthServer;
import io.drover.agent.kube.Credentials;
import io.drover.agent.kube.Fabric8ClusterApi;
import io.drover.agent.kube.Handover;
import io.drover.agent.kube.NewsWatch;
import io.drover.agent.kube.NewsWatch.Followed;
import io.drover.agent.log.Logging;
import io.drover.agent.reason.Failure;
import io.drover.agent.reason.Problem;
import io.drover.agent.reason.Reason;
import io.drover.agent.retry.Sleeper;
import io.drover.agent.rotate.Changes;
import io.drover.agent.rotate.FileChanges;
import io.drover.agent.rotate.Rotation;
import io.drover.agent.rotate.Signal;
import io.drover.agent.steve.SteveServer;
import io.drover.agent.tls.KeptTrust;
import io.drover.agent.tls.ServerDialer;
import io.drover.agent.tls.ServerHttp;
import io.drover.agent.tls.ServerTrust;
import io.drover.agent.tunnel.SelfProbe;
import io.drover.agent.tunnel.Timer;
import io.drover.agent.tunnel.Watchdog;
import io.drover.proto.report.ClusterReport;
import io.drover.proto.report.ReportJson;
import io.drover.steve.Explorer;
import io.drover.steve.kube.Guard;
import io.drover.steve.shell.ShellImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Opens every part in order, waits for the signal to stop, and closes them in reverse. */
final class Agent {
  /**
   * How often we look whether a Rancher has been installed beside us or removed, whether nothing
   * but a new process helps, and whether the heap has room to give back.
   */
  static final Duration LOOK_EVERY = Duration.ofSeconds(60);

  private static final Logger log = LoggerFactory.getLogger(Agent.class);

  private final AgentContext context;
  private final AgentConfig config;
  private final Fabric8ClusterApi kube;
  private final List<Configured> settings;

  private Agent(AgentContext context, List<Configured> settings) {
    this.context = context;
    this.config = context.config();
    this.kube = context.kube();
    this.settings = settings;
  }

  /**
   * Runs until {@code stop} is tripped.
   *
   * @param settings told to this user, at the control socket
   * @throws IOException if a part cannot be opened; what may pass by itself is tried for ever
   *     instead. Also by the {@link LastResort}
   */
  static void run(AgentConfig config, List<Configured> settings, CountDownLatch stop)
      throws IOException, InterruptedException {
    refuseBesideAnother(config);
    log.info("agent starts: version={} server={}", Version.text(), config.server().server());
    var serverDialer = ServerDialer.by(config.server().proxy(), config.paths());
    var trust = new ServerTrust(config.server(), config.paths(), serverDialer);
    try (var kube = Fabric8ClusterApi.open(config.kube())) {
      new Agent(new AgentContext(config, kube, trust, serverDialer), settings).run(stop);
    }
    log.info("agent stopped");
  }

  /**
   * Whoever runs {@code drover-agent} without a command in the agent's container means to ask it
   * something. A second agent would be one too many for the server, and for the memory limit.
   */
  private static void refuseBesideAnother(AgentConfig config) throws Failure {
    var taken = config.control().socket().filter(ControlSocket::isServed);
    if (taken.isPresent()) {
      throw new Failure(
          Reason.ALREADY_RUNNING, "another agent serves its control socket " + taken.get());
    }
  }

  private void run(CountDownLatch stop) throws IOException, InterruptedException {
    Thread.ofVirtual().name("first-contact").start(this::sayWhetherServerAnswers);
    try (var watchdog = new Watchdog(System::nanoTime).start();
        var timer = Timer.system(watchdog);
        var gateway = gateway();
        var explorer = explorer(gateway == null ? Guard.NONE : gateway.guard());
        var steve = explorer == null ? SteveServer.start() : SteveServer.start(explorer);
        var tunnels = new Tunnels(context, timer, watchdog, steve, gateway);
        var signal = Signal.with(changes());
        var probe = SelfProbe.start(Tunnels.dialerTo(steve), Sleeper.REAL);
        var rotation =
            Rotation.start(tunnels.rotating(), signal, System::nanoTime, new SecureRandom());
        var news = watchForNews(signal);
        var cluster =
            needsCluster()
                ? new OwnCluster(
                    context,
                    tunnels,
                    () -> problems(rotation, news, probe, explorer, gateway),
                    () -> Optional.ofNullable(gateway).map(Readings::reported))
                : null;
        var recording = new FlightRecording(besideControlSocket(), FlightRecording.LENGTH);
        var _ =
            ControlSocket.start(
                config.control().socket(),
                Logging::level,
                Logging::changeLevel,
                Map.of(
                    ControlClient.THREADS,
                    this::threads,
                    ControlClient.CONFIGURATION,
                    this::configuration,
                    ControlClient.REASONS,
                    tunnels::reasons,
                    ControlClient.REPORT,
                    () -> report(cluster == null ? null : cluster.reading().last()),
                    ControlClient.POLICY,
                    () -> policy(gateway),
                    ControlClient.RECORDING,
                    recording::open),
                Map.of(ControlClient.RECORDING, recording::start),
                Sleeper.REAL);
        var _ =
            HealthServer.start(
                config.health(),
                Version.text(),
                Clock.systemUTC(),
                () -> stalled(watchdog, probe),
                List.of(tunnels::cluster, tunnels::steve),
                () ->
                    cluster == null
                        ? problems(rotation, news, probe, explorer, gateway)
                        : cluster.degraded(),
                cluster == null || !config.report().enabled() ? null : cluster::reading,
                gateway == null ? null : () -> Readings.gateway(gateway))) {
      var lastResort =
          new LastResort(System::nanoTime, () -> context.trust().ping(context.credentials().url()));
      var heap = HeapRoom.ofProcess();
      while (!stop.await(LOOK_EVERY.toSeconds(), TimeUnit.SECONDS)) {
        if (cluster == null ? context.rancherExists() : cluster.rancherExists()) {
          tunnels.giveWayToRancher();
        }
        lastResort.look(List.of(tunnels.cluster(), tunnels.steve()));
        heap.look();
      }
      handOver();
    }
  }

  /** Costs nothing before it is asked something. Null: it is not wanted. */
  private @Nullable Explorer explorer(Guard guard) {
    var wanted = config.explorer();
    return wanted.enabled()
        ? new Explorer(
            kube.access(config.kube()),
            guard,
            new Explorer.Options(
                wanted.features(),
                wanted.serverVersion(),
                wanted.masters(),
                new ShellImage(wanted.shellImage(), wanted.pullSecrets()),
                wanted.directory()))
        : null;
  }

  /** Null: it is not wanted, and the server is told the API server itself. */
  private @Nullable Gateway gateway() {
    return config.tunnel().gateway()
        ? Gateway.start(
            kube.access(config.kube()),
            new GatewayIdentity(
                kube.shared(GatewayIdentity.SECRET)::ensure, InstantSource.system()),
            PolicyGate.start(
                kube.reader(), Fabric8ClusterApi.NAMESPACE, InstantSource.system(), Sleeper.REAL),
            Recorder.start(
                config.audit(),
                new ServerHttp(context.serverDialer()),
                KeptTrust.systemStore(config.paths()),
                auditRules(),
                InstantSource.system()))
        : null;
  }

  /** Nobody is asked for them if nothing is recorded. */
  private AuditRules auditRules() {
    return config.audit().target() instanceof AuditConfig.Target.Off
        ? AuditRules.none()
        : AuditRules.start(kube.reader(), Fabric8ClusterApi.NAMESPACE, Sleeper.REAL);
  }

  /** While everything goes on as before. */
  private void handOver() throws InterruptedException {
    if (config.health().enabled() && !config.duty().pod().isEmpty()) {
      new Handover(
              kube.reader(),
              config.duty().pod(),
              config.health().port(),
              Sleeper.REAL,
              InstantSource.system())
          .await();
    }
  }

  /** What this process runs with; of system properties, which may be secret, the names. */
  private InputStream configuration() {
    var text = new StringBuilder(Version.text()).append('\n');
    settings.forEach(setting -> text.append(setting.text()));
    text.append("Java ").append(Runtime.version()).append('\n');
    for (String argument : ManagementFactory.getRuntimeMXBean().getInputArguments()) {
      text.append(argument.startsWith("-D") ? argument.replaceFirst("=.*", "=***") : argument);
      text.append('\n');
    }
    return new ByteArrayInputStream(text.toString().getBytes(UTF_8));
  }

  private InputStream threads() throws IOException {
    return ThreadDump.open(besideControlSocket());
  }

  /** For files of a moment, since a root that is read-only has no other place. */
  private Path besideControlSocket() {
    return config.control().socket().orElse(Path.of("none")).toAbsolutePath().resolveSibling(".");
  }

  private static InputStream report(@Nullable ClusterReport last) throws IOException {
    if (last == null) {
      throw new IOException("there is no report yet, or none is made");
    }
    return new ByteArrayInputStream(ReportJson.pretty(last).getBytes(UTF_8));
  }

  private static InputStream policy(@Nullable Gateway gateway) throws IOException {
    if (gateway == null) {
      throw new IOException("the agent's gateway is not on, so that no policy is in force");
    }
    return new ByteArrayInputStream(gateway.policyInForce().json().getBytes(UTF_8));
  }

  /** Where what the tunnels are made of comes in as files. */
  private Changes changes() {
    var paths = config.paths();
    var directories = new ArrayList<>(paths.caDirectories());
    directories.add(paths.credentials());
    try {
      return FileChanges.of(directories);
    } catch (IOException e) {
      log.warn("files are not watched, only looked at now and then: reason={}", e.toString());
      return Changes.unknown();
    }
  }

  private static List<String> stalled(Watchdog watchdog, SelfProbe probe) {
    var names = new ArrayList<>(watchdog.stalled());
    if (probe.isFatal()) {
      names.add(SelfProbe.FEATURE);
    }
    return names;
  }

  private static SortedMap<String, Problem> problems(
      Rotation rotation,
      NewsWatch news,
      SelfProbe probe,
      @Nullable Explorer explorer,
      @Nullable Gateway gateway) {
    var found = rotation.problems();
    probe.problem().ifPresent(problem -> found.put(SelfProbe.FEATURE, problem));
    news.problem().ifPresent(problem -> found.put(NewsWatch.FEATURE, problem));
    if (explorer != null) {
      explorer
          .missingRight()
          .ifPresent(right -> found.put(Explorer.FEATURE, new Problem(Reason.FORBIDDEN, right)));
    }
    if (gateway != null) {
      gateway.problem().ifPresent(problem -> found.put(PolicyGate.FEATURE, problem));
    }
    return found;
  }

  /** What is read of the cluster for the server, and is no file. */
  private NewsWatch watchForNews(Signal signal) {
    var watch =
        new NewsWatch(kube.reader(), Fabric8ClusterApi.NAMESPACE, signal::changed, Sleeper.REAL);
    if (!config.tunnel().gateway()) { // otherwise the server hears nothing of these
      watch.follow(Followed.SERVICE_ACCOUNT, Fabric8ClusterApi.ACCOUNT);
      watch.follow(Followed.ROOT_CA, Fabric8ClusterApi.ROOT_CA);
      kube.onTokenSecret(name -> watch.follow(Followed.TOKEN, name));
    }
    String credentials = config.duty().credentialName();
    if (!credentials.isEmpty() && Credentials.areForbidden(config.paths().credentials())) {
      watch.follow(Followed.CREDENTIALS, credentials);
    }
    return watch;
  }

  /** The stock agent ends here if there is no answer; we say so and go on trying. */
  private void sayWhetherServerAnswers() {
    try {
      context.trust().ping();
      log.info("server is accessible: url={}/ping", config.server().server());
    } catch (IOException e) {
      log.warn("server is not accessible yet: reason={}", e.getMessage());
    }
  }

  private boolean needsCluster() {
    return config.report().enabled() || !config.duty().duties().isEmpty();
  }
}
