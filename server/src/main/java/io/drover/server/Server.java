package io.drover.server;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.server.account.AuditLog;
import io.drover.server.account.OidcProvider;
import io.drover.server.account.People;
import io.drover.server.api.AccountApi;
import io.drover.server.api.AgentEntrance;
import io.drover.server.api.ApiTokenApi;
import io.drover.server.api.ClusterApi;
import io.drover.server.api.ClusterEntrance;
import io.drover.server.api.ClusterEvents;
import io.drover.server.api.FleetMetrics;
import io.drover.server.api.ImportApi;
import io.drover.server.api.Installation;
import io.drover.server.api.MemberApi;
import io.drover.server.api.OidcApi;
import io.drover.server.api.Principals;
import io.drover.server.api.ReportEntrance;
import io.drover.server.api.Route;
import io.drover.server.api.Router;
import io.drover.server.api.ServerApi;
import io.drover.server.api.TokenApi;
import io.drover.server.cert.ServerCertificate;
import io.drover.server.health.HealthChecks;
import io.drover.server.health.Refusals;
import io.drover.server.peer.PeerEntrance;
import io.drover.server.peer.Peers;
import io.drover.server.proxy.ApiConnections;
import io.drover.server.proxy.ClusterBindings;
import io.drover.server.proxy.ClusterProxy;
import io.drover.server.removal.Removals;
import io.drover.server.store.Conditions;
import io.drover.server.store.Database;
import io.drover.server.store.Duty;
import io.drover.server.store.PendingRemovals;
import io.drover.server.store.RandomText;
import io.drover.server.store.RegistrationTokens;
import io.drover.server.store.Replicas;
import io.drover.server.store.Reports;
import io.drover.server.store.Secret;
import io.drover.server.store.Store;
import io.drover.server.tunnel.Sessions;
import io.drover.server.tunnel.Tunnels;
import java.io.IOException;
import java.net.Socket;
import java.net.SocketException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Executors;
import java.util.stream.Stream;
import javax.net.ssl.SSLContext;
import org.eclipse.jetty.http.UriCompliance;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.SecureRequestCustomizer;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.server.SslConnectionFactory;
import org.eclipse.jetty.util.component.LifeCycle;
import org.eclipse.jetty.util.ssl.SslContextFactory;
import org.eclipse.jetty.util.thread.QueuedThreadPool;
import org.eclipse.jetty.websocket.core.WebSocketComponents;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The whole server, from open to close. */
final class Server implements AutoCloseable {
  /** Platform threads for the selectors; every request has a virtual one. */
  static final int MAX_THREADS = 16;

  /** The largest head of a request, in bytes: an agent's parameters hold a CA and a token. */
  static final int MAX_HEAD_BYTES = 64 * 1024;

  /** How long requests that are under way may go on when the server stops. */
  static final Duration STOP_LIMIT = Duration.ofSeconds(2);

  /** Where a running server says how it is reached. */
  static final String SERVER_FILE = "server.json";

  /** The authority that the server has made, as PEM. */
  static final String CA_FILE = "ca.pem";

  /** Those of a certificate from elsewhere; empty: those that everybody trusts. */
  static final String TLS_CA_FILE = "tls-ca.pem";

  /** The administrator's token, for its owner only. */
  static final String ADMIN_TOKEN_FILE = "admin-token";

  /** The first password of user admin, for the server's owner only, until it is changed. */
  static final String FIRST_PASSWORD_FILE = "first-password";

  private static final Logger log = LoggerFactory.getLogger(Server.class);

  private final Path directory;
  private final Database database;
  private final org.eclipse.jetty.server.Server jetty;
  private final Sessions sessions;
  private final Optional<Peers> peers;
  private final HealthChecks health;
  private final Removals removals;
  private final AuditLog audit;
  private final ShownCertificate certificate;
  private final Path caFile;
  private final URI url;

  private Server(
      Path directory,
      Database database,
      org.eclipse.jetty.server.Server jetty,
      Sessions sessions,
      Optional<Peers> peers,
      HealthChecks health,
      Removals removals,
      AuditLog audit,
      ShownCertificate certificate,
      Path caFile,
      URI url) {
    this.directory = directory;
    this.database = database;
    this.jetty = jetty;
    this.sessions = sessions;
    this.peers = peers;
    this.health = health;
    this.removals = removals;
    this.audit = audit;
    this.certificate = certificate;
    this.caFile = caFile;
    this.url = url;
  }

