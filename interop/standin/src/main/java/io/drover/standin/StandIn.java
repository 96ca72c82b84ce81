package io.drover.standin;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.Base64;
import java.util.List;

/** A cluster that runs from {@link #start} to {@link #close}. */
final class StandIn implements AutoCloseable {
  private static final List<String> NAMESPACES =
      List.of("default", "kube-node-lease", "kube-public", "kube-system");
  private static final String CONTROL_PLANE = "node-role.kubernetes.io/control-plane";
  private static final String WORKER = "node-role.kubernetes.io/worker";

  private final ApiServer server;
  private final Thread controllers;
  private final Path directory;
  private final int nodes;

  private StandIn(ApiServer server, Thread controllers, Path directory, int nodes) {
    this.server = server;
    this.controllers = controllers;
    this.directory = directory;
    this.nodes = nodes;
  }

  /**
   * Starts a cluster with its fixtures in place.
   *
   * @param directory for kubeconfig, CA and token; made if it is missing
   * @param address to listen at; port 0 is any free one
   */
  static StandIn start(Path directory, int nodes, InetSocketAddress address)
      throws IOException, GeneralSecurityException {
    var store = new ObjectStore();
    var tokens = new Tokens();
    var authority = new Authority();
    for (String name : NAMESPACES) {
      store.create(Defaults.NAMESPACES, "", Json.object("v1", "Namespace", "", name), false);
    }
    createNodes(store, nodes);
    for (ObjectNode fixture : fixtures("fixtures.yaml")) {
      var type =
          ResourceType.ofKind(fixture.path("apiVersion").asText(), fixture.path("kind").asText());
      store.create(type, Json.metadata(fixture, "namespace"), fixture, false);
    }
    var controllers = new Controllers(store, tokens, authority.pem());
    controllers.heartbeat();
    controllers.settle();

    var server = new ApiServer(address, authority.serverContext(), store, tokens);
    var standIn =
        new StandIn(
            server,
            Thread.ofVirtual().name("controllers").start(controllers),
            directory.toAbsolutePath(),
            nodes);
    standIn.writeFiles(authority.pem(), tokens.issue(Tokens.ADMIN));
    return standIn;
  }

  private static void createNodes(ObjectStore store, int count) throws IOException {
    var template = fixtures("node.yaml").getFirst().toString();
    for (int i = 0; i < count; i++) {
      var text =
          template
              .replace("NAME", "node-" + i)
              .replace("ZONE", "zone-" + i % 2)
              .replace("VERSION", Discovery.VERSION)
              .replace("NOW", ObjectStore.now());
      var node = (ObjectNode) Json.MAPPER.readTree(text);
      Json.child(Json.metadata(node), "labels").put(i == 0 ? CONTROL_PLANE : WORKER, "true");
      if (i == 0 && count > 1) {
        // Others are there to take the pods.
        Json.child(node, "spec")
            .putArray("taints")
            .addObject()
            .put("key", CONTROL_PLANE)
            .put("effect", "NoSchedule");
      }
      store.create(ResourceType.of("v1", "nodes"), "", node, false);
    }
  }

  private static List<ObjectNode> fixtures(String file) throws IOException {
    try (var in = StandIn.class.getResourceAsStream(file);
        var objects = Json.YAML.readerFor(ObjectNode.class).<ObjectNode>readValues(in)) {
      return objects.readAll();
    }
  }

  Path kubeconfig() {
    return directory.resolve("admin.kubeconfig");
  }

  /** {@code host:port}. */
  String address() {
    var address = server.address();
    return address.getAddress().getHostAddress() + ":" + address.getPort();
  }

  /** What a starter wants to know, in the words of {@code interop/cluster}. */
  JsonNode description(Duration startTime) {
    return Json.MAPPER
        .createObjectNode()
        .put("kubeconfig", kubeconfig().toString())
        .put("apiServer", address())
        .put("ca", caFile().toString())
        .put("tokenFile", tokenFile().toString())
        .put("version", Discovery.VERSION)
        .put("dir", directory.toString())
        .put("namespace", NAMESPACES.getFirst())
        .put("nodes", nodes)
        .put("startMillis", startTime.toMillis());
  }

  private Path caFile() {
    return directory.resolve("certificates").resolve("ca.crt");
  }

  private Path tokenFile() {
    return directory.resolve("admin.token");
  }

  private void writeFiles(String caPem, String token) throws IOException {
    Files.createDirectories(caFile().getParent());
    Files.writeString(caFile(), caPem);
    writeSecret(tokenFile(), token);
    var config = Json.object("v1", "Config").put("current-context", "standin");
    config
        .putArray("clusters")
        .addObject()
        .put("name", "standin")
        .putObject("cluster")
        .put("server", "https://" + address())
        .put(
            "certificate-authority-data",
            Base64.getEncoder().encodeToString(caPem.getBytes(UTF_8)));
    config
        .putArray("users")
        .addObject()
        .put("name", Tokens.ADMIN)
        .putObject("user")
        .put("token", token);
    config
        .putArray("contexts")
        .addObject()
        .put("name", "standin")
        .putObject("context")
        .put("cluster", "standin")
        .put("user", Tokens.ADMIN);
    writeSecret(kubeconfig(), config.toPrettyString() + "\n"); // JSON is YAML, too
  }

  private static void writeSecret(Path file, String text) throws IOException {
    Files.deleteIfExists(file);
    Files.createFile(
        file, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    Files.writeString(file, text);
  }

  @Override
  public void close() {
    controllers.interrupt();
    server.close();
  }
}
