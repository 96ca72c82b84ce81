package io.drover.steve.shell;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.steve.http.Fields;
import io.drover.steve.kube.ApiRequest;
import io.drover.steve.kube.ApiRequest.Body;
import io.drover.steve.kube.ApiServer;
import io.drover.steve.kube.ApiStream;
import io.drover.steve.kube.Guard;
import io.drover.steve.kube.Json;
import io.drover.steve.kube.Refusal;
import io.drover.steve.kube.Stopping;
import io.drover.steve.kube.User;
import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.URLEncoder;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The shells of this agent. What one is made of is made in the agent's own name, and lets its user
 * be himself and nobody else. It is taken away when the shell ends; if this agent is killed, the
 * pod ends by itself once nobody is in it, and the next agent that is asked takes away what is
 * left. Any thread.
 */
public final class Shells implements AutoCloseable {
  /** Pods at one time; and of one user. */
  static final int MAX_SHELLS = 16;

  static final int MAX_OF_ONE = 4;

  /** A working day, after which the pod's node ends it. */
  static final Duration LENGTH = Duration.ofHours(8);

  /** For the pod to run: its image may have to come first. */
  static final Duration START_LIMIT = Duration.ofMinutes(2);

  /** How often we look whether it does. */
  static final Duration LOOK_EVERY = Duration.ofMillis(500);

  /** How often we look whether somebody in a shell may still be there. */
  static final Duration GUARD_EVERY = Duration.ofSeconds(2);

  /** For another agent's shell to have its pod. */
  static final Duration YOUNG = Duration.ofMinutes(5);

  /** For what is left to be taken away when the agent stops. */
  static final Duration END_LIMIT = Duration.ofSeconds(5);

  /** Found in one look for leavings. */
  private static final int MAX_LEFT = 500;

  private static final int TOO_MANY = 429;
  private static final int UNAVAILABLE = 503;
  private static final int ID_LETTERS = 10;
  private static final String LETTERS = "bcdfghjklmnpqrstvwxz2456789";

  private static final String ROLES = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
  private static final String BINDINGS = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";
  private static final String NAMESPACED = "/api/v1/namespaces/" + ShellObjects.NAMESPACE;
  private static final String ACCOUNTS = NAMESPACED + "/serviceaccounts";
  private static final String PODS = NAMESPACED + "/pods";

  /** Rancher's image greets; any other has at least a shell. */
  private static final String GREETING =
      "if command -v welcome >/dev/null; then exec welcome;"
          + " elif command -v bash >/dev/null; then exec bash; else exec sh; fi";

  private static final Logger log = LoggerFactory.getLogger(Shells.class);

  private final ApiServer api;
  private final ShellImage image;
  private final Clock clock;
  private final SecureRandom random = new SecureRandom();

  /** Those that are open, by id. */
  private final Map<String, Shell> open = new ConcurrentHashMap<>();

  // Guarded by this.
  private final Map<String, Integer> byUser = new HashMap<>();
  private final List<Thread> ending = new ArrayList<>();
  private final List<String> own = new ArrayList<>();
  private boolean closed;

  /**
   * None yet.
   *
   * @param image of their pods
   */
  public Shells(ApiServer api, ShellImage image, Clock clock) {
    this.api = api;
    this.image = image;
    this.clock = clock;
  }

  /** Whether there are any. */
  public boolean enabled() {
    return !image.name().isEmpty();
  }

  /**
   * Whether a user may have one. In it nothing limits him but his roles, so that whoever is limited
   * by something else may not.
   */
  public boolean isOpenTo(User user) {
    try {
      api.guard().of(user).checkFree();
      return true;
    } catch (Refusal _) {
      return false;
    }
  }

  /**
   * Makes a shell, and waits until somebody can talk to it.
   *
   * @param request with which the browser asks for a websocket
   * @throws Refusal if there can be none
   */
  public Shell open(User user, Fields request) throws IOException {
    if (!enabled()) {
      throw new Refusal(403, "Forbidden", "there are no shells: CATTLE_SHELL_IMAGE is off");
    }
    api.guard().of(user).checkFree();
    var objects = new ShellObjects(id());
    enter(user.name(), objects.id());
    boolean opened = false;
    try {
      make(user, objects);
      awaitRunning(objects);
      var shell = new Shell(stream(objects, request), () -> end(user.name(), objects));
      open.put(objects.id(), shell);
      follow(user, objects.id());
      log.debug("shell opened: user={} pod={}", user.name(), objects.pod());
      opened = true;
      return shell;
    } finally {
      if (!opened) {
        end(user.name(), objects);
      }
    }
  }