  /**
   * Starts a server; it is reachable when this returns.
   *
   * @throws IOException if the directory or the port cannot be used
   */
  static Server open(ServerConfig config) throws IOException, GeneralSecurityException {
    return open(config, InstantSource.system());
  }

  static Server open(ServerConfig config, InstantSource clock)
      throws IOException, GeneralSecurityException {
    var directory = config.directory().toAbsolutePath();
    Files.createDirectories(
        directory,
        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    var adminToken = Store.adminToken(directory.resolve(ADMIN_TOKEN_FILE));
    var certificate = certificate(config, directory);
    var database = Database.open(config.databaseUrl().orElseGet(() -> Database.fileIn(directory)));
    boolean isOpen = false;
    try {
      var server = open(config, clock, directory, database, adminToken, certificate);
      isOpen = true;
      return server;
    } finally {
      if (!isOpen) {
        database.close();
      }
    }
  }

  private static ServerCertificate certificate(ServerConfig config, Path directory)
      throws IOException, GeneralSecurityException {
    if (config.certificate().isEmpty()) {
      return ServerCertificate.open(directory, names(config));
    }
    var certificate = ServerCertificate.read(config.certificate().get());
    var text = certificate.authorityPem().isEmpty() ? "" : certificate.authorityPem() + "\n";
    var file = directory.resolve(TLS_CA_FILE);
    if (!Files.exists(file) || !Files.readString(file).equals(text)) {
      Store.write(file, text);
    }
    return certificate;
  }

  private static ShownCertificate.Source source(ServerConfig config, Path directory) {
    return () ->
        config.certificate().isPresent()
            ? certificate(config, directory)
            : ServerCertificate.renew(directory, names(config));
  }

  private static Server open(
      ServerConfig config,
      InstantSource clock,
      Path directory,
      Database database,
      Secret adminToken,
      ServerCertificate certificate)
      throws IOException, GeneralSecurityException {
    var store = new Store(database, clock);
    var tokens = new RegistrationTokens(database, clock);
    var conditions = new Conditions(database);
    var reports = new Reports(database, clock);
    var refusals = new Refusals(clock);

    var jetty = jetty();
    var tls = new SslContextFactory.Server();
    var shown = ShownCertificate.show(certificate, source(config, directory), tls);
    var connector = connector(jetty, config, tls);
    connector.addBean(new FailedHandshakes(refusals));
    var sessions = new Sessions();
    var peers = peers(config, database, sessions, connector, shown);
    Tunnels tunnels = peers.isPresent() ? peers.get() : sessions;
    var duty = peers.map(Peers::duty).orElse(Duty.ALONE);
    var connections = new ApiConnections(tunnels);
    var health =
        HealthChecks.start(
            store,
            tokens,
            conditions,
            duty,
            tunnels,
            connections,
            refusals,
            clock,
            config.checkInterval());
    var audit = new AuditLog(directory, clock);
    var installation =
        new Installation(
            config.url(), shown::current, config.agentImage(), store.installId(), Version.text());
    var removals =
        Removals.start(
            store,
            new PendingRemovals(database, clock),
            reports,
            health,
            duty,
            tunnels,
            connections,
            installation::agentImageFor,
            clock,
            Collections.min(List.of(Removals.PACE, config.checkInterval())));
    var components = new WebSocketComponents();
    jetty.addBean(components);
    var people = people(directory, database, clock, provider(config, clock));
    var rights = people.rights();
    var principals = new Principals(adminToken, people);
    var clusters =
        new ClusterApi(
            store,
            reports,
            conditions,
            health,
            removals,
            sessions,
            installation,
            rights,
            people.tokens(),
            clock);
    var events = ClusterEvents.of(clusters);
    jetty.addEventListener(whenStopping(events::close));
    var accounts = new AccountApi(people);
    var entrance =
        new ClusterEntrance(
            store,
            principals,
            rights,
            ClusterBindings.of(connections, tunnels, clock),
            new ClusterProxy(connections));
    var routes =
        Stream.of(
            new ServerApi(installation).routes(),
            new ImportApi(store, tokens, installation).routes(),
            new AgentEntrance(store, tokens, refusals, clock, sessions, components).routes(),
            new ReportEntrance(tokens, reports).routes(),
            clusters.routes(principals),
            events.routes(principals, rights),
            entrance.routes(),
            new TokenApi(tokens, installation, clock).routes(principals),
            new MemberApi(store, people.members(), rights).routes(principals),
            accounts.routes(principals),
            new OidcApi(people, accounts, installation).routes(),
            new ApiTokenApi(people, accounts).routes(principals),
            new FleetMetrics(store, reports, health, sessions, clock).routes(principals),
            peers.map(Peers::entrance).map(Server::route).stream().toList());
    jetty.setHandler(new Router(audit, routes.flatMap(List::stream).toList()));
    start(jetty);
    var url = config.url().orElseGet(() -> localUrl(config.listenHost(), connector.getLocalPort()));
    var caFile = directory.resolve(config.certificate().isPresent() ? TLS_CA_FILE : CA_FILE);
    var server =
        new Server(
            directory, database, jetty, sessions, peers, health, removals, audit, shown, caFile,
            url);
    Store.write(directory.resolve(SERVER_FILE), server.describe() + "\n");
    log.info("server started: url={} directory={}", url, directory);
    return server;
  }

  /** For other servers that are one with this one. */
  private static Route route(PeerEntrance peers) {
    return Route.from(
        PeerEntrance.SESSIONS,
        (request, response, callback, _) -> peers.handle(request, response, callback));
  }

  /** For what goes on for as long as somebody looks. */
  private static LifeCycle.Listener whenStopping(Runnable end) {
    return new LifeCycle.Listener() {
      @Override
      public void lifeCycleStopping(LifeCycle event) {
        end.run();
      }
    };
  }

  /** Takes the port before, so that the others can be told of it. */
  private static Optional<Peers> peers(
      ServerConfig config,
      Database database,
      Sessions sessions,
      ServerConnector connector,
      ShownCertificate certificate)
      throws IOException {
    var replicas = new Replicas(database);
    if (config.peerUrl().isEmpty()) {
      var others = replicas.all();
      if (!others.isEmpty()) {
        log.warn(
            "other servers use this database, start this one with --peer-url as well: url={}",
            others.getFirst().url());
      }
      return Optional.empty();
    }
    connector.open();
    var given = config.peerUrl().get();
    var url =
        given.getPort() >= 0
            ? given
            : URI.create("https://" + given.getHost() + ":" + connector.getLocalPort());
    var peers = Peers.start(replicas, sessions, url, certificate.current().pem());
    certificate.beforeNext(next -> peers.replaceCertificate(next.pem()));
    return Optional.of(peers);
  }

  private static Optional<OidcProvider> provider(ServerConfig config, InstantSource clock)
      throws IOException, GeneralSecurityException {
    if (config.oidc().isEmpty()) {
      return Optional.empty();
    }
    var oidc = config.oidc().get();
    var secret = Files.readString(oidc.secretFile()).strip();
    if (secret.isEmpty()) {
      throw new IOException(oidc.secretFile() + ": no secret in it");
    }
    var tls =
        oidc.authorities().isPresent()
            ? RunningServer.trusting(oidc.authorities().get())
            : SSLContext.getDefault();
    return Optional.of(
        new OidcProvider(
            new OidcProvider.Settings(oidc.issuer(), oidc.clientId(), new Secret(secret)),
            tls.getSocketFactory(),
            clock));
  }

  /** With an administrator, whose first password is in a file before it is worth anything. */
  private static People people(
      Path directory, Database database, InstantSource clock, Optional<OidcProvider> provider)
      throws IOException {
    var file = directory.resolve(FIRST_PASSWORD_FILE);
    var people = People.of(database, clock, provider, file);
    if (!people.accounts().haveAdmin()) {
      var password = new Secret(RandomText.password());
      Store.write(file, password.value() + "\n");
      if (!people.accounts().makeAdmin(password)) {
        Files.deleteIfExists(file); // another server has told its owner
      }
    }
    return people;
  }

  private static List<String> names(ServerConfig config) {
    var names = new LinkedHashSet<>(List.of("localhost", "127.0.0.1", "::1"));
    if (!List.of("0.0.0.0", "::").contains(config.listenHost())) {
      names.add(config.listenHost());
    }
    config.url().map(URI::getHost).map(Server::withoutBrackets).ifPresent(names::add);
    names.addAll(config.hosts());
    return List.copyOf(names);
  }

  private static String withoutBrackets(String host) {
    return host.startsWith("[") ? host.substring(1, host.length() - 1) : host;
  }

  private static URI localUrl(String host, int port) {
    var reachable =
        switch (host) {
          case "0.0.0.0" -> "127.0.0.1";
          case "::" -> "::1";
          default -> host;
        };
    return URI.create(
        "https://" + (reachable.contains(":") ? "[" + reachable + "]" : reachable) + ":" + port);
  }

  private static org.eclipse.jetty.server.Server jetty() {
    var threads = new QueuedThreadPool(MAX_THREADS);
    threads.setName("http");
    threads.setVirtualThreadsExecutor(
        Executors.newThreadPerTaskExecutor(Thread.ofVirtual().name("http-", 0).factory()));
    var jetty = new org.eclipse.jetty.server.Server(threads);
    jetty.setStopTimeout(STOP_LIMIT.toMillis());
    return jetty;
  }

  private static ServerConnector connector(
      org.eclipse.jetty.server.Server jetty, ServerConfig config, SslContextFactory.Server tls) {
    var http = new HttpConfiguration();
    http.setSendServerVersion(false);
    http.setSendDateHeader(false);
    http.setRequestHeaderSize(MAX_HEAD_BYTES);
    http.setResponseHeaderSize(MAX_HEAD_BYTES);
    // A path in a cluster is the API server's business; it goes on as it came.
    http.setUriCompliance(UriCompliance.from(UriCompliance.AMBIGUOUS_VIOLATIONS));
    // Agents may come through a relay, by any name: the check is theirs, not ours.
    http.addCustomizer(new SecureRequestCustomizer(false));

    var connector =
        new ServerConnector(
            jetty,
            1,
            1,
            new SslConnectionFactory(tls, "http/1.1"),
            new HttpConnectionFactory(http)) {
          @Override
          protected void configure(Socket socket) {
            super.configure(socket);
            try {
              socket.setKeepAlive(true); // an upgraded connection may be quiet for days
            } catch (SocketException e) {
              log.debug("keep-alive not set: reason={}", e.toString());
            }
          }
        };
    connector.setHost(config.listenHost());
    connector.setPort(config.listenPort());
    connector.setIdleTimeout(ClusterProxy.CLIENT_IDLE_LIMIT.toMillis());
    jetty.addConnector(connector);
    return connector;
  }

  private static void start(org.eclipse.jetty.server.Server jetty) throws IOException {
    try {
      jetty.start();
    } catch (IOException e) {
      throw e;
    } catch (Exception e) { // Jetty declares no less
      throw new IOException("cannot start: " + e.getMessage(), e);
    }
  }

  /** The certificate that is shown. */
  ShownCertificate certificate() {
    return certificate;
  }

  /** How the server is reached. */
  URI url() {
    return url;
  }

  /** What whoever started the server has to know, in one line of JSON. */
  String describe() {
    ObjectNode json = new ObjectMapper().createObjectNode();
    json.put("url", url.toString())
        .put("caFile", caFile.toString())
        .put("caChecksum", certificate.current().checksum())
        .put("adminTokenFile", directory.resolve(ADMIN_TOKEN_FILE).toString());
    var first = directory.resolve(FIRST_PASSWORD_FILE);
    if (Files.exists(first)) {
      json.put("firstPasswordFile", first.toString());
    }
    return json.toString();
  }

  /** Closes all tunnels with code 1001, then the port. */
  @Override
  public void close() {
    certificate.close();
    removals.close();
    health.close();
    peers.ifPresent(Peers::close);
    sessions.close();
    try {
      jetty.stop();
    } catch (Exception e) { // Jetty declares no less
      log.warn("stop failed: reason={}", e.toString());
    }
    audit.close();
    database.close();
    log.info("server stopped: url={}", url);
  }
}
