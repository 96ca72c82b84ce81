package io.drover.agent.kube;

import java.io.IOException;
import java.util.Map;
import java.util.function.Consumer;

/**
 * All that an agent changes in the cluster, but for our own Secrets. Methods block, for 10 s a
 * request at most; any thread. An {@link IOException} says what was asked and what the answer was.
 *
 * <p>Changes answer whether they were made; false: the object has gone or was changed meanwhile, so
 * it must be looked at again.
 */
public interface ClusterWriter {
  /** Sets annotations of a node; the others stay. */
  boolean annotateNode(String name, Map<String, String> annotations)
      throws IOException, InterruptedException;

  /**
   * Sets labels of a namespace; the others stay.
   *
   * @param resourceVersion that the namespace must still have
   */
  boolean labelNamespace(String name, String resourceVersion, Map<String, String> labels)
      throws IOException, InterruptedException;

  /** Sets annotations of a Secret; the others stay, and so does its content. */
  boolean annotateSecret(ObjectMetadata secret, Map<String, String> annotations)
      throws IOException, InterruptedException;

  /** Says how many pods a Deployment is to have. */
  boolean scaleDeployment(String namespace, String name, int replicas)
      throws IOException, InterruptedException;

  /**
   * Adds an Event to a pod.
   *
   * @param warning otherwise it is normal
   * @param reason one word
   * @param message of any length; what is over 1,024 characters is cut
   * @return false: there is no such pod
   */
  boolean addPodEvent(String namespace, String pod, boolean warning, String reason, String message)
      throws IOException, InterruptedException;

  /**
   * Reads the Secrets of a namespace, without their content.
   *
   * @param labelSelector empty: all of them
   * @param each gets them one by one, in this thread
   */
  void secrets(String namespace, String labelSelector, Consumer<ObjectMetadata> each)
      throws IOException, InterruptedException;

  /** Deletes this Secret, exactly as it was read: not one that was put in its place. */
  boolean deleteSecret(ObjectMetadata secret) throws IOException, InterruptedException;
}
