package io.drover.steve.api;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.steve.kube.Json;
import io.drover.steve.kube.Refusal;
import java.io.IOException;
import java.util.List;
import java.util.Map;

/** What the user prefers, which the server knows and we do not: nothing. */
public final class PreferenceStore implements Store {
  @Override
  public void list(Call call) throws IOException {
    Envelope.send(call, List.of(preference(call)));
  }

  @Override
  public void get(Call call) throws IOException {
    if (!call.name().equals(call.user().name())) {
      throw new Refusal(404, "NotFound", "not found");
    }
    call.reply().object(200, preference(call), call.links());
  }

  private static ObjectNode preference(Call call) {
    String id = call.user().name();
    String self = call.links().object("userpreferences", id);
    var content = Json.MAPPER.createObjectNode();
    content.putObject("data");
    return Envelope.of(
        id, "userpreference", Map.of("remove", self, "self", self, "update", self), content);
  }
}
