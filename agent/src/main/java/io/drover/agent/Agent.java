package io.drover.agent;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.drover.agent.config.AgentConfig;
import io.drover.agent.config.AuditConfig;
import io.drover.agent.config.Configured;
import io.drover.agent.config.KubeConfig;
import io.drover.agent.config.Paths;
import io.drover.agent.config.Secret;
import io.drover.agent.control.ControlClient;
import io.drover.agent.control.ControlSocket;
import io.drover.agent.control.FlightRecording;
import io.drover.agent.control.ThreadDump;
import io.drover.agent.duty.Duties;
import io.drover.agent.gateway.Gateway;
import io.drover.agent.gateway.GatewayIdentity;
import io.drover.agent.gateway.PolicyGate;
import io.drover.agent.gateway.audit.AuditRules;
import io.drover.agent.gateway.audit.Reading;
import io.drover.agent.gateway.audit.Recorder;
import io.drover.agent.health.GatewayReading;
import io.drover.agent.health.HealthServer;
import io.drover.agent.health.ReportReading;
import io.drover.agent.health.TunnelReading;
import io.drover.agent.kube.AccessProof;
import io.drover.agent.kube.AggregationSecret;
import io.drover.agent.kube.ApiReader;
import io.drover.agent.kube.ApiWriter;
import io.drover.agent.kube.ClusterAccess;
import io.drover.agent.kube.Credentials;
import io.drover.agent.kube.Fabric8ClusterApi;
import io.drover.agent.kube.Handover;
import io.drover.agent.kube.Leadership;
import io.drover.agent.kube.NewsWatch;
import io.drover.agent.kube.NewsWatch.Followed;
import io.drover.agent.log.ChangeLog;
import io.drover.agent.log.Logging;
import io.drover.agent.node.NodePoller;
import io.drover.agent.reason.Failure;
import io.drover.agent.reason.Problem;
import io.drover.agent.reason.Reason;
import io.drover.agent.report.Reporter;
import io.drover.agent.report.Reports;
import io.drover.agent.retry.Backoff;
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
import io.drover.agent.tunnel.DialAudit;
import io.drover.agent.tunnel.DialLog;
import io.drover.agent.tunnel.DialPolicy;
import io.drover.agent.tunnel.Dialer;
import io.drover.agent.tunnel.Handshake;
import io.drover.agent.tunnel.SelfProbe;
import io.drover.agent.tunnel.TcpDialer;
import io.drover.agent.tunnel.Timer;
import io.drover.agent.tunnel.TunnelClient;
import io.drover.agent.tunnel.TunnelClient.Handshakes;
import io.drover.agent.tunnel.Watchdog;
import io.drover.agent.view.Kinds;
import io.drover.agent.view.LiveView;
import io.drover.agent.view.Service;
import io.drover.proto.handshake.ConnectParams;
import io.drover.proto.handshake.TunnelHeaders;
import io.drover.proto.report.ClusterReport;
import io.drover.proto.report.Health;
import io.drover.proto.report.ReportJson;
import io.drover.steve.Explorer;
import io.drover.steve.kube.Guard;
import io.drover.steve.shell.ShellImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.management.ManagementFactory;
import java.net.URI;
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
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import javax.net.ssl.SSLContext;
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

  /** Held by the replica that writes reports. */
  static final String LEASE = "drover-agent";

  private static final Logger log = LoggerFactory.getLogger(Agent.class);

  private final AgentConfig config;
  private final List<Configured> settings;
  private final Fabric8ClusterApi kube;
  private final ServerTrust trust;
  private final ServerDialer serverDialer;

  private Agent(
      AgentConfig config,
      List<Configured> settings,
      Fabric8ClusterApi kube,
      ServerTrust trust,
      ServerDialer serverDialer) {
    this.config = config;
    this.settings = settings;
    this.kube = kube;
    this.trust = trust;
    this.serverDialer = serverDialer;
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
      new Agent(config, settings, kube, trust, serverDialer).run(stop);
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
        var tunnels = new Tunnels(timer, watchdog, steve, gateway);
        var signal = Signal.with(changes());
        var probe = SelfProbe.start(dialerTo(steve), Sleeper.REAL);
        var rotation =
            Rotation.start(tunnels.rotating(), signal, System::nanoTime, new SecureRandom());
        var news = watchForNews(signal);
        var cluster =
            needsCluster()
                ? new OwnCluster(
                    tunnels,
                    () -> problems(rotation, news, probe, explorer, gateway),
                    () -> Optional.ofNullable(gateway).map(Agent::reported))
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
                gateway == null ? null : () -> reading(gateway))) {
      var lastResort = new LastResort(System::nanoTime, () -> trust.ping(credentials().url()));
      var heap = HeapRoom.ofProcess();
      while (!stop.await(LOOK_EVERY.toSeconds(), TimeUnit.SECONDS)) {
        if (cluster == null ? rancherExists() : cluster.rancherExists()) {
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
                new ServerHttp(serverDialer),
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
      trust.ping();
      log.info("server is accessible: url={}/ping", config.server().server());
    } catch (IOException e) {
      log.warn("server is not accessible yet: reason={}", e.getMessage());
    }
  }

  /** The two tunnels, which drain at the same time when they close. */
  private final class Tunnels implements AutoCloseable {
    private final TunnelClient cluster;
    private final TunnelClient steve;

    Tunnels(Timer timer, Watchdog watchdog, SteveServer steveServer, @Nullable Gateway gateway) {
      var drain = config.tunnel().drain();
      cluster =
          TunnelClient.start(
              "cluster",
              serverDialer,
              new ClusterHandshakes(gateway),
              gateway == null ? new TcpDialer() : dialerTo(gateway, new TcpDialer()),
              new DialLog("cluster", timer),
              drain,
              timer,
              watchdog,
              new Backoff(new SecureRandom()));
      steve =
          TunnelClient.start(
              "steve",
              serverDialer,
              new SteveHandshakes(),
              dialerTo(steveServer),
              DialAudit.none(),
              drain,
              timer,
              watchdog,
              new Backoff(new SecureRandom()));
    }

    List<Rotation.Part> rotating() {
      return List.of(
          new Rotation.Part("server-ca-news", this::refreshTrust),
          new Rotation.Part("cluster-tunnel-news", cluster::renew),
          new Rotation.Part("steve-tunnel-news", steve::renew));
    }

    /** Not while the server is away, which the tunnel says itself. */
    private void refreshTrust() throws IOException {
      if (cluster.reading().connected()) {
        trust.refresh(credentials().url());
      }
    }

    TunnelReading cluster() {
      return reading("cluster", cluster);
    }

    TunnelReading steve() {
      return reading("steve", steve);
    }

    Map<String, Optional<Problem>> problems() {
      return Map.of(
          "cluster", Optional.ofNullable(cluster.reading().problem()),
          "steve", Optional.ofNullable(steve.reading().problem()));
    }

    InputStream reasons() {
      var text = lastReasons("cluster", cluster) + lastReasons("steve", steve);
      return new ByteArrayInputStream(
          (text.isEmpty() ? "none since the agent started\n" : text).getBytes(UTF_8));
    }

    /** Two agents' steve tunnels for one cluster: the older would win, whatever it can do. */
    void giveWayToRancher() {
      if (steve.reading().connected()) {
        steve.disconnect(new Problem(Reason.NOT_WANTED, "Rancher is installed in this cluster"));
      }
    }

    @Override
    public void close() {
      var other = Thread.ofVirtual().name("steve-close").start(steve::close);
      cluster.close();
      try {
        other.join();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /** For {@code /readyz} and the metrics. */
  static TunnelReading reading(String name, TunnelClient tunnel) {
    var now = tunnel.reading();
    return new TunnelReading(
        name,
        !now.unwanted(),
        now.connected(),
        now.since(),
        now.problem(),
        now.last(),
        now.totals().sessions(),
        now.streamsOpen(),
        now.totals().streams(),
        now.totals().receivedBytes(),
        now.totals().sentBytes(),
        now.totals().dialFailures(),
        now.queuedBytes());
  }

  /** For {@code /readyz} and the metrics. */
  static GatewayReading reading(Gateway gateway) {
    var now = gateway.reading();
    return new GatewayReading(
        gateway.policySummary(),
        now.requests().entrySet().stream()
            .map(
                entry ->
                    new GatewayReading.Requests(
                        entry.getKey().verb(),
                        entry.getKey().code(),
                        entry.getKey().subject(),
                        entry.getValue()))
            .toList(),
        now.refused(),
        now.boundsSeconds(),
        now.durations(),
        now.durationSeconds(),
        now.to(),
        now.block() ? "block" : "count",
        now.written(),
        now.lost(),
        users(now.users()),
        users(now.lastHour().users()),
        now.lastHour().others());
  }

  private static List<GatewayReading.User> users(List<Reading.User> users) {
    return users.stream()
        .map(user -> new GatewayReading.User(user.name(), user.requests()))
        .toList();
  }

  /** For the reports. */
  static ClusterReport.Gateway reported(Gateway gateway) {
    return new ClusterReport.Gateway(gateway.policySummary(), gateway.reading().to());
  }

  /** Its last problems, a line each, the newest last. */
  static String lastReasons(String name, TunnelClient tunnel) {
    return tunnel.reading().past().stream()
        .map(past -> "%s tunnel=%s reason=%s\n".formatted(past.at(), name, past.problem().text()))
        .collect(Collectors.joining());
  }

  /** For the reports. */
  static Health.Tunnel health(TunnelReading tunnel) {
    var problem = tunnel.problem();
    return new Health.Tunnel(
        tunnel.tunnel(),
        tunnel.connected(),
        tunnel.since(),
        problem == null ? "" : problem.reason().code(),
        problem == null ? "" : problem.message());
  }

  private boolean needsCluster() {
    return config.report().enabled() || !config.duty().duties().isEmpty();
  }

  /** The view of the cluster we are in, and what is made of it: reports and duties. */
  private final class OwnCluster implements AutoCloseable {
    private final ApiReader api = kube.reader();
    private final AtomicReference<Runnable> changed = new AtomicReference<>(() -> {});
    private final LiveView view;
    private final Leadership leadership;
    private final @Nullable NodePoller nodes;
    private final @Nullable Reporter reporter;
    private final Supplier<SortedMap<String, Problem>> others;
    private final Duties duties;

    /** With features of others that do not work, and the gateway. */
    OwnCluster(
        Tunnels tunnels,
        Supplier<SortedMap<String, Problem>> others,
        Supplier<Optional<ClusterReport.Gateway>> gateway) {
      this.others = others;
      Runnable onChange = () -> changed.get().run();
      view =
          LiveView.start(
              api,
              Reports.survey(
                  config.report(), Fabric8ClusterApi.NAMESPACE, kube::servingCertificates),
              Clock.systemUTC(),
              Sleeper.REAL,
              new SecureRandom(),
              onChange);
      leadership = kube.standForElection(LEASE, identity(), onChange);
      nodes =
          config.report().enabled() && !config.nodeAgents().addresses().isEmpty()
              ? NodePoller.start(
                  config.nodeAgents(),
                  leadership::leads,
                  onChange,
                  trust::bundleDigest,
                  Clock.systemUTC(),
                  Sleeper.REAL)
              : null;
      reporter = config.report().enabled() ? reporter(tunnels, gateway) : null;
      if (reporter != null) {
        changed.set(reporter::changed);
      }
      duties =
          Duties.start(
              config.duty(),
              view,
              () -> Reports.nodeAnnotations(view),
              tunnels::problems,
              this::degradedBesideDuties,
              leadership::leads,
              new ApiWriter(api, Clock.systemUTC()),
              Clock.systemUTC(),
              Sleeper.REAL);
    }

    private Reporter reporter(Tunnels tunnels, Supplier<Optional<ClusterReport.Gateway>> gateway) {
      return Reports.start(
          config.report(),
          view,
          api,
          Fabric8ClusterApi.NAMESPACE,
          leadership::leads,
          () -> List.of(health(tunnels.cluster()), health(tunnels.steve())),
          () -> nodes == null ? Optional.empty() : nodes.snapshots(),
          gateway,
          this::clusterId,
          Version.text(),
          serverDialer,
          new ServerOfTunnels());
    }

    /** The pod's name, which is the host's, and something that no other life of it has. */
    private static String identity() {
      return ProcessHandle.current().pid() + "-" + UUID.randomUUID();
    }

    private String clusterId() {
      try {
        return credentials().namespace();
      } catch (IOException _) {
        return "";
      }
    }

    /** By the mirrored Services, which cost no request; asks if they cannot be read. */
    boolean rancherExists() {
      return view.all(Kinds.SERVICES)
          .map(
              services ->
                  services.stream().anyMatch(service -> service.fullName().equals(Service.RANCHER)))
          .found()
          .orElseGet(Agent.this::rancherExists);
    }

    /** By the names of the chart's rights.yaml. */
    SortedMap<String, Problem> degraded() {
      var found = duties.problems();
      found.putAll(degradedBesideDuties());
      return found;
    }

    private SortedMap<String, Problem> degradedBesideDuties() {
      var found = others.get();
      leadership.problem().ifPresent(problem -> found.put("leader", problem));
      if (nodes != null) {
        nodes.problem().ifPresent(problem -> found.put("nodes", problem));
      }
      if (reporter != null) {
        found.putAll(reporter.problems());
      }
      return found;
    }

    ReportReading reading() {
      return new ReportReading(
          reporter == null ? null : reporter.last().orElse(null),
          leadership.leads(),
          api.requests(),
          (reporter == null ? List.<Reporter.SinkReading>of() : reporter.sinks())
              .stream()
                  .map(
                      sink ->
                          new ReportReading.Sink(sink.sink(), sink.failures(), sink.lastSuccess()))
                  .toList());
    }

    @Override
    public void close() {
      duties.close();
      if (reporter != null) {
        reporter.close();
      }
      if (nodes != null) {
        nodes.close();
      }
      leadership.close();
      view.close();
    }
  }

  /** Read anew for each use, since they rotate. */
  private Credentials credentials() throws IOException {
    return credentials(config.paths(), config.duty().credentialName(), kube);
  }

  static Credentials credentials(Paths paths, String secret, Fabric8ClusterApi kube)
      throws IOException {
    var directory = paths.credentials();
    return !secret.isEmpty() && Credentials.areForbidden(directory)
        ? kube.credentials(secret)
        : Credentials.read(directory);
  }

  /** For reports that go to the server itself. */
  private final class ServerOfTunnels implements Reports.Server {
    @Override
    public URI url() throws IOException {
      return credentials().url();
    }

    @Override
    public Secret token() throws IOException {
      return credentials().token();
    }

    @Override
    public SSLContext trust() throws IOException {
      return trust.context();
    }
  }

  private void forgetSessions() {
    trust.forgetSessions();
    serverDialer.forgetSessions();
  }

  private boolean wantsSteveTunnel() {
    return !config.features().provisioningPrebootstrap() && !rancherExists();
  }

  private boolean rancherExists() {
    try {
      return kube.rancherServiceExists();
    } catch (IOException e) {
      // The server's check must be answered even while the API server is away.
      log.debug("cannot tell whether Rancher is installed here: reason={}", e.getMessage());
      return false;
    }
  }

  /** Whatever is to be dialled: it is always this. */
  static Dialer dialerTo(SteveServer steveServer) {
    return (_, _, dial) -> steveServer.connect(dial::opening);
  }

  /** To the gateway what is meant for it, and to others all else. */
  static Dialer dialerTo(Gateway gateway, Dialer others) {
    return (network, address, dial) ->
        address.equals(Gateway.ADDRESS)
            ? gateway.connect(dial::opening)
            : others.dial(network, address, dial);
  }

  static URI endpoint(URI server, String path) {
    // Always TLS, and at the root of the host, as the stock agent does it.
    return URI.create("wss://" + server.getRawAuthority() + path);
  }

  private final class ClusterHandshakes implements Handshakes {
    private final ChangeLog written = ChangeLog.ofLoop(log, System::nanoTime);
    private final @Nullable Gateway gateway;
    private volatile @Nullable Handshake registered;

    ClusterHandshakes(@Nullable Gateway gateway) {
      this.gateway = gateway;
    }

    /** How the server reaches the cluster: the API server, or the gateway in its place. */
    private ConnectParams params() throws IOException, InterruptedException {
      if (gateway != null) {
        var told = gateway.identity().told();
        return new ConnectParams(Gateway.ADDRESS, told.token().value(), told.authorities());
      }
      var access = kube.access();
      return new ConnectParams(access.address(), access.token().value(), access.caCert());
    }

    private DialPolicy policy(String address) {
      var allowed = config.tunnel().dialAllow();
      return gateway == null
          ? DialPolicy.apiServerAnd(address, allowed)
          : DialPolicy.gatewayAnd(address, allowed);
    }

    @Override
    public Optional<Handshake> next() throws IOException, InterruptedException {
      var credentials = credentials();
      var params = params();
      var again =
          new Handshake(
              endpoint(credentials.url(), TunnelHeaders.CONNECT_PATH),
              Map.of(
                  TunnelHeaders.TOKEN, credentials.token().value(),
                  TunnelHeaders.PARAMS, params.toHeader()),
              trust.context(),
              policy(params.address()));
      var known = registered;
      if (config.features().connectOnly() || (known != null && known.carriesSame(again))) {
        return Optional.of(again);
      }
      var url = endpoint(credentials.url(), TunnelHeaders.REGISTER_PATH);
      return Optional.of(new Handshake(url, again.headers(), again.trust(), again.policy()));
    }

    @Override
    public void startAfresh() {
      forgetSessions();
    }

    /**
     * With a kubeconfig the address may be one that only the server's end of it knows. What the
     * gateway tells is its own.
     */
    @Override
    public void prove(Handshake before, Handshake news) throws IOException {
      String params = news.headers().getOrDefault(TunnelHeaders.PARAMS, "");
      if (gateway == null
          && config.kube() instanceof KubeConfig.InCluster
          && !params.equals(before.headers().get(TunnelHeaders.PARAMS))) {
        var told = ConnectParams.fromHeader(params);
        AccessProof.require(
            new ClusterAccess(told.address(), new Secret(told.token()), told.caCert()));
      }
    }

    @Override
    public void accepted(Handshake handshake) {
      registered = handshake;
      try {
        var credentials = credentials();
        kube.write(
            new AggregationSecret(
                credentials.url(),
                credentials.token(),
                trust.caChecksum(),
                trust.caBundle().orElse(""),
                trust.isStrictlyTrusted(credentials.url())));
        written.works("aggregation secret written after all");
      } catch (IOException e) {
        var problem = Problem.of(e);
        written.bad(
            problem.reason().code(), "aggregation secret not written: reason=" + problem.text());
      }
    }
  }

  private final class SteveHandshakes implements Handshakes {
    @Override
    public void startAfresh() {
      forgetSessions();
    }

    @Override
    public Optional<Handshake> next() throws IOException {
      if (!wantsSteveTunnel()) {
        return Optional.empty();
      }
      var credentials = credentials();
      return Optional.of(
          new Handshake(
              endpoint(credentials.url(), TunnelHeaders.CONNECT_PATH),
              Map.of(
                  TunnelHeaders.AUTHORIZATION,
                  TunnelHeaders.steveAuthorization(credentials.token().value())),
              trust.context(),
              DialPolicy.everything()));
    }
  }
}
