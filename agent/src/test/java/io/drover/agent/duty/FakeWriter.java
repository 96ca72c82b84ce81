package io.drover.agent.duty;

import io.drover.agent.kube.ClusterWriter;
import io.drover.agent.kube.ObjectMetadata;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.Consumer;

/** Notes what is asked of it, as a line each. */
final class FakeWriter implements ClusterWriter {
  final BlockingQueue<String> calls = new LinkedBlockingQueue<>();

  /** What {@link #secrets} lists. */
  final List<ObjectMetadata> secrets = new ArrayList<>();

  /** Calls that begin so fail. */
  final Set<String> failing = new HashSet<>();

  /** What changes answer. */
  boolean done = true;

  static ObjectMetadata secret(
      String name, Optional<Instant> created, Map<String, String> annotations) {
    return new ObjectMetadata(
        "ns", name, "uid-" + name, "7", created, Map.of(), annotations, List.of(), false);
  }

  /** All lines since the last look. */
  List<String> taken() {
    var taken = new ArrayList<String>();
    calls.drainTo(taken);
    return taken;
  }

  private boolean call(String line) throws IOException {
    calls.add(line);
    for (String start : failing) {
      if (line.startsWith(start)) {
        throw new IOException("no " + line);
      }
    }
    return done;
  }

  @Override
  public boolean annotateNode(String name, Map<String, String> annotations) throws IOException {
    return call("annotate node " + name + " " + new TreeMap<>(annotations));
  }

  @Override
  public boolean labelNamespace(String name, String resourceVersion, Map<String, String> labels)
      throws IOException {
    return call("label " + name + "@" + resourceVersion + " " + labels);
  }

  @Override
  public boolean annotateSecret(ObjectMetadata secret, Map<String, String> annotations)
      throws IOException {
    return call("annotate secret " + secret.name() + " " + annotations);
  }

  @Override
  public boolean scaleDeployment(String namespace, String name, int replicas) throws IOException {
    return call("scale " + namespace + "/" + name + " " + replicas);
  }

  @Override
  public boolean addPodEvent(
      String namespace, String pod, boolean warning, String reason, String message)
      throws IOException {
    return call("event %s/%s %s %s".formatted(namespace, pod, warning ? "!" : "-", reason));
  }

  @Override
  public void secrets(String namespace, String labelSelector, Consumer<ObjectMetadata> each)
      throws IOException {
    call("list " + namespace + (labelSelector.isEmpty() ? "" : " " + labelSelector));
    secrets.forEach(each);
  }

  @Override
  public boolean deleteSecret(ObjectMetadata secret) throws IOException {
    return call("delete " + secret.name());
  }
}
