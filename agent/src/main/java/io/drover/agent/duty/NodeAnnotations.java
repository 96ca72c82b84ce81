package io.drover.agent.duty;

import io.drover.agent.kube.ClusterWriter;
import io.drover.agent.view.Node;
import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Writes on nodes what their pods ask for, so that Rancher can show it. */
final class NodeAnnotations implements Duty {
  private static final Logger log = LoggerFactory.getLogger(NodeAnnotations.class);

  private final Supplier<? extends Map<String, Map<String, String>>> differing;
  private final ClusterWriter writer;
  private final Round round = new Round();

  /**
   * Looks at {@code differing} in each pass.
   *
   * @param differing by the name of the node, annotations that are not as they should be, with the
   *     values that they should have; must not block
   */
  NodeAnnotations(
      Supplier<? extends Map<String, Map<String, String>>> differing, ClusterWriter writer) {
    this.differing = differing;
    this.writer = writer;
  }

  @Override
  public boolean pass() throws IOException, InterruptedException {
    var changes = new TreeMap<String, Round.Change>();
    for (var node : differing.get().entrySet()) {
      var annotations = new HashMap<>(node.getValue());
      // A view does not keep such a value, so that it would differ for ever.
      annotations.values().removeIf(text -> text.length() > Node.MAX_ANNOTATION_CHARACTERS);
      if (!annotations.isEmpty()) {
        changes.put(node.getKey(), () -> annotate(node.getKey(), annotations));
      }
    }
    round.pass(changes);
    return true;
  }

  private void annotate(String node, Map<String, String> annotations)
      throws IOException, InterruptedException {
    boolean done = writer.annotateNode(node, annotations);
    log.debug("node annotated: name={} done={}", node, done);
  }
}
