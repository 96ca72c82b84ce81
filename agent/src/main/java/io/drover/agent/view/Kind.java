package io.drover.agent.view;

import com.fasterxml.jackson.databind.JsonNode;
import io.drover.agent.kube.ObjectMetadata;
import java.util.Optional;
import java.util.function.Function;

/**
 * A kind of objects that is read as a whole.
 *
 * @param group empty: the core group
 * @param version that is asked for if discovery does not tell; otherwise the one it prefers
 * @param plural as in the API's paths
 * @param metadataOnly whether the API server is to leave out all but the metadata
 * @param record what is kept of an object; empty: nothing, it is of no interest
 */
public record Kind<T>(
    String group,
    String version,
    String plural,
    boolean metadataOnly,
    Function<JsonNode, Optional<T>> record) {

  /**
   * {@code group/plural}, as people write it: {@code nodes}, {@code storageclasses.storage.k8s.io}.
   */
  @Override
  public String toString() {
    return group.isEmpty() ? plural : plural + "." + group;
  }

  /** Its list in a version. */
  String path(String servedVersion) {
    return group.isEmpty()
        ? "/api/" + servedVersion + "/" + plural
        : "/apis/" + group + "/" + servedVersion + "/" + plural;
  }

  String accept() {
    return metadataOnly ? ObjectMetadata.LIST_FORM : "application/json";
  }

  /** Of the single objects that a watch of metadata brings. */
  String watchAccept() {
    return metadataOnly ? ObjectMetadata.FORM : "application/json";
  }
}
