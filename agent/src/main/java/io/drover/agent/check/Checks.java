package io.drover.agent.check;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import io.drover.agent.config.CheckConfig;
import io.drover.agent.config.DutyConfig.Duty;
import io.drover.agent.config.ReportConfig.Trial;
import io.drover.agent.config.Secret;
import io.drover.agent.kube.Answer;
import io.drover.agent.kube.Fabric8ClusterApi;
import io.drover.agent.kube.NewsWatch;
import io.drover.agent.reason.Failure;
import io.drover.agent.reason.Problem;
import io.drover.agent.reason.Reason;
import io.drover.agent.tls.CertificateRefused;
import io.drover.agent.tls.ChainLink;
import io.drover.agent.tls.ServerDialer;
import io.drover.agent.tls.ServerHttp;
import io.drover.agent.tls.ServerTrust;
import io.drover.proto.handshake.ConnectParams;
import io.drover.proto.handshake.TunnelHeaders;
import io.drover.steve.Explorer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;

/**
 * The steps of a connection, in order, each told when it is over. A step that needs one that failed
 * is skipped. Used once, by one thread, which it blocks.
 */
public final class Checks {
  /** As many addresses of a name are tried, as the agent does. */
  static final int MAX_ADDRESSES = 8;

  /** For the TCP connection to one address. */
  static final Duration ADDRESS_LIMIT = Duration.ofSeconds(3);

  /** A clock that is off by more will sooner or later fail certificates and tokens. */
  static final Duration CLOCK_LIMIT = Duration.ofSeconds(60);

  /** nginx takes 8 KiB of one header by default, other proxies as much of all; in bytes. */
  static final int HEADER_LIMIT_BYTES = 7 * 1024;

  /** Payloads of frames that must come through: one of a page, and the largest of the agent's. */
  static final List<Integer> FRAME_BYTES = List.of(4 * 1024, 64 * 1024);

  /** How long a session is held by {@code --long}. */
  static final Duration LONG = Duration.ofMinutes(2);

  /** Longer resolver configurations are not read, in bytes. */
  static final int MAX_RESOLV_CONF_BYTES = 64 * 1024;

  /** The least of a parameters' header: what is sent if the real ones are not to be had. */
  private static final int LEAST_PARAMETER_BYTES = 64;

  private final CheckConfig config;
  private final ServerDialer dialer;
  private final ServerTrust trust;
  private final @Nullable Cluster cluster;
  private final @Nullable OwnGateway gateway;
  private final Tunnel tunnel;
  private final Clock clock;
  private final Path resolvConf;
  private final Consumer<StepResult> told;

  /** By step: the first one on its way that failed. */
  private final Map<String, String> blocked = new HashMap<>();

  private boolean failed;

  // What the steps find for the later ones.
  private URI url;
  private Optional<Secret> token = Optional.empty();
  private List<InetAddress> addresses = List.of();
  private ServerHttp.@Nullable Answer ping;
  private @Nullable SSLContext context;
  private @Nullable ConnectParams parameters;
  private int parameterBytes = LEAST_PARAMETER_BYTES;

  /**
   * Asks nothing yet.
   *
   * @param cluster null: there is none to be asked
   * @param gateway null: it is off, or there is no cluster
   * @param resolvConf such as {@code /etc/resolv.conf}
   * @param told of each step when it is over
   */
  public Checks(
      CheckConfig config,
      ServerDialer dialer,
      ServerTrust trust,
      @Nullable Cluster cluster,
      @Nullable OwnGateway gateway,
      Tunnel tunnel,
      Clock clock,
      Path resolvConf,
      Consumer<StepResult> told) {
    this.config = config;
    this.dialer = dialer;
    this.trust = trust;
    this.cluster = cluster;
    this.gateway = gateway;
    this.tunnel = tunnel;
    this.clock = clock;
    this.resolvConf = resolvConf;
    this.told = told;
    this.url = config.server().server();
  }

