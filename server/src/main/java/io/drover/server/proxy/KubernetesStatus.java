package io.drover.server.proxy;

import com.fasterxml.jackson.databind.ObjectMapper;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;

/** Errors in the form that kubectl shows to people: a {@code Status} object. */
public final class KubernetesStatus {
  private static final ObjectMapper JSON = new ObjectMapper();

  private KubernetesStatus() {}

  /**
   * Answers a request.
   *
   * @param reason one of Kubernetes' words, as {@code NotFound}
   */
  public static void write(
      Response response, Callback callback, int code, String reason, String message) {
    var status =
        JSON.createObjectNode()
            .put("kind", "Status")
            .put("apiVersion", "v1")
            .put("status", "Failure")
            .put("message", message)
            .put("reason", reason)
            .put("code", code);
    status.putObject("metadata");
    response.setStatus(code);
    response.getHeaders().put(HttpHeader.CONTENT_TYPE, "application/json");
    response.getHeaders().put(HttpHeader.CACHE_CONTROL, "no-store");
    Content.Sink.write(response, true, status + "\n", callback);
  }
}
