package io.drover.steve.schema;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import io.drover.steve.http.Turn;
import io.drover.steve.kube.ApiRequest;
import io.drover.steve.kube.ApiServer;
import io.drover.steve.kube.Json;
import io.drover.steve.schema.ResourceType.Column;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.FutureTask;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.stream.StreamSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Asks the API server which types it has. What is broken is left out and holds nothing up: an
 * aggregated API that is away is none in the answer, a type whose objects cannot be converted has
 * no columns.
 */
final class TypeReader {
  /** For the columns of one type. */
  static final Duration COLUMNS_LIMIT = Duration.ofSeconds(2);

  /** For those of all types; what has not come by then has none. */
  static final Duration ALL_COLUMNS_LIMIT = Duration.ofSeconds(10);

  /** Types whose columns are asked for at one time. */
  static final int PARALLEL = 10;

  /** For the descriptions, which are nice to have. */
  static final Duration DESCRIPTIONS_LIMIT = Duration.ofSeconds(5);

  private static final Logger log = LoggerFactory.getLogger(TypeReader.class);

  private final ApiServer api;
  private final Crds crds;

  TypeReader(ApiServer api, Crds crds) {
    this.api = api;
    this.crds = crds;
  }

  /** What a kind has beside what discovery says. */
  private record Printed(List<Column> columns, boolean works) {
    static final Printed NONE = new Printed(List.of(), true);
    static final Printed BROKEN = new Printed(List.of(), false);
  }

  /** Waits until definitions are there, or will not be. */
  @FunctionalInterface
  interface Definitions {
    void await() throws InterruptedException;
  }

  /** Reads all there are. Definitions are not waited for before they are needed. */
  Types read(Definitions definitions) throws IOException, InterruptedException {
    var found = new LinkedHashMap<String, ResourceType>();
    Map<String, Printed> printed;
    Map<String, String> descriptions;
    var reading = new FutureTask<>(this::descriptions); // megabytes: beside the rest
    var beside = Thread.ofVirtual().name("explorer-descriptions").start(reading);
    try {
      discover("/api", found);
      discover("/apis", found);
      printed = columns(List.copyOf(found.values()));
      descriptions = await(reading);
    } finally {
      beside.interrupt();
    }
    definitions.await();
    var types = new ArrayList<ResourceType>();
    for (var type : found.values()) {
      var print = printed.getOrDefault(type.id(), Printed.NONE);
      types.add(
          new ResourceType(
              type.group(),
              type.version(),
              type.kind(),
              type.resource(),
              type.namespaced(),
              type.verbs(),
              type.preferredVersion(),
              descriptions.getOrDefault(key(type.group(), type.version(), type.kind()), ""),
              print.columns(),
              print.works(),
              crds.of(type.group(), type.version(), type.kind())));
    }
    return new Types(types);
  }

  private static <T> T await(FutureTask<T> task) throws InterruptedException {
    try {
      return task.get();
    } catch (ExecutionException e) {
      throw new IllegalStateException(e.getCause()); // it throws nothing that is expected
    }
  }

  private static String key(String group, String version, String kind) {
    return group + "/" + version + "/" + kind;
  }

  /** The first version of a group that has a kind is the one that is shown. */
  private void discover(String path, Map<String, ResourceType> found) throws IOException {
    JsonNode list;
    try (var answer = api.send(ApiRequest.get(path, ApiRequest.DISCOVERY))) {
      list = Json.object(answer.body());
    }
    if (!list.has("items")) {
      discoverOneByOne(path, list, found);
    }
    for (var group : list.path("items")) {
      String groupName = group.at("/metadata/name").asText("");
      var versions = group.path("versions");
      String preferred = versions.path(0).path("version").asText("");
      for (var version : versions) {
        String versionName = version.path("version").asText("");
        for (var resource : version.path("resources")) {
          var type = type(groupName, versionName, preferred, resource);
          found.putIfAbsent(type.id(), type);
        }
      }
    }
  }

