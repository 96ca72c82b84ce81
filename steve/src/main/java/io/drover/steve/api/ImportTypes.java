package io.drover.steve.api;

import com.fasterxml.jackson.databind.JsonNode;
import io.drover.steve.kube.ApiRequest;
import io.drover.steve.kube.ApiServer;
import io.drover.steve.kube.Json;
import io.drover.steve.kube.Refusal;
import io.drover.steve.kube.Stopping;
import io.drover.steve.manifest.Manifest;
import io.drover.steve.schema.ResourceType;
import java.io.IOException;
import java.net.HttpURLConnection;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Of which type the objects of one import are. They may be of any version that is served, not only
 * of the one that is shown, and of types that the import itself brings. One thread.
 */
final class ImportTypes {
  /** For a type that this import brings to be served: seconds, if the API server is busy. */
  static final Duration ESTABLISH_LIMIT = Duration.ofSeconds(10);

  private static final Duration LOOK_EVERY = Duration.ofMillis(200);

  private final ApiServer api;
  private final Map<String, List<ResourceType>> byApiVersion = new HashMap<>();
  private final Set<String> brought = new HashSet<>();

  /** Asks nothing yet. */
  ImportTypes(ApiServer api) {
    this.api = api;
  }

  /** A CustomResourceDefinition has been applied, whose name is {@code resource.group}. */
  void brings(Manifest definition) {
    brought.add(definition.name().substring(definition.name().indexOf('.') + 1));
  }

  /**
   * Finds the type of an object.
   *
   * @throws Refusal if there is none
   */
  ResourceType of(Manifest manifest) throws IOException {
    long end = System.nanoTime() + ESTABLISH_LIMIT.toNanos();
    while (true) {
      var found = find(manifest);
      if (found != null) {
        return found;
      }
      if (!brought.contains(manifest.group()) || System.nanoTime() - end > 0) {
        throw Refusal.body(
            "the cluster has no %s in %s: correct apiVersion and kind, or install what brings it"
                .formatted(manifest.kind(), manifest.apiVersion()));
      }
      byApiVersion.remove(manifest.apiVersion());
      pause();
    }
  }

  private static void pause() throws IOException {
    try {
      Thread.sleep(LOOK_EVERY);
    } catch (InterruptedException e) {
      throw Stopping.interrupted(e);
    }
  }

  private @Nullable ResourceType find(Manifest manifest) throws IOException {
    var known = byApiVersion.get(manifest.apiVersion());
    if (known == null) {
      known = read(manifest);
      byApiVersion.put(manifest.apiVersion(), known);
    }
    return known.stream()
        .filter(type -> type.kind().equals(manifest.kind()))
        .findFirst()
        .orElse(null);
  }

  private List<ResourceType> read(Manifest manifest) throws IOException {
    String group = manifest.group();
    String path = (group.isEmpty() ? "/api/" : "/apis/") + manifest.apiVersion();
    var types = new ArrayList<ResourceType>();
    try (var answer = api.send(ApiRequest.get(path, ApiRequest.JSON))) {
      for (var resource : Json.object(answer.body()).path("resources")) {
        String name = resource.path("name").asText("");
        if (!name.contains("/")) {
          types.add(type(manifest, name, resource.path("kind").asText(""), resource));
        }
      }
    } catch (Refusal e) {
      if (e.status() != HttpURLConnection.HTTP_NOT_FOUND) {
        throw e;
      }
    }
    return types;
  }

  private static ResourceType type(Manifest manifest, String name, String kind, JsonNode resource) {
    String group = manifest.group();
    String version =
        group.isEmpty()
            ? manifest.apiVersion()
            : manifest.apiVersion().substring(group.length() + 1);
    return new ResourceType(
        group,
        version,
        kind,
        name,
        resource.path("namespaced").asBoolean(),
        List.of(),
        Optional.empty(),
        "",
        List.of(),
        true,
        Optional.empty());
  }
}
