package io.drover.steve.api;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.steve.kube.ObjectId;
import io.drover.steve.live.LiveCounts;
import io.drover.steve.state.Relationship;
import io.drover.steve.state.Summary;
import java.util.List;

/**
 * Objects that say by an annotation to belong to one: they may be of any kind, so that nobody could
 * ask for them. While a page listens to the counts they are known. Any thread.
 */
final class Applying {
  /** What is equal if two of them are about the same object. */
  private static final List<String> SAME = List.of("rel", "toType", "toId");

  private final LiveCounts counts;

  Applying(LiveCounts counts) {
    this.counts = counts;
  }

  /**
   * Adds those that the user may see to {@code metadata.relationships}, unless they stand there: of
   * a kind that is read for other reasons they may have been found.
   *
   * @param object to which they belong, of the type that is asked for
   */
  void tell(Call call, ObjectNode object, ArrayNode into) {
    var own = new Relationship(true, "applies", call.schema().id(), ObjectId.of(object), "", "");
    counts.applied(
        own.type(),
        own.id(),
        (type, id, summary) -> {
          var schema = call.schemas().lookup(type);
          int slash = id.indexOf('/');
          String namespace = slash < 0 ? "" : id.substring(0, slash);
          if (schema != null && schema.rights().shows(namespace, id.substring(slash + 1))) {
            add(own.reversed(type, id), summary, into);
          }
        });
  }

  private static void add(Relationship one, Summary summary, ArrayNode into) {
    var json = one.json(summary);
    boolean isThere =
        into.valueStream()
            .anyMatch(
                other ->
                    SAME.stream().allMatch(field -> other.path(field).equals(json.path(field))));
    if (!isThere) {
      into.add(json);
    }
  }
}