  /** What a step comes to, if it does not throw. */
  private record Outcome(
      Status status, String detail, List<String> more, @Nullable Problem problem) {
    static Outcome passed(String detail) {
      return new Outcome(Status.PASSED, detail, List.of(), null);
    }

    static Outcome passed(String detail, List<String> more) {
      return new Outcome(Status.PASSED, detail, more, null);
    }

    static Outcome warning(String detail, List<String> more, @Nullable Problem problem) {
      return new Outcome(Status.WARNING, detail, more, problem);
    }

    static Outcome failed(Problem problem, List<String> more) {
      return new Outcome(Status.FAILED, problem.message(), more, problem);
    }

    static Outcome skipped(String why) {
      return new Outcome(Status.SKIPPED, why, List.of(), null);
    }
  }

  private interface Body {
    Outcome run() throws IOException, InterruptedException;
  }

  /**
   * Runs them all.
   *
   * @param isLong also the one that takes {@link #LONG}
   * @return whether none failed
   */
  public boolean run(boolean isLong) throws InterruptedException {
    step("credentials", List.of(), this::credentials);
    step("resolv.conf", List.of(), this::resolvConf);
    step("proxy", List.of(), this::proxy);
    step("dns", List.of("proxy"), this::dns);
    step("tcp", List.of("dns"), this::tcp);
    step("ping", List.of("tcp"), this::ping);
    step("clock", List.of("ping"), this::clock);
    step("ca-checksum", List.of("ping"), this::caChecksum);
    step("tls", List.of("ca-checksum"), this::tls);
    step("api-server", List.of(), this::apiServer);
    step("service-account", List.of("api-server"), this::serviceAccount);
    step("rights", List.of("api-server"), this::rights);
    step("gateway-secret", List.of("api-server"), () -> gateway(this::gatewayIdentity));
    step("gateway-policy", List.of("api-server"), () -> gateway(OwnGateway::policy));
    step("gateway-audit", List.of(), () -> gateway(OwnGateway::audit));
    step("headers", List.of("credentials", "service-account", "gateway-secret"), this::headers);
    step("token", List.of("credentials", "tls"), this::token);
    session(isLong);
    return !failed;
  }

  private void step(String name, List<String> needs, Body body) throws InterruptedException {
    var cause = needs.stream().map(blocked::get).filter(found -> found != null).findFirst();
    if (cause.isPresent()) {
      blocked.put(name, cause.get());
      told.accept(
          new StepResult(
              name,
              Status.SKIPPED,
              Duration.ZERO,
              "needs " + cause.get() + ", which failed",
              List.of(),
              null));
      return;
    }
    long startNanos = System.nanoTime();
    Outcome outcome;
    try {
      outcome = body.run();
    } catch (IOException e) {
      outcome = Outcome.failed(Problem.of(e), List.of());
    }
    if (outcome.status() == Status.FAILED) {
      failed = true;
      blocked.put(name, name);
    }
    told.accept(
        new StepResult(
            name,
            outcome.status(),
            Duration.ofNanos(System.nanoTime() - startNanos),
            outcome.detail(),
            outcome.more(),
            outcome.problem()));
  }

  private Outcome credentials() throws IOException {
    if (config.url().isPresent()) {
      token = config.token();
      return token.isPresent()
          ? Outcome.passed("as given: " + url)
          : Outcome.skipped("no --token was given, so none is shown to the server");
    }
    if (cluster == null) {
      return Outcome.skipped("neither a pod nor --server and --token");
    }
    var login = cluster.login();
    url = login.url();
    token = Optional.of(config.token().orElse(login.token()));
    return Outcome.passed("url is " + url);
  }

