package io.drover.agent.duty;

import java.io.IOException;
import java.util.ArrayList;
import java.util.NavigableMap;

/**
 * Makes changes one after the other, pass by pass. The first failure ends a pass, and so does a
 * limit; the next pass begins behind the last one that had its turn. So an object that always fails
 * does not keep the others from theirs, and an API server that is away is asked once a pass.
 */
final class Round {
  /** A big cluster's changes are spread over several passes. */
  static final int MAX_PATCHES_A_PASS = 50;

  /** One change, of one object. */
  interface Change {
    void make() throws IOException, InterruptedException;
  }

  private String last = "";

  /** Makes these changes, each under the name of its object. */
  void pass(NavigableMap<String, Change> changes) throws IOException, InterruptedException {
    var order = new ArrayList<>(changes.tailMap(last, false).entrySet());
    order.addAll(changes.headMap(last, true).entrySet());
    for (var change : order.subList(0, Math.min(order.size(), MAX_PATCHES_A_PASS))) {
      last = change.getKey();
      change.getValue().make();
    }
  }
}
