package io.drover.steve.api;

import io.drover.steve.kube.Refusal;
import java.io.IOException;

/** Changes as they happen, over a websocket: not yet, and a page can do without by asking again. */
public final class SubscribeStore implements Store {
  @Override
  public void list(Call call) throws IOException {
    if (!call.request().fields().has("Upgrade")) {
      call.reply().badUpgrade();
      return;
    }
    throw new Refusal(501, "NotImplemented", "this agent does not tell of changes yet");
  }
}
