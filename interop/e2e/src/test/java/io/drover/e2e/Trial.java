package io.drover.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import javax.net.ssl.SSLContext;

/** One agent that is to be set up wrongly, and what stands between it and the server. */
final class Trial implements AutoCloseable {
  private static final String CACERTS = "/v3/settings/cacerts";

  private final Path directory;
  private final Map<String, String> environment;
  private final Deque<AutoCloseable> resources = new ArrayDeque<>();
  private Optional<Event> event = Optional.empty();
  private List<String> command = List.of(Programs.agent());

  /**
   * A set-up that is right, and needs no rights beyond the tunnels'.
   *
   * @param imported what it is a copy of
   */
  Trial(Path directory, ControlPlane plane, Import imported) throws IOException {
    this.directory = Files.createDirectories(directory);
    this.environment = new HashMap<>(imported.environment());
    var credentials = Files.createDirectories(directory.resolve("credentials"));
    try (var files = Files.list(imported.credentials())) {
      for (var file : files.toList()) {
        Files.copy(file, credentials.resolve(file.getFileName()));
      }
    }
    int colon = plane.address().lastIndexOf(':');
    environment.put("KUBERNETES_SERVICE_HOST", plane.address().substring(0, colon));
    environment.put("KUBERNETES_SERVICE_PORT", plane.address().substring(colon + 1));
    environment.put("DROVER_CREDENTIALS_DIR", credentials.toString());
    environment.put("DROVER_SERVICE_ACCOUNT_DIR", imported.serviceAccount().toString());
    environment.put("DROVER_HEALTH_ADDRESS", "127.0.0.1:0");
    environment.put("DROVER_LOG_SOCKET", "off");
    environment.put("DROVER_REPORTS", "off");
    environment.put("DROVER_DUTIES", "none");
  }

  Path directory() {
    return directory;
  }

  /** As it stands now. */
  Map<String, String> environment() {
    return Map.copyOf(environment);
  }

  void set(String variable, String value) {
    environment.put(variable, value);
  }

  void credential(String file, String content) throws IOException {
    Files.writeString(directory.resolve("credentials").resolve(file), content, UTF_8);
  }

  /** Names the server, both where the manifest and where the Secret does. */
  void server(String url) throws IOException {
    set("CATTLE_SERVER", url);
    credential("url", url);
  }

  /** Trusts what the server's setting {@code cacerts} holds, the usual way. */
  void checksum(String cacerts) throws GeneralSecurityException {
    var text = cacerts.endsWith("\n") ? cacerts : cacerts + "\n";
    var digest = MessageDigest.getInstance("SHA-256").digest(text.getBytes(UTF_8));
    set("CATTLE_CA_CHECKSUM", HexFormat.of().formatHex(digest));
  }

  void command(List<String> newCommand) {
    command = newCommand;
  }

  /** Something that happens to an agent that is connected. */
  interface Event {
    void happen() throws Exception;
  }

  void event(Event newEvent) {
    event = Optional.of(newEvent);
  }

  Optional<Event> event() {
    return event;
  }

  /** Closes it at the end. */
  <T extends AutoCloseable> T own(T resource) {
    resources.push(resource);
    return resource;
  }

  /** Serves a request that is no question for the CA. */
  interface Rest {
    void serve(Socket socket, String head) throws Exception;
  }

  /** Puts a server before the real one. It tells {@code cacerts}, and the agent trusts that. */
  Front front(SSLContext identity, String host, String cacerts, Rest rest)
      throws IOException, GeneralSecurityException {
    var setting = "{\"id\":\"cacerts\",\"value\":\"" + cacerts.replace("\n", "\\n") + "\"}";
    var front =
        own(
            Front.tls(
                identity,
                host,
                socket -> {
                  var head = Front.head(socket.getInputStream());
                  if (head.startsWith("GET " + CACERTS)) {
                    socket.getOutputStream().write(Front.answer("200 OK", "", setting));
                  } else {
                    rest.serve(socket, head);
                  }
                }));
    server("https://" + (host.contains(":") ? "[" + host + "]" : host) + ":" + front.port());
    checksum(cacerts);
    return front;
  }

  Agent start() throws InterruptedException {
    return own(Agent.of(RunningProcess.start("agent", directory, environment, command)));
  }

  /** Starts it where it is expected to end by itself. */
  RunningProcess launch() {
    return own(RunningProcess.start("agent", directory, environment, command));
  }

  @Override
  public void close() throws IOException {
    while (!resources.isEmpty()) {
      try {
        resources.pop().close();
      } catch (IOException | RuntimeException e) {
        throw e;
      } catch (Exception e) {
        throw new IllegalStateException(e);
      }
    }
  }
}