  private Outcome resolvConf() throws IOException {
    if (!Files.isReadable(resolvConf)) {
      return Outcome.skipped(resolvConf + " cannot be read");
    }
    try (var in = Files.newInputStream(resolvConf)) {
      var lines =
          new String(in.readNBytes(MAX_RESOLV_CONF_BYTES), UTF_8)
              .lines()
              .map(String::strip)
              .filter(line -> line.matches("(nameserver|search|domain|options)\\s.*"))
              .toList();
      boolean names = lines.stream().anyMatch(line -> line.startsWith("nameserver"));
      String text = String.join("; ", lines);
      return names
          ? Outcome.passed(text)
          : Outcome.warning(
              resolvConf + " names no server" + (text.isEmpty() ? "" : ": " + text),
              List.of(),
              null);
    }
  }

  private Outcome proxy() throws IOException {
    var way = dialer.way(url);
    return Outcome.passed(
        way.proxy()
                .map(proxy -> "by the proxy " + proxy.address())
                .orElse("direct to " + way.host() + ":" + way.port())
            + " ("
            + way.rule()
            + ")");
  }

  private Outcome dns() throws IOException {
    var way = dialer.way(url);
    try {
      addresses = dialer.addresses(way.host(), ServerDialer.STANDARD_LIMIT);
    } catch (IOException e) {
      if (way.proxy().isEmpty()) {
        throw e;
      }
      throw new Failure(
          Reason.PROXY_UNREACHABLE,
          "proxy " + way.proxy().get().address() + ": " + e.getMessage(),
          e);
    }
    return Outcome.passed(
        way.host() + " is " + String.join(", ", addresses.stream().map(Checks::text).toList()));
  }

  private static String text(InetAddress address) {
    return address.getHostAddress();
  }

  private Outcome tcp() throws IOException {
    var way = dialer.way(url);
    var lines = new ArrayList<String>();
    @Nullable IOException first = null;
    int reached = 0;
    var tried = addresses.subList(0, Math.min(addresses.size(), MAX_ADDRESSES));
    for (InetAddress address : tried) {
      long startNanos = System.nanoTime();
      try {
        ServerDialer.tryAddress(address, way.port(), ADDRESS_LIMIT);
        reached++;
        lines.add(
            "✓ %s: %d ms"
                .formatted(
                    text(address), Duration.ofNanos(System.nanoTime() - startNanos).toMillis()));
      } catch (IOException e) {
        first = first == null ? e : first;
        lines.add("✗ %s: %s".formatted(text(address), e.getMessage()));
      }
    }
    String said = "port %d: %d of %d addresses".formatted(way.port(), reached, tried.size());
    if (first == null) {
      return Outcome.passed(said, lines);
    }
    if (reached > 0) {
      return Outcome.warning(said, lines, Problem.of(first));
    }
    var problem = Problem.of(first);
    return Outcome.failed(
        way.proxy().isPresent()
            ? new Problem(Reason.PROXY_UNREACHABLE, problem.message())
            : problem,
        lines);
  }

  private Outcome ping() throws IOException {
    var answer = trust.askPing();
    ping = answer;
    String said = config.server().server() + "/ping answers " + answer.status();
    if (answer.status() >= 500) {
      return Outcome.warning(said, List.of(), new Problem(Reason.SERVER_UNAVAILABLE, said));
    }
    if (answer.status() >= 400) {
      return Outcome.warning(said, List.of(), new Problem(Reason.NOT_RANCHER, said));
    }
    if (answer.status() >= 300) {
      return Outcome.warning(
          said + " to " + answer.location(), List.of(), new Problem(Reason.REDIRECTED, said));
    }
    return Outcome.passed(said);
  }

  private Outcome clock() {
    var theirs = Optional.ofNullable(ping).flatMap(ServerHttp.Answer::time);
    if (theirs.isEmpty()) {
      return Outcome.skipped("the server does not say its time");
    }
    var offset = Duration.between(clock.instant(), theirs.get());
    // The header has whole seconds.
    String said =
        offset.abs().compareTo(Duration.ofSeconds(1)) <= 0
            ? "as the server's"
            : "the server's is %d s %s"
                .formatted(offset.abs().toSeconds(), offset.isNegative() ? "behind" : "ahead");
    return offset.abs().compareTo(CLOCK_LIMIT) > 0
        ? Outcome.warning(
            said, List.of("correct this node's clock, or the server's: set up NTP"), null)
        : Outcome.passed(said);
  }