  /** What limits a user may change while he is there. */
  private void follow(User user, String id) {
    if (!api.guard().equals(Guard.NONE)) {
      Thread.ofVirtual().name("explorer-shell-guard").start(() -> followed(user, id));
    }
  }

  private void followed(User user, String id) {
    try {
      for (var shell = open.get(id); shell != null; shell = open.get(id)) {
        try {
          api.guard().of(user).checkFree();
        } catch (Refusal e) {
          log.info("shell ended: user={} reason={}", user.name(), e.getMessage());
          shell.close();
        }
        Thread.sleep(GUARD_EVERY);
      }
    } catch (InterruptedException _) {
      // It is over.
    }
  }

  private String id() {
    var id = new StringBuilder();
    for (int i = 0; i < ID_LETTERS; i++) {
      id.append(LETTERS.charAt(random.nextInt(LETTERS.length())));
    }
    return id.toString();
  }

  private synchronized void enter(String user, String id) throws IOException {
    if (closed) {
      throw Stopping.late();
    }
    if (own.size() >= MAX_SHELLS || byUser.getOrDefault(user, 0) >= MAX_OF_ONE) {
      throw new Refusal(
          TOO_MANY,
          "TooManyRequests",
          "there are too many shells: close one of yours (%d), or wait for others (%d)"
              .formatted(byUser.getOrDefault(user, 0), own.size()));
    }
    own.add(id);
    byUser.merge(user, 1, Integer::sum);
  }

  private void make(User user, ShellObjects objects) throws IOException {
    String uid = create(ROLES, objects.clusterRole(user)).at("/metadata/uid").asText("");
    create(ACCOUNTS, objects.serviceAccount(uid));
    create(BINDINGS, objects.binding(uid));
    create(PODS, objects.pod(user, image, LENGTH, uid));
  }

  private ObjectNode create(String path, ObjectNode object) throws IOException {
    var body = new Body(ApiRequest.JSON, Json.MAPPER.writeValueAsBytes(object));
    try (var answer = api.send(own("POST", path, Optional.of(body)))) {
      return Json.object(answer.body());
    }
  }

  private static ApiRequest own(String method, String target, Optional<Body> body) {
    return new ApiRequest(
        method, target, ApiRequest.JSON, Optional.empty(), body, ApiRequest.LIMIT);
  }

  private void awaitRunning(ShellObjects objects) throws IOException {
    long end = System.nanoTime() + START_LIMIT.toNanos();
    while (true) {
      var status = get(PODS + "/" + objects.pod()).path("status");
      switch (status.path("phase").asText("")) {
        case "Running" -> {
          return;
        }
        case "Succeeded", "Failed" -> throw notStarted("it has ended", status);
        default -> {}
      }
      if (System.nanoTime() - end > 0) {
        throw notStarted("not within " + START_LIMIT.toSeconds() + " s", status);
      }
      try {
        Thread.sleep(LOOK_EVERY);
      } catch (InterruptedException e) {
        throw Stopping.interrupted(e);
      }
    }
  }

  /** With what its node says of it. */
  private Refusal notStarted(String what, JsonNode status) {
    String why = status.path("message").asText("");
    for (String kind : List.of("initContainerStatuses", "containerStatuses", "conditions")) {
      for (var one : status.path(kind)) {
        var waiting = kind.equals("conditions") ? one : one.at("/state/waiting");
        if (why.isEmpty() && !waiting.path("message").asText("").isEmpty()) {
          why = waiting.path("reason").asText("") + ": " + waiting.path("message").asText("");
        }
      }
    }
    return new Refusal(
        UNAVAILABLE,
        "ClusterUnavailable",
        "the shell's pod does not run: %s: image %s: %s".formatted(what, image.name(), why));
  }

  private ObjectNode get(String target) throws IOException {
    try (var answer = api.send(ApiRequest.get(target, ApiRequest.JSON))) {
      return Json.object(answer.body());
    }
  }

  private ApiStream stream(ShellObjects objects, Fields request) throws IOException {
    var target =
        new StringBuilder(PODS + "/" + objects.pod() + "/exec?stdin=true&stdout=true&tty=true");
    target.append("&container=").append(ShellObjects.CONTAINER);
    for (String word : List.of("sh", "-c", GREETING)) {
      target.append("&command=").append(URLEncoder.encode(word, UTF_8));
    }
    var asked = new Fields().add("Upgrade", "websocket").add("Connection", "Upgrade");
    // Nothing else of the browser's: neither cookies nor in whose name it asks. And no extension,
    // so that the API server's frames are such as the browser understands.
    for (String name :
        List.of("Sec-WebSocket-Version", "Sec-WebSocket-Key", "Sec-WebSocket-Protocol")) {
      request.every(name).forEach(value -> asked.add(name, value));
    }
    return api.upgrade(target.toString(), asked);
  }

