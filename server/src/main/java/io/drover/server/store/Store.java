package io.drover.server.store;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.InstantSource;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Collectors;
import org.jdbi.v3.core.Handle;

/** The clusters. Methods wait for the database, and throw {@link DatabaseException}. */
public final class Store {
  /** Clusters that can be made; a server that small has no use for more. */
  static final int MAX_CLUSTERS = 10_000;

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final TypeReference<List<EnvVar>> ENV_VARS = new TypeReference<>() {};

  private static final String SELECT =
      "SELECT clusters.*, EXISTS (SELECT 1 FROM removals WHERE cluster_id = clusters.id)"
          + " AS is_removing FROM clusters";

  private final Database database;
  private final InstantSource clock;

  /** The clusters in that database. */
  public Store(Database database, InstantSource clock) {
    this.database = database;
    this.clock = clock;
  }

  /** Names this installation; made once. */
  public String installId() {
    return database.write(
        handle -> {
          handle.execute(
              "INSERT INTO installation (name, value) VALUES ('id', ?) ON CONFLICT DO NOTHING",
              UUID.randomUUID().toString());
          return handle
              .createQuery("SELECT value FROM installation WHERE name = 'id'")
              .mapTo(String.class)
              .one();
        });
  }

  /** All clusters, oldest first. */
  public List<Cluster> clusters() {
    return database.read(
        handle ->
            handle
                .createQuery(SELECT + " ORDER BY created, id")
                .map((row, _) -> cluster(row))
                .list());
  }

  /** The cluster of that id. */
  public Optional<Cluster> cluster(String id) {
    return database.read(handle -> cluster(handle, id));
  }

  static Optional<Cluster> cluster(Handle handle, String id) {
    return handle
        .createQuery(SELECT + " WHERE id = ?")
        .bind(0, id)
        .map((row, _) -> cluster(row))
        .findOne();
  }

  private static Cluster cluster(ResultSet row) throws SQLException {
    return new Cluster(
        row.getString("id"),
        new ClusterSpec(
            row.getString("name"),
            row.getString("private_registry_url"),
            row.getString("agent_image_override"),
            row.getString("private_ca"),
            envVars(row.getString("agent_env_vars"))),
        Instant.ofEpochMilli(row.getLong("created")),
        row.getString("driver"),
        row.getString("api_endpoint"),
        row.getString("kubernetes_version"),
        row.getString("provider"),
        row.getBoolean("is_removing"));
  }

  private static List<EnvVar> envVars(String json) {
    try {
      return JSON.readValue(json, ENV_VARS);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("agent_env_vars: not ours", e);
    }
  }

  /**
   * Makes a cluster.
   *
   * @throws IllegalArgumentException if the name is taken or there are {@link #MAX_CLUSTERS}
   */
  public Cluster createCluster(ClusterSpec spec) {
    var created = clock.instant().truncatedTo(ChronoUnit.MILLIS);
    return database.write(
        handle -> {
          if (count(handle, "SELECT count(*) FROM clusters WHERE name = ?", spec.name()) > 0) {
            throw new IllegalArgumentException("cluster name is taken: " + spec.name());
          }
          if (count(handle, "SELECT count(*) FROM clusters") >= MAX_CLUSTERS) {
            throw new IllegalArgumentException("too many clusters: limit=" + MAX_CLUSTERS);
          }
          var id = RandomText.clusterId();
          while (count(handle, "SELECT count(*) FROM clusters WHERE id = ?", id) > 0) {
            id = RandomText.clusterId();
          }
          handle.execute(
              "INSERT INTO clusters (id, name, created, driver, api_endpoint,"
                  + " private_registry_url, agent_image_override, private_ca, agent_env_vars,"
                  + " kubernetes_version, provider, manifest_fetched, last_contact, last_address)"
                  + " VALUES (?, ?, ?, '', '', ?, ?, ?, ?, '', '', 0, 0, '')",
              id,
              spec.name(),
              created.toEpochMilli(),
              spec.privateRegistryUrl(),
              spec.agentImageOverride(),
              spec.privateCa(),
              JSON.valueToTree(spec.agentEnvVars()).toString());
          return new Cluster(id, spec, created, "", "", "", "", false);
        });
  }

