package io.drover.steve.api;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.steve.schema.UserSchemas;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Map;
import java.util.Queue;

/** Which types a user is shown: what is new, different or gone since he asked. */
final class ToldSchemas implements Told {
  /** Messages in one step, between which others have their turn. */
  private static final int AT_ONCE = 16;

  private final Wanted wanted;
  private final Links links;
  private UserSchemas known;

  /** As many as there are types at most: a newer choice is not looked at before they are sent. */
  private final Queue<ObjectNode> unsent = new ArrayDeque<>();

  private UserSchemas now;

  /**
   * Tells nothing yet.
   *
   * @param known what the user has been shown
   */
  ToldSchemas(Wanted wanted, Links links, UserSchemas known) {
    this.wanted = wanted;
    this.links = links;
    this.known = known;
    this.now = known;
  }

  @Override
  public void look(UserSchemas current) {
    now = current;
  }

  @Override
  public After step(Out out) throws IOException {
    if (unsent.isEmpty() && now != known) {
      compare();
    }
    for (int i = 0; i < AT_ONCE && !unsent.isEmpty(); i++) {
      out.send(unsent.remove());
    }
    return unsent.isEmpty() && now == known ? After.WAIT : After.GO_ON;
  }

  private void compare() {
    var before = json(known);
    var after = json(now);
    after.forEach(
        (id, json) -> {
          var old = before.remove(id);
          if (old == null) {
            unsent.add(wanted.message("resource.create", "", json));
          } else if (!old.equals(json)) {
            unsent.add(wanted.message("resource.change", "", json));
          }
        });
    before.values().forEach(json -> unsent.add(wanted.message("resource.remove", "", json)));
    known = now;
  }

  private Map<String, ObjectNode> json(UserSchemas schemas) {
    var all = new HashMap<String, ObjectNode>();
    schemas.all().forEach(schema -> all.put(schema.id(), SchemaStore.json(schema, links)));
    return all;
  }
}