  /** Takes away what a shell is made of, in a thread that nobody interrupts. */
  private void end(String user, ShellObjects objects) {
    open.remove(objects.id());
    var thread =
        Thread.ofVirtual().name("explorer-shell-end").unstarted(() -> ended(user, objects));
    synchronized (this) {
      ending.add(thread);
    }
    thread.start();
  }

  private void ended(String user, ShellObjects objects) {
    remove(objects);
    synchronized (this) {
      ending.remove(Thread.currentThread());
      own.remove(objects.id());
      byUser.computeIfPresent(user, (_, count) -> count == 1 ? null : count - 1);
    }
  }

  /** The pod first, since somebody may still be in it. */
  private void remove(ShellObjects objects) {
    delete(PODS + "/" + objects.pod() + "?gracePeriodSeconds=0");
    delete(BINDINGS + "/" + objects.role());
    delete(ACCOUNTS + "/" + objects.role());
    delete(ROLES + "/" + objects.role());
  }

  private void delete(String target) {
    try (var _ = api.send(own("DELETE", target, Optional.empty()))) {
      log.debug("removed: {}", target);
    } catch (Refusal e) {
      if (e.status() != HttpURLConnection.HTTP_NOT_FOUND) {
        log.warn("of a shell something is left: target={} reason={}", target, e.getMessage());
      }
    } catch (IOException e) {
      log.warn("of a shell something is left: target={} reason={}", target, e.toString());
    }
  }

  /** Takes away what is left of shells whose agent could not: in the background. */
  public void sweep() {
    if (enabled()) {
      Thread.ofVirtual().name("explorer-shell-sweep").start(this::sweepNow);
    }
  }

  /** The same in this thread. */
  void sweepNow() {
    String query =
        "?labelSelector=" + URLEncoder.encode(ShellObjects.LABEL, UTF_8) + "&limit=" + MAX_LEFT;
    try {
      for (var role : get(ROLES + query).path("items")) {
        var objects =
            new ShellObjects(role.at("/metadata/labels").path(ShellObjects.LABEL).asText(""));
        if (role.at("/metadata/name").asText("").equals(objects.role()) && isLeft(role, objects)) {
          log.info("what is left of a shell is removed: pod={}", objects.pod());
          remove(objects);
        }
      }
    } catch (IOException e) {
      log.debug("no look for leavings of shells: reason={}", e.toString());
    }
  }

  private boolean isLeft(JsonNode role, ShellObjects objects) throws IOException {
    synchronized (this) {
      if (own.contains(objects.id())) {
        return false;
      }
    }
    var age = age(role);
    if (age.compareTo(LENGTH.plus(YOUNG)) > 0) {
      return true;
    }
    var pod = podOf(objects);
    if (pod == null) {
      return age.compareTo(YOUNG) > 0;
    }
    return List.of("Succeeded", "Failed").contains(pod.at("/status/phase").asText(""));
  }

  private Duration age(JsonNode role) {
    try {
      return Duration.between(
          Instant.parse(role.at("/metadata/creationTimestamp").asText("")), clock.instant());
    } catch (DateTimeParseException _) {
      return Duration.ZERO;
    }
  }

  private @Nullable ObjectNode podOf(ShellObjects objects) throws IOException {
    try {
      return get(PODS + "/" + objects.pod());
    } catch (Refusal e) {
      if (e.status() == HttpURLConnection.HTTP_NOT_FOUND) {
        return null;
      }
      throw e;
    }
  }

  /** Ends all of them, and waits a little for what they are made of to be gone. */
  @Override
  public void close() {
    List<Thread> threads;
    synchronized (this) {
      closed = true;
    }
    List.copyOf(open.values()).forEach(Shell::close);
    synchronized (this) {
      threads = List.copyOf(ending);
    }
    long end = System.nanoTime() + END_LIMIT.toNanos();
    for (var thread : threads) {
      try {
        thread.join(Duration.ofNanos(Math.max(1, end - System.nanoTime())));
      } catch (InterruptedException _) {
        Thread.currentThread().interrupt();
        return;
      }
    }
  }
}
