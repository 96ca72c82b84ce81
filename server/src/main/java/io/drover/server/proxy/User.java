package io.drover.server.proxy;

import java.util.List;

/** On whose behalf a request goes to a cluster. */
public record User(String name, List<String> groups) {
  public User {
    groups = List.copyOf(groups);
  }
}
