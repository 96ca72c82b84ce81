package io.drover.agent.kube;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import io.drover.agent.kube.Answer.Found;
import io.drover.agent.kube.Answer.Missing;
import io.drover.agent.kube.ApiReader.Listed;
import io.drover.agent.kube.ApiReader.WatchEnd;
import io.drover.agent.log.ChangeLog;
import io.drover.agent.reason.Problem;
import io.drover.agent.retry.DoublingWait;
import io.drover.agent.retry.Sleeper;
import java.io.IOException;
import java.net.URLEncoder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells what is in one ConfigMap, at first and whenever it changes. What was told last stays true
 * for as long as the API server cannot be asked. Any thread; one virtual thread of its own.
 */
public final class ConfigMapWatch implements AutoCloseable {
  /** The API server ends a watch after so long, and a new one goes on from there. */
  static final Duration WATCH = Duration.ofMinutes(5);

  /** A watch that nobody ends is ended here, so much later. */
  static final Duration WATCH_MARGIN = Duration.ofSeconds(30);

  /** A watch that ends sooner was not worth its request: the next one waits. */
  static final Duration SHORT_WATCH = Duration.ofSeconds(10);

  /** Before another attempt; doubles to {@link #LAST_RETRY} as long as there is no watch. */
  static final Duration FIRST_RETRY = Duration.ofSeconds(1);

  static final Duration LAST_RETRY = Duration.ofSeconds(30);

  private static final Logger log = LoggerFactory.getLogger(ConfigMapWatch.class);

  /**
   * What is in it.
   *
   * @param revision its {@code resourceVersion}
   */
  public record Content(
      Map<String, String> data, Map<String, String> annotations, String revision) {
    public Content {
      data = Map.copyOf(data);
      annotations = Map.copyOf(annotations);
    }

    private static Content of(JsonNode object) {
      return new Content(
          texts(object.path("data")),
          texts(object.path("metadata").path("annotations")),
          object.path("metadata").path("resourceVersion").asText(""));
    }

    private static Map<String, String> texts(JsonNode object) {
      var texts = new HashMap<String, String>();
      object.properties().forEach(field -> texts.put(field.getKey(), field.getValue().asText("")));
      return texts;
    }
  }

  private final ApiReader api;
  private final String list;
  private final Consumer<Optional<Content>> listener;
  private final Sleeper sleeper;
  private final String name;
  private final ChangeLog changes = ChangeLog.ofLoop(log, System::nanoTime);
  private final Thread thread;
  private volatile @Nullable Problem problem;

  private ConfigMapWatch(
      ApiReader api,
      String namespace,
      String name,
      Consumer<Optional<Content>> listener,
      Sleeper sleeper) {
    this.api = api;
    this.name = name;
    this.list = list(namespace, name);
    this.listener = listener;
    this.sleeper = sleeper;
    this.thread = Thread.ofVirtual().name("configmap-" + name).unstarted(this::run);
  }

  private static String list(String namespace, String name) {
    return "/api/v1/namespaces/%s/configmaps?fieldSelector=%s"
        .formatted(namespace, URLEncoder.encode("metadata.name=" + name, UTF_8));
  }

  /**
   * What is in one now, without a watch.
   *
   * @return empty: there is none
   * @throws IOException if it cannot be read
   */
  public static Optional<Content> read(ApiReader api, String namespace, String name)
      throws IOException, InterruptedException {
    var found = new ArrayList<Content>();
    var listed =
        api.list(
            list(namespace, name), "application/json", object -> found.add(Content.of(object)));
    if (listed instanceof Missing<Listed> missing) {
      throw missing.failure();
    }
    return found.stream().findFirst();
  }

  /**
   * Begins.
   *
   * @param listener is told the content, or that there is no such ConfigMap; one call at a time
   */
  public static ConfigMapWatch start(
      ApiReader api,
      String namespace,
      String name,
      Consumer<Optional<Content>> listener,
      Sleeper sleeper) {
    var watch = new ConfigMapWatch(api, namespace, name, listener, sleeper);
    watch.thread.start();
    return watch;
  }

  /** Why it cannot be read now; empty: it can. Never blocks. */
  public Optional<Problem> problem() {
    return Optional.ofNullable(problem);
  }

  private void run() {
    var wait = new DoublingWait(FIRST_RETRY);
    try {
      while (true) {
        if (follow()) {
          wait.worked();
        }
        sleeper.sleep(wait.next(LAST_RETRY));
      }
    } catch (InterruptedException _) {
      // Closed.
    }
  }

  /** Lists, and watches for as long as that can go on from there; returns whether there was one. */
  private boolean follow() throws InterruptedException {
    var seen = new Seen();
    switch (api.list(list, "application/json", seen::there)) {
      case Missing<Listed> missing -> {
        note(missing);
        return false;
      }
      case Found<Listed>(var listed) -> {
        problem = null;
        changes.works("configmap can be read again: name=" + name);
        seen.listed(listed.resourceVersion());
      }
    }
    boolean watched = false;
    while (true) {
      long startNanos = System.nanoTime();
      var end =
          api.watch(
              list
                  + "&watch=true&allowWatchBookmarks=true&timeoutSeconds=%d&resourceVersion=%s"
                      .formatted(WATCH.toSeconds(), seen.version),
              "application/json",
              WATCH.plus(WATCH_MARGIN),
              seen);
      if (end instanceof Missing<WatchEnd> missing) {
        note(missing);
      }
      if (end.found().orElse(WatchEnd.EXPIRED) == WatchEnd.EXPIRED) {
        return watched || seen.moved;
      }
      watched = true;
      if (System.nanoTime() - startNanos < SHORT_WATCH.toNanos()) {
        sleeper.sleep(FIRST_RETRY);
      }
    }
  }

  private void note(Missing<?> missing) {
    problem = new Problem(missing.reason(), missing.detail());
    changes.bad(
        missing.reason().code(),
        "configmap cannot be read: name=%s reason=%s".formatted(name, missing.detail()));
  }

  /** Of one list, and the watches behind it. */
  private final class Seen implements ApiReader.Events {
    private String version = "";
    private boolean moved;
    private @Nullable Content first;

    void there(JsonNode object) {
      first = Content.of(object);
    }

    void listed(String listed) {
      version = listed;
      listener.accept(Optional.ofNullable(first));
    }

    @Override
    public void changed(JsonNode object) {
      reached(object.path("metadata").path("resourceVersion").asText(""));
      listener.accept(Optional.of(Content.of(object)));
    }

    @Override
    public void deleted(JsonNode object) {
      reached(object.path("metadata").path("resourceVersion").asText(""));
      listener.accept(Optional.empty());
    }

    @Override
    public void reached(String resourceVersion) {
      version = resourceVersion;
      moved = true;
    }
  }

  @Override
  public void close() {
    thread.interrupt();
  }
}