  private Outcome caChecksum() throws IOException {
    context = trust.context();
    String checksum = config.server().caChecksum();
    return checksum.isEmpty()
        ? Outcome.skipped("CATTLE_CA_CHECKSUM is not set: public CAs and SSL_CERT_DIR count")
        : Outcome.passed("the server's CA is " + checksum);
  }

  private Outcome tls() throws IOException {
    URI secured = URI.create("https://" + url.getRawAuthority());
    try {
      var connection = dialer.dial(secured, trusted(), ServerDialer.STANDARD_LIMIT);
      List<ChainLink> chain = connection.chain();
      String version = connection.tlsVersion();
      connection.raw().close();
      return Outcome.passed(version + ", " + name(secured), ChainPicture.of(chain, null));
    } catch (IOException e) {
      var problem = Problem.of(e);
      return Outcome.failed(
          problem, ChainPicture.of(CertificateRefused.chain(e), problem.reason()));
    }
  }

  /** The JDK sends names that have a dot, and no addresses. */
  private static String name(URI server) {
    String host = server.getHost();
    boolean sent = host.contains(".") && !host.matches("[0-9.]+|\\[.*");
    return sent ? "SNI " + host : "no SNI, since " + host + " is no full name";
  }

  private SSLContext trusted() {
    if (context == null) {
      throw new IllegalStateException("no trust before ca-checksum");
    }
    return context;
  }

  private Outcome apiServer() throws IOException, InterruptedException {
    if (cluster == null) {
      return Outcome.skipped("neither a pod nor --kubeconfig");
    }
    cluster.requireReachable();
    return switch (cluster.reader().get("/version")) {
      case Answer.Found<JsonNode>(var version) ->
          Outcome.passed(version.path("gitVersion").asText("") + " at " + cluster.address());
      case Answer.Missing<JsonNode> missing -> {
        var problem = Problem.of(missing.failure());
        yield problem.reason() == Reason.FORBIDDEN
            ? Outcome.passed("answers at " + cluster.address() + ", its version is not for us")
            : Outcome.failed(problem, List.of());
      }
    };
  }

  private Outcome serviceAccount() throws IOException, InterruptedException {
    if (cluster == null) {
      return Outcome.skipped("neither a pod nor --kubeconfig");
    }
    if (gateway != null) {
      return Outcome.skipped("the gateway is on: the server is given its token, not the account's");
    }
    var access = cluster.access();
    parameters = new ConnectParams(access.address(), access.token().value(), access.caCert());
    return Outcome.passed("the server would be given a token for " + access.address());
  }

  /** What is tried of a gateway. */
  @FunctionalInterface
  private interface Look {
    OwnGateway.Finding at(OwnGateway gateway) throws IOException, InterruptedException;
  }

  private Outcome gateway(Look look) throws IOException, InterruptedException {
    if (!config.gateway()) {
      return Outcome.skipped("the gateway is off");
    }
    if (gateway == null) {
      return Outcome.skipped("neither a pod nor --kubeconfig");
    }
    var finding = look.at(gateway);
    return new Outcome(finding.status(), finding.detail(), finding.more(), null);
  }

  private OwnGateway.Finding gatewayIdentity(OwnGateway gateway) throws IOException {
    var finding = gateway.identity();
    if (finding.status() == Status.PASSED) {
      parameters = gateway.params();
    }
    return finding;
  }

