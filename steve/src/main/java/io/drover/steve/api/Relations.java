package io.drover.steve.api;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.steve.kube.ApiRequest;
import io.drover.steve.kube.ApiServer;
import io.drover.steve.kube.Json;
import io.drover.steve.kube.ObjectId;
import io.drover.steve.kube.Stopping;
import io.drover.steve.kube.Together;
import io.drover.steve.live.LiveCounts;
import io.drover.steve.schema.ResourceType;
import io.drover.steve.state.Relationship;
import io.drover.steve.state.Summary;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What an object has to do with others: those that it names, and those that name it. Nothing of
 * this is kept: the few kinds that may name it are listed in its namespace when it is asked for, in
 * the user's name, so that he is told of no object that he may not see. Those that only an
 * annotation makes belong to it come from what is counted.
 */
final class Relations {
  /** For all questions together; what has not come by then is not told. */
  static final Duration LIMIT = Duration.ofSeconds(2);

  /** Objects of a kind that are looked at. */
  static final int MAX_OBJECTS = 500;

  /** Objects that it names and that are asked how they are. */
  static final int MAX_NAMED = 64;

  private static final Logger log = LoggerFactory.getLogger(Relations.class);

  private final ApiServer api;
  private final Applying applying;
  private final Clock clock;

  Relations(ApiServer api, LiveCounts counts, Clock clock) {
    this.api = api;
    this.applying = new Applying(counts);
    this.clock = clock;
  }

  /** As {@code metadata.relationships}. */
  JsonNode of(Call call, ObjectNode object) throws IOException {
    var types = call.schemas().types();
    String id = call.schema().id();
    String namespace = object.at("/metadata/namespace").asText("");
    var questions = new ArrayList<Callable<List<ObjectNode>>>();
    int named = 0;
    for (var relationship : Relationship.of(object, types::isNamespaced)) {
      var type = types.byId(relationship.type());
      if (type != null && !relationship.id().isEmpty() && named++ < MAX_NAMED) {
        questions.add(() -> List.of(named(call, type, relationship)));
      } else {
        questions.add(() -> List.of(relationship.json(null)));
      }
    }
    String in = id.equals("node") ? Kinds.LEASES_OF_NODES : namespace;
    String fullName = ObjectId.of(object);
    for (String candidate : Kinds.naming(id)) {
      var type = types.byId(candidate);
      if (type != null && !in.isEmpty()) {
        questions.add(() -> naming(call, type, in, id, fullName));
      }
    }
    var all = ask(questions);
    applying.tell(call, object, all);
    return all.isEmpty() ? Json.MAPPER.nullNode() : all;
  }

  private static ArrayNode ask(List<Callable<List<ObjectNode>>> questions) throws IOException {
    var all = Json.MAPPER.createArrayNode();
    for (var answer : Together.within(LIMIT, "explorer-relations-", questions)) {
      try {
        if (!answer.isCancelled()) {
          all.addAll(answer.get());
        }
      } catch (ExecutionException e) {
        log.debug("relation not told: reason={}", String.valueOf(e.getCause()));
      } catch (InterruptedException e) {
        throw Stopping.interrupted(e);
      }
    }
    return all;
  }

  /** One that it names, with its state, if the user may see that. */
  private ObjectNode named(Call call, ResourceType type, Relationship relationship) {
    String id = relationship.id();
    int slash = id.indexOf('/');
    try {
      // Names are whatever the object's author has written.
      String target =
          type.path(ApiRequest.segment(slash < 0 ? "" : id.substring(0, slash)))
              + "/"
              + ApiRequest.segment(id.substring(slash + 1));
      try (var answer =
          api.send(ApiRequest.get(target, ApiRequest.JSON).as(call.user()).within(LIMIT))) {
        return relationship.json(Summary.of(Json.object(answer.body()), clock));
      }
    } catch (IOException _) {
      return relationship.json(null); // it is not there, or not for him
    }
  }

  /** Those of a kind that name it. */
  private List<ObjectNode> naming(
      Call call, ResourceType type, String namespace, String id, String fullName)
      throws IOException {
    var found = new ArrayList<ObjectNode>();
    String target = type.path(ApiRequest.segment(namespace)) + "?limit=" + MAX_OBJECTS;
    try (var answer =
        api.send(ApiRequest.get(target, ApiRequest.JSON).as(call.user()).within(LIMIT))) {
      new Rows(false)
          .list(
              answer.body(),
              (object, _) -> {
                type.declare(object);
                for (var one : Relationship.of(object, call.schemas().types()::isNamespaced)) {
                  if (one.type().equals(id) && one.id().equals(fullName)) {
                    found.add(reversed(one, type, object));
                  }
                }
              });
    }
    return found;
  }

  private ObjectNode reversed(Relationship one, ResourceType type, ObjectNode object) {
    return one.reversed(type.id(), ObjectId.of(object)).json(Summary.of(object, clock));
  }
}
