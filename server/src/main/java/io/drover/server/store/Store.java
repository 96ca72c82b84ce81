package io.drover.server.store;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The server's state, in memory and in {@code state.json}. Every change is on the disk before it is
 * seen: written to a file beside, forced, renamed. Methods that change wait for the disk.
 */
public final class Store {
  /** Clusters that can be made; a server that small has no use for more. */
  static final int MAX_CLUSTERS = 10_000;

  private static final ObjectMapper JSON = new ObjectMapper();

  private final Path file;
  private final ReentrantLock lock = new ReentrantLock();
  // Guarded by lock.
  private State state;

  private record State(
      String installId, Map<String, Cluster> clusters, List<RegistrationToken> tokens) {
    State {
      clusters = Collections.unmodifiableMap(new LinkedHashMap<>(clusters));
      tokens = List.copyOf(tokens);
    }
  }

  private Store(Path file, State state) {
    this.file = file;
    this.state = state;
  }

  /**
   * Opens the state in {@code directory}, or starts an empty one.
   *
   * @throws IOException if the file is there but cannot be read or understood
   */
  public static Store open(Path directory) throws IOException {
    var file = directory.resolve("state.json");
    if (Files.exists(file)) {
      return new Store(file, fromJson(JSON.readTree(file.toFile())));
    }
    var store = new Store(file, new State(UUID.randomUUID().toString(), Map.of(), List.of()));
    write(file, toJson(store.state));
    return store;
  }

  /** Names this installation; made once. */
  public String installId() {
    return current().installId();
  }

  /** All clusters, oldest first. */
  public List<Cluster> clusters() {
    return List.copyOf(current().clusters().values());
  }

  /** The cluster of that id. */
  public Optional<Cluster> cluster(String id) {
    return Optional.ofNullable(current().clusters().get(id));
  }

  /**
   * Makes a cluster.
   *
   * @throws IllegalArgumentException if the name is taken or there are {@link #MAX_CLUSTERS}
   */
  public Cluster createCluster(String name) throws IOException {
    lock.lock();
    try {
      var clusters = new LinkedHashMap<>(state.clusters());
      if (clusters.values().stream().anyMatch(other -> other.name().equals(name))) {
        throw new IllegalArgumentException("cluster name is taken: " + name);
      }
      if (clusters.size() >= MAX_CLUSTERS) {
        throw new IllegalArgumentException("too many clusters: limit=" + MAX_CLUSTERS);
      }
      var id = RandomText.clusterId();
      while (clusters.containsKey(id)) {
        id = RandomText.clusterId();
      }
      var cluster = new Cluster(id, name, Instant.now(), "", "");
      clusters.put(id, cluster);
      replace(new State(state.installId(), clusters, state.tokens()));
      return cluster;
    } finally {
      lock.unlock();
    }
  }

