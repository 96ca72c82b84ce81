package io.drover.server.api;

import java.util.List;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;

/** What the server says of itself, to everybody. Paths are Rancher's. */
public final class ServerApi {
  private final Installation installation;

  /** Of this one. */
  public ServerApi(Installation installation) {
    this.installation = installation;
  }

  /** Where that is. */
  public List<Route> routes() {
    return List.of(
        Route.at("/", (_, response, callback, _) -> root(response, callback)),
        Route.at(
            "/ping", (_, response, callback, _) -> Answers.text(response, callback, 200, "pong")),
        Route.at(
            "/healthz", (_, response, callback, _) -> Answers.text(response, callback, 200, "ok")),
        Route.at(
            "/v3/settings/cacerts", (_, response, callback, _) -> authority(response, callback)));
  }

  private void root(Response response, Callback callback) {
    Answers.json(
        response,
        callback,
        200,
        Answers.JSON
            .createObjectNode()
            .put("type", "apiRoot")
            .put("product", "drover-server")
            .put("version", installation.version()));
  }

  private void authority(Response response, Callback callback) {
    Answers.json(
        response,
        callback,
        200,
        Answers.JSON
            .createObjectNode()
            .put("type", "setting")
            .put("id", "cacerts")
            .put("value", installation.caPem()));
  }
}
