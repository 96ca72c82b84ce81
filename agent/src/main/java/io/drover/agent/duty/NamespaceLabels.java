package io.drover.agent.duty;

import io.drover.agent.kube.ClusterWriter;
import io.drover.agent.kube.ObjectMetadata;
import io.drover.agent.view.ClusterView;
import io.drover.agent.view.Kinds;
import io.drover.agent.view.Namespace;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps the label of each namespace that says to which of Rancher's projects it belongs, as its
 * annotation does; before the label is changed, the annotation is copied to the namespace's
 * Secrets.
 *
 * <p>Source: Rancher {@code pkg/controllers/managementagent/nslabels/labels.go}, v2.15.0. Like that
 * it deletes Secrets of the project that a namespace leaves; unlike that, none where there was no
 * label before, which is no move: most likely nobody had done this duty here.
 */
final class NamespaceLabels implements Duty {
  /** Name of the annotation and of the label. */
  static final String PROJECT = "field.cattle.io/projectId";

  /** On a Secret that Rancher copied from a project: {@code true}. */
  static final String COPIED = "secret.user.cattle.io/secret";

  /** A namespace with more of them gets its label some passes later. */
  static final int MAX_SECRETS_A_PASS = 500;

  /** Anything else is refused by the API server. */
  private static final Pattern LABEL_VALUE =
      Pattern.compile("([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?");

  private static final Logger log = LoggerFactory.getLogger(NamespaceLabels.class);

  private final ClusterView view;
  private final ClusterWriter writer;
  private final Round round = new Round();
  private int secretsLeft;

  NamespaceLabels(ClusterView view, ClusterWriter writer) {
    this.view = view;
    this.writer = writer;
  }

  /** A namespace's project; both parts may be empty. */
  private record Project(String cluster, String id) {
    static Optional<Project> of(Namespace namespace) {
      String text = namespace.annotations().get(PROJECT);
      if (text == null) {
        return Optional.empty();
      }
      String[] parts = text.isEmpty() ? new String[] {"", ""} : text.split(":", -1);
      return parts.length == 2 && LABEL_VALUE.matcher(parts[1]).matches()
          ? Optional.of(new Project(parts[0], parts[1]))
          : Optional.empty();
    }

    /** As an annotation of a Secret. */
    String text() {
      return id.isEmpty() ? "" : cluster + ":" + id;
    }
  }

  @Override
  public boolean pass() throws IOException, InterruptedException {
    secretsLeft = MAX_SECRETS_A_PASS;
    var changes = new TreeMap<String, Round.Change>();
    for (Namespace namespace : Needed.all(view, Kinds.NAMESPACES).orElse(List.of())) {
      if (namespace.terminating()) {
        continue;
      }
      Project.of(namespace)
          .filter(project -> !project.id().equals(label(namespace)))
          .ifPresent(project -> changes.put(namespace.name(), () -> move(namespace, project)));
    }
    round.pass(changes);
    return true;
  }

  /** The project that it was in; empty if in none. */
  private static String label(Namespace namespace) {
    return namespace.labels().getOrDefault(PROJECT, "");
  }

  private void move(Namespace namespace, Project project) throws IOException, InterruptedException {
    Optional<IOException> failure = Optional.empty();
    try {
      if (!moveSecrets(namespace, project)) {
        return; // the rest in the next pass
      }
    } catch (IOException e) {
      // The label matters more: whether pods of other projects are kept out hangs on it.
      failure = Optional.of(e);
    }
    if (writer.labelNamespace(
        namespace.name(), namespace.resourceVersion(), Map.of(PROJECT, project.id()))) {
      log.info("namespace labelled: name={} project={}", namespace.name(), project.text());
      failure.ifPresent(
          e ->
              log.warn(
                  "secrets not annotated: namespace={} reason={}",
                  namespace.name(),
                  e.getMessage()));
    }
  }

  /** Whether all of them are as they should be now. */
  private boolean moveSecrets(Namespace namespace, Project project)
      throws IOException, InterruptedException {
    var differing = new ArrayList<ObjectMetadata>();
    writer.secrets(
        namespace.name(),
        "",
        secret -> {
          // One more than can be done, to know that it is too many.
          if (differing.size() <= secretsLeft
              && !project.text().equals(secret.annotations().get(PROJECT))) {
            differing.add(secret);
          }
        });
    for (ObjectMetadata secret : differing) {
      if (secretsLeft == 0) {
        return false;
      }
      secretsLeft--;
      boolean ofOldProject =
          "true".equals(secret.annotations().get(COPIED)) && !label(namespace).isEmpty();
      if (ofOldProject) {
        if (writer.deleteSecret(secret)) {
          log.info(
              "secret of another project deleted: name={}/{}", namespace.name(), secret.name());
        }
      } else {
        writer.annotateSecret(secret, Map.of(PROJECT, project.text()));
      }
    }
    return true;
  }
}