  private Outcome rights() throws IOException, InterruptedException {
    if (cluster == null) {
      return Outcome.skipped("neither a pod nor --kubeconfig");
    }
    var needed = new ArrayList<String>();
    var others = new ArrayList<String>();
    var all = Rights.of(features(), Fabric8ClusterApi.NAMESPACE);
    var api = cluster.reader();
    for (var right : all) {
      if (!Rights.isAllowed(api, right)) {
        (right.needed() ? needed : others).add(right.feature() + ": " + right);
      }
    }
    if (needed.isEmpty() && others.isEmpty()) {
      return Outcome.passed("all %d that the features which are on need".formatted(all.size()));
    }
    var lines = new ArrayList<>(needed);
    lines.addAll(others);
    String said = "%d of %d are missing".formatted(lines.size(), all.size());
    var problem = new Problem(Reason.FORBIDDEN, said);
    return needed.isEmpty()
        ? Outcome.warning(said, lines, problem)
        : Outcome.failed(problem, lines);
  }

  /** Those that are on, by their names in the list of rights. */
  private Set<String> features() {
    var on = new LinkedHashSet<String>();
    on.add(Rights.TUNNEL);
    on.add(NewsWatch.FEATURE);
    if (config.report().enabled()) {
      on.add("reports");
      on.add("kubelet-usage");
      config.report().trials().stream().map(Trial::text).forEach(on::add);
    }
    config.duty().duties().stream().map(Duty::text).forEach(on::add);
    if (config.report().enabled() || !config.duty().duties().isEmpty()) {
      on.add("leader");
    }
    if (config.explorer().enabled()) {
      on.add(Explorer.FEATURE);
    }
    if (config.gateway()) {
      on.add("gateway");
    }
    return on;
  }

  private Outcome headers() {
    if (parameters == null || token.isEmpty()) {
      return Outcome.skipped(
          "the token and what the server is told of the cluster make them, and are not both known");
    }
    parameterBytes = parameters.toHeader().length();
    int bytes =
        TunnelHeaders.TOKEN.length()
            + token.get().value().length()
            + TunnelHeaders.PARAMS.length()
            + parameterBytes;
    String said = bytes + " bytes in the cluster tunnel's handshake";
    return bytes > HEADER_LIMIT_BYTES
        ? Outcome.warning(
            said, List.of("over %d: some proxies refuse 8 KiB".formatted(HEADER_LIMIT_BYTES)), null)
        : Outcome.passed(said);
  }

  private Outcome token() throws IOException, InterruptedException {
    if (token.isEmpty()) {
      return Outcome.skipped("there is none");
    }
    tunnel.showToken(url, token.get(), parameterBytes, trusted());
    return Outcome.passed("the server knows it");
  }

  private void session(boolean isLong) throws InterruptedException {
    var opened = new ArrayList<Tunnel.Session>();
    try {
      step(
          "websocket",
          List.of("token", "tls"),
          () -> {
            if (token.isEmpty()) {
              return Outcome.skipped("there is no token to open one with");
            }
            opened.add(tunnel.open(url, token.get(), trusted()));
            return Outcome.passed("a session of the second tunnel was opened");
          });
      step("frames", List.of("websocket"), () -> frames(opened));
      step(
          "idle",
          List.of("websocket", "frames"),
          () -> {
            if (!isLong) {
              return Outcome.skipped("asked for by --long: takes " + LONG.toSeconds() + " s");
            }
            if (opened.isEmpty()) {
              return Outcome.skipped("there is no session");
            }
            opened.getFirst().hold(LONG);
            return Outcome.passed("with nothing but pings the session has lasted");
          });
    } finally {
      opened.forEach(Tunnel.Session::close);
    }
  }

  private static Outcome frames(List<Tunnel.Session> opened)
      throws IOException, InterruptedException {
    if (opened.isEmpty()) {
      return Outcome.skipped("there is no session");
    }
    for (int bytes : FRAME_BYTES) {
      opened.getFirst().sendFrame(bytes);
    }
    return Outcome.passed(
        "4 and 64 KiB to the server, which has answered; as much back is not tried, since only the"
            + " server can open streams");
  }
}