  /**
   * As API servers before 1.27 are asked: version by version, and without those that do not answer.
   */
  private void discoverOneByOne(String path, JsonNode list, Map<String, ResourceType> found) {
    var versions = new LinkedHashMap<String, String>(); // by group/version, the preferred version
    list.path("versions").forEach(version -> versions.put(version.asText(""), version.asText("")));
    for (var group : list.path("groups")) {
      var preferred = group.path("preferredVersion");
      String version = preferred.path("version").asText("");
      versions.put(preferred.path("groupVersion").asText(""), version);
      for (var other : group.path("versions")) {
        versions.put(other.path("groupVersion").asText(""), version);
      }
    }
    versions.forEach(
        (groupVersion, preferred) -> {
          int slash = groupVersion.indexOf('/');
          String group = groupVersion.substring(0, Math.max(0, slash));
          String version = groupVersion.substring(slash + 1);
          var request = ApiRequest.get(path + "/" + groupVersion, ApiRequest.JSON);
          try (var answer = api.send(request.within(COLUMNS_LIMIT))) {
            for (var resource : Json.object(answer.body()).path("resources")) {
              String name = resource.path("name").asText("");
              if (!name.contains("/")) {
                var modern = Json.MAPPER.createObjectNode().put("resource", name);
                modern.putObject("responseKind").set("kind", resource.path("kind"));
                modern.put(
                    "scope", resource.path("namespaced").asBoolean() ? "Namespaced" : "Cluster");
                modern.set("verbs", resource.path("verbs"));
                var type = type(group, version, preferred, modern);
                found.putIfAbsent(type.id(), type);
              }
            }
          } catch (IOException e) {
            log.debug("types not told: version={} reason={}", groupVersion, e.toString());
          }
        });
  }

  private static ResourceType type(
      String group, String version, String preferred, JsonNode resource) {
    String kind = resource.at("/responseKind/kind").asText("");
    return new ResourceType(
        group,
        version,
        kind,
        resource.path("resource").asText(""),
        resource.path("scope").asText("").equals("Namespaced"),
        StreamSupport.stream(resource.path("verbs").spliterator(), false)
            .map(verb -> verb.asText(""))
            .toList(),
        preferred.equals(version) ? Optional.empty() : Optional.of(preferred),
        "",
        List.of(),
        true,
        Optional.empty());
  }

  private Map<String, Printed> columns(List<ResourceType> types) throws InterruptedException {
    var room = new Semaphore(PARALLEL);
    var asked = types.stream().filter(type -> type.verbs().contains("list")).toList();
    var printed = new HashMap<String, Printed>();
    try (var threads =
        Executors.newThreadPerTaskExecutor(
            Thread.ofVirtual().name("explorer-columns-", 0).factory())) {
      var tasks =
          asked.stream().map(type -> (Callable<Printed>) () -> columns(type, room)).toList();
      var results = threads.invokeAll(tasks, ALL_COLUMNS_LIMIT.toMillis(), TimeUnit.MILLISECONDS);
      for (int i = 0; i < asked.size(); i++) {
        var type = asked.get(i);
        try {
          printed.put(
              type.id(), results.get(i).isCancelled() ? Printed.BROKEN : results.get(i).get());
        } catch (ExecutionException e) {
          log.debug("no columns: type={} reason={}", type.id(), String.valueOf(e.getCause()));
          printed.put(type.id(), Printed.BROKEN);
        }
      }
    }
    return printed;
  }

  private Printed columns(ResourceType type, Semaphore room)
      throws IOException, InterruptedException {
    room.acquire();
    try (var answer =
        api.send(
            ApiRequest.get(
                    type.path("") + "?limit=1&includeObject=None",
                    "application/json;as=Table;v=v1;g=meta.k8s.io")
                .within(COLUMNS_LIMIT))) {
      var columns = new ArrayList<Column>();
      for (var column : Json.object(answer.body()).path("columnDefinitions")) {
        columns.add(
            new Column(
                column.path("name").asText(""),
                column.path("type").asText(""),
                column.path("format").asText(""),
                column.path("description").asText(""),
                column.path("priority").asInt()));
      }
      return new Printed(columns, true);
    } finally {
      room.release();
    }
  }

  /**
   * By group, version and kind. The document has megabytes, of which only these lines are wanted,
   * so it is read in one pass.
   */
  private Map<String, String> descriptions() {
    var found = new HashMap<String, String>();
    try (var answer =
        api.send(ApiRequest.get("/openapi/v2", "application/json").within(DESCRIPTIONS_LIMIT))) {
      Json.fields(
          answer.body(),
          (field, json) -> {
            if (field.equals("definitions")) {
              Json.fields(json, (_, definition) -> description(definition, found));
            } else {
              json.skipChildren();
            }
          });
    } catch (IOException e) {
      log.debug("no descriptions: reason={}", e.toString());
    }
    return found;
  }

  private static void description(JsonParser json, Map<String, String> found) throws IOException {
    var text = new StringBuilder();
    var keys = new ArrayList<String>();
    Json.fields(
        json,
        (field, value) -> {
          if (field.equals("description") && value.currentToken() == JsonToken.VALUE_STRING) {
            text.append(value.getText());
          } else if (field.equals("x-kubernetes-group-version-kind")) {
            for (var kind : Json.tree(value)) {
              keys.add(
                  key(
                      kind.path("group").asText(""),
                      kind.path("version").asText(""),
                      kind.path("kind").asText("")));
            }
          } else {
            value.skipChildren();
          }
        });
    if (keys.size() == 1) { // what has several is an option of requests, and no type
      found.put(keys.getFirst(), text.toString());
    }
    Turn.give();
  }
}
