package io.drover.agent.kube;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.agent.kube.ApiReader.Outcome;
import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.URLEncoder;
import java.util.Map;
import java.util.function.Consumer;

/** Changes by JSON merge patch, whose answers, too, are metadata only. */
public final class ApiWriter implements ClusterWriter {
  private static final String MERGE_PATCH = "application/merge-patch+json";

  private final ApiReader api;

  public ApiWriter(ApiReader api) {
    this.api = api;
  }

  @Override
  public boolean annotateNode(String name, Map<String, String> annotations)
      throws IOException, InterruptedException {
    return patch("/api/v1/nodes/" + name, metadata("annotations", annotations));
  }

  @Override
  public boolean labelNamespace(String name, String resourceVersion, Map<String, String> labels)
      throws IOException, InterruptedException {
    var patch = metadata("labels", labels);
    patch.withObject("/metadata").put("resourceVersion", resourceVersion);
    return patch("/api/v1/namespaces/" + name, patch);
  }

  @Override
  public boolean annotateSecret(ObjectMetadata secret, Map<String, String> annotations)
      throws IOException, InterruptedException {
    return patch(secretPath(secret), metadata("annotations", annotations));
  }

  @Override
  public boolean scaleDeployment(String namespace, String name, int replicas)
      throws IOException, InterruptedException {
    var patch = JsonNodeFactory.instance.objectNode();
    patch.putObject("spec").put("replicas", replicas);
    return patch(
        "/apis/apps/v1/namespaces/%s/deployments/%s/scale".formatted(namespace, name), patch);
  }

  @Override
  public void secrets(String namespace, String labelSelector, Consumer<ObjectMetadata> each)
      throws IOException, InterruptedException {
    String path = "/api/v1/namespaces/" + namespace + "/secrets";
    if (!labelSelector.isEmpty()) {
      path += "?labelSelector=" + URLEncoder.encode(labelSelector, UTF_8);
    }
    switch (api.list(
        path, ObjectMetadata.LIST_FORM, object -> each.accept(ObjectMetadata.of(object)))) {
      case Answer.Found<ApiReader.Listed> _ -> {}
      case Answer.Missing<ApiReader.Listed>(_, var detail) -> throw new IOException(detail);
    }
  }

  @Override
  public boolean deleteSecret(ObjectMetadata secret) throws IOException, InterruptedException {
    var options = JsonNodeFactory.instance.objectNode();
    options.put("apiVersion", "v1").put("kind", "DeleteOptions");
    options
        .putObject("preconditions")
        .put("uid", secret.uid())
        .put("resourceVersion", secret.resourceVersion());
    return send("DELETE", secretPath(secret), "application/json", options);
  }

  private static String secretPath(ObjectMetadata secret) {
    return "/api/v1/namespaces/" + secret.namespace() + "/secrets/" + secret.name();
  }

  private static ObjectNode metadata(String field, Map<String, String> values) {
    var patch = JsonNodeFactory.instance.objectNode();
    var fields = patch.putObject("metadata").putObject(field);
    values.forEach(fields::put);
    return patch;
  }

  private boolean patch(String path, JsonNode patch) throws IOException, InterruptedException {
    return send("PATCH", path, MERGE_PATCH, patch);
  }

  private boolean send(String method, String path, String contentType, JsonNode body)
      throws IOException, InterruptedException {
    return switch (api.send(method, path, contentType, body, ObjectMetadata.FORM)) {
      case Answer.Found<Outcome>(var outcome) -> {
        int status = outcome.status();
        if (status == HttpURLConnection.HTTP_NOT_FOUND
            || status == HttpURLConnection.HTTP_CONFLICT) {
          yield false;
        }
        if (status / 100 != 2) {
          throw new IOException(
              "%s %s: %d %s"
                  .formatted(
                      method,
                      path,
                      status,
                      ApiReader.shortened(outcome.body().path("message").asText())));
        }
        yield true;
      }
      case Answer.Missing<Outcome>(_, var detail) -> throw new IOException(detail);
    };
  }
}
