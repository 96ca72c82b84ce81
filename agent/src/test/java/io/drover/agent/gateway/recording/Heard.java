package io.drover.agent.gateway.recording;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/** What is made of a connection; what is next to each other and of one kind is one. */
final class Heard implements Shown {
  private final List<String> all = new ArrayList<>();
  private String last = "";

  @Override
  public void bytes(Kind kind, ByteBuffer bytes) {
    String text = UTF_8.decode(bytes).toString();
    if (kind.name().equals(last)) {
      all.add(all.removeLast() + text);
    } else {
      last = kind.name();
      all.add(kind + " " + text);
    }
  }

  List<String> all() {
    return all;
  }
}
