package io.drover.agent.duty;

import io.drover.agent.kube.ClusterWriter;
import io.drover.agent.view.ClusterView;
import io.drover.agent.view.Kinds;
import io.drover.agent.view.Node;
import io.drover.agent.view.Workload;
import java.io.IOException;
import java.util.Collection;
import java.util.List;
import java.util.OptionalInt;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Gives each Deployment that is annotated so, such as the agent's own, as many pods as the
 * annotation says, if there are that many nodes; one at least.
 *
 * <p>Source: Rancher {@code pkg/controllers/dashboard/scaleavailable/scale.go}, v2.15.0. Nodes are
 * those that the pods' {@code nodeSelector} admits, whatever affinity, taints or cordons say.
 */
final class ScaleAvailable implements Duty {
  /** Source: Go {@code strconv.Atoi}; more digits than any number of nodes has are no number. */
  private static final Pattern NUMBER = Pattern.compile("[+-]?[0-9]{1,9}");

  private static final Logger log = LoggerFactory.getLogger(ScaleAvailable.class);

  private final ClusterView view;
  private final ClusterWriter writer;
  private final Round round = new Round();

  ScaleAvailable(ClusterView view, ClusterWriter writer) {
    this.view = view;
    this.writer = writer;
  }

  @Override
  public boolean pass() throws IOException, InterruptedException {
    Collection<Workload> deployments = Needed.all(view, Kinds.DEPLOYMENTS).orElse(List.of());
    var nodes = Needed.all(view, Kinds.NODES);
    if (nodes.isEmpty()) {
      return true; // not known is not the same as none
    }
    var changes = new TreeMap<String, Round.Change>();
    for (Workload deployment : deployments) {
      wanted(deployment, nodes.get())
          .ifPresent(
              replicas -> {
                if (replicas != deployment.desired()) {
                  changes.put(
                      deployment.namespace() + "/" + deployment.name(),
                      () -> scale(deployment, replicas));
                }
              });
    }
    round.pass(changes);
    return true;
  }

  private static OptionalInt wanted(Workload deployment, Collection<Node> nodes) {
    if (!NUMBER.matcher(deployment.scaleAvailable()).matches()) {
      return OptionalInt.empty();
    }
    long admitted =
        nodes.stream()
            .filter(
                node -> node.labels().entrySet().containsAll(deployment.nodeSelector().entrySet()))
            .count();
    long number = Math.min(Integer.parseInt(deployment.scaleAvailable()), admitted);
    return OptionalInt.of((int) Math.max(1, number));
  }

  private void scale(Workload deployment, int replicas) throws IOException, InterruptedException {
    if (writer.scaleDeployment(deployment.namespace(), deployment.name(), replicas)) {
      log.info(
          "deployment scaled: name={}/{} from={} to={}",
          deployment.namespace(),
          deployment.name(),
          deployment.desired(),
          replicas);
    }
  }
}