  /** Forgets a cluster and its tokens; false if it was unknown. */
  public boolean deleteCluster(String id) throws IOException {
    lock.lock();
    try {
      var clusters = new LinkedHashMap<>(state.clusters());
      if (clusters.remove(id) == null) {
        return false;
      }
      var tokens = state.tokens().stream().filter(token -> !token.clusterId().equals(id)).toList();
      replace(new State(state.installId(), clusters, tokens));
      return true;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Makes a registration token.
   *
   * @throws IllegalArgumentException if there is no such cluster
   */
  public RegistrationToken createToken(String clusterId) throws IOException {
    lock.lock();
    try {
      if (!state.clusters().containsKey(clusterId)) {
        throw new IllegalArgumentException("cluster not found: " + clusterId);
      }
      var token = new RegistrationToken(new Secret(RandomText.token()), clusterId, Instant.now());
      var tokens = new ArrayList<>(state.tokens());
      tokens.add(token);
      replace(new State(state.installId(), state.clusters(), tokens));
      return token;
    } finally {
      lock.unlock();
    }
  }

  /** The cluster's newest registration token. */
  public Optional<RegistrationToken> newestToken(String clusterId) {
    return current().tokens().stream()
        .filter(token -> token.clusterId().equals(clusterId))
        .max(Comparator.comparing(RegistrationToken::created));
  }

  /** The cluster that a registration token belongs to. */
  public Optional<Cluster> clusterOfToken(String token) {
    var now = current();
    return now.tokens().stream()
        .filter(known -> known.secret().matches(token))
        .findFirst()
        .map(known -> now.clusters().get(known.clusterId()));
  }

  /** Notes that an agent has connected, and what it said; no write if nothing is new. */
  public void connected(String clusterId, String apiEndpoint) throws IOException {
    lock.lock();
    try {
      var old = state.clusters().get(clusterId);
      if (old == null || (old.isProvisioned() && old.apiEndpoint().equals(apiEndpoint))) {
        return;
      }
      var clusters = new LinkedHashMap<>(state.clusters());
      clusters.put(
          clusterId, new Cluster(clusterId, old.name(), old.created(), "imported", apiEndpoint));
      replace(new State(state.installId(), clusters, state.tokens()));
    } finally {
      lock.unlock();
    }
  }

  /** Reads the administrator's token from its file, or makes both. */
  public static Secret adminToken(Path file) throws IOException {
    if (Files.exists(file)) {
      return new Secret(Files.readString(file).strip());
    }
    var secret = new Secret("token-admin:" + RandomText.token());
    write(file, secret.value() + "\n");
    return secret;
  }

  private State current() {
    lock.lock();
    try {
      return state;
    } finally {
      lock.unlock();
    }
  }

  private void replace(State next) throws IOException {
    write(file, toJson(next));
    state = next;
  }

  /** Writes a file that only its owner may read, so that it is whole or the old one. */
  public static void write(Path file, String text) throws IOException {
    var beside = file.resolveSibling(file.getFileName() + ".new");
    Files.deleteIfExists(beside);
    var ownerOnly =
        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));
    Files.createFile(beside, ownerOnly);
    try (var channel = FileChannel.open(beside, StandardOpenOption.WRITE)) {
      var bytes = ByteBuffer.wrap(text.getBytes(UTF_8));
      while (bytes.hasRemaining()) {
        channel.write(bytes);
      }
      channel.force(true);
    }
    Files.move(beside, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    var directory = file.toAbsolutePath().getParent();
    if (directory != null) {
      try (var channel = FileChannel.open(directory, StandardOpenOption.READ)) {
        channel.force(true); // the name, too
      }
    }
  }

  private static String toJson(State state) throws IOException {
    var root = JSON.createObjectNode().put("installId", state.installId());
    var clusters = root.putArray("clusters");
    for (var cluster : state.clusters().values()) {
      clusters
          .addObject()
          .put("id", cluster.id())
          .put("name", cluster.name())
          .put("created", cluster.created().toString())
          .put("driver", cluster.driver())
          .put("apiEndpoint", cluster.apiEndpoint());
    }
    var tokens = root.putArray("registrationTokens");
    for (var token : state.tokens()) {
      tokens
          .addObject()
          .put("token", token.secret().value())
          .put("clusterId", token.clusterId())
          .put("created", token.created().toString());
    }
    return JSON.writerWithDefaultPrettyPrinter().writeValueAsString(root) + "\n";
  }

  private static State fromJson(JsonNode root) {
    var clusters = new LinkedHashMap<String, Cluster>();
    for (var node : root.path("clusters")) {
      var id = node.path("id").asText();
      clusters.put(
          id,
          new Cluster(
              id,
              node.path("name").asText(),
              Instant.parse(node.path("created").asText()),
              node.path("driver").asText(),
              node.path("apiEndpoint").asText()));
    }
    var tokens = new ArrayList<RegistrationToken>();
    for (var node : root.path("registrationTokens")) {
      tokens.add(
          new RegistrationToken(
              new Secret(node.path("token").asText()),
              node.path("clusterId").asText(),
              Instant.parse(node.path("created").asText())));
    }
    return new State(root.path("installId").asText(), clusters, tokens);
  }
}