  private static long count(Handle handle, String sql, Object... values) {
    var query = handle.createQuery(sql);
    for (int i = 0; i < values.length; i++) {
      query.bind(i, values[i]);
    }
    return query.mapTo(Long.class).one();
  }

  /** Forgets a cluster and all that belongs to it; false if it was unknown. */
  public boolean deleteCluster(String id) {
    return database.write(handle -> handle.execute("DELETE FROM clusters WHERE id = ?", id) > 0);
  }

  /** Notes that an agent has connected, and what it said; no write if nothing is new. */
  public void connected(String clusterId, String apiEndpoint) {
    var known = cluster(clusterId);
    if (known.isEmpty()
        || (known.get().isProvisioned() && known.get().apiEndpoint().equals(apiEndpoint))) {
      return;
    }
    database.write(
        handle ->
            handle.execute(
                "UPDATE clusters SET driver = 'imported', api_endpoint = ? WHERE id = ?",
                apiEndpoint,
                clusterId));
  }

  /** Notes what Kubernetes it is; empty text leaves what is there. No write if nothing is new. */
  public void detected(String clusterId, String version, String provider) {
    var known = cluster(clusterId);
    if (known.isEmpty()
        || ((version.isEmpty() || version.equals(known.get().version()))
            && (provider.isEmpty() || provider.equals(known.get().provider())))) {
      return;
    }
    database.write(
        handle ->
            handle.execute(
                "UPDATE clusters SET kubernetes_version = CASE WHEN ? = '' THEN kubernetes_version"
                    + " ELSE ? END, provider = CASE WHEN ? = '' THEN provider ELSE ? END"
                    + " WHERE id = ?",
                version,
                version,
                provider,
                provider,
                clusterId));
  }

  /** When something was last heard of a cluster; nothing ever, if there is none of that id. */
  public Contact contact(String clusterId) {
    return database.read(
        handle ->
            handle
                .createQuery(
                    "SELECT manifest_fetched, last_contact, last_address FROM clusters WHERE id = ?")
                .bind(0, clusterId)
                .map(
                    (row, _) ->
                        new Contact(
                            instant(row.getLong("manifest_fetched")),
                            instant(row.getLong("last_contact")),
                            row.getString("last_address")))
                .findOne()
                .orElse(new Contact(Optional.empty(), Optional.empty(), "")));
  }

  /** When the agents of all clusters were last known to be connected, by the clusters' ids. */
  public Map<String, Instant> lastContacts() {
    record Entry(String clusterId, long millis) {}
    return database
        .read(
            handle ->
                handle
                    .createQuery("SELECT id, last_contact FROM clusters WHERE last_contact <> 0")
                    .map((row, _) -> new Entry(row.getString("id"), row.getLong("last_contact")))
                    .list())
        .stream()
        .collect(
            Collectors.toUnmodifiableMap(
                Entry::clusterId, entry -> Instant.ofEpochMilli(entry.millis())));
  }

  static Optional<Instant> instant(long millis) {
    return millis == 0 ? Optional.empty() : Optional.of(Instant.ofEpochMilli(millis));
  }

  /** Notes that somebody has fetched the manifest of a cluster. */
  public void manifestFetched(String clusterId) {
    long now = clock.instant().toEpochMilli();
    database.write(
        handle ->
            handle.execute(
                "UPDATE clusters SET manifest_fetched = ? WHERE id = ?", now, clusterId));
  }

  /** Notes that the agent has come, and from where. */
  public void contacted(String clusterId, String address) {
    long now = clock.instant().toEpochMilli();
    database.write(
        handle ->
            handle.execute(
                "UPDATE clusters SET last_contact = ?, last_address = ? WHERE id = ?",
                now,
                address,
                clusterId));
  }

  /** Notes until when the agent was there. */
  public void lastSeen(String clusterId, Instant when) {
    database.write(
        handle ->
            handle.execute(
                "UPDATE clusters SET last_contact = ? WHERE id = ?",
                when.toEpochMilli(),
                clusterId));
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
}
