package io.drover.steve.api;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.steve.http.Answer;
import io.drover.steve.kube.ApiRequest;
import io.drover.steve.kube.ApiServer;
import io.drover.steve.kube.Json;
import io.drover.steve.kube.Refusal;
import io.drover.steve.kube.User;
import io.drover.steve.shell.Shell;
import io.drover.steve.shell.Shells;
import io.drover.steve.ws.Handshake;
import java.io.IOException;
import java.time.Clock;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Clusters that Rancher manages. A managed one has none but itself, by the name {@code local}, for
 * what is done with a cluster as a whole: whoever may read that object sees it, and anybody may ask
 * for what can be done with it, since that is done in his own name.
 */
public final class ClusterStore implements Store {
  private static final String LOCAL = "local";
  private static final String GROUP = "management.cattle.io";
  private static final String APPLY = "apply";
  private static final String SHELL = "shell";
  private static final String VERSION = "/version";

  private final ApiServer api;
  private final Shells shells;
  private final Import importing;

  /** Asks nothing yet. */
  public ClusterStore(ApiServer api, Shells shells, Clock clock) {
    this.api = api;
    this.shells = shells;
    this.importing = new Import(api, clock);
  }

  @Override
  public void list(Call call) throws IOException {
    Envelope.send(call, sees(call) ? List.of(local(call)) : List.of());
  }

  @Override
  public boolean isLink(Call call) {
    return call.method().equals("GET")
        && call.name().equals(LOCAL)
        && call.query().first("link").equals(SHELL);
  }

  @Override
  public void get(Call call) throws IOException {
    if (isLink(call)) {
      shell(call);
      return;
    }
    if (!call.name().equals(LOCAL) || !sees(call)) {
      throw new Refusal(404, "NotFound", "not found");
    }
    call.reply().object(200, local(call), call.links());
  }

  private void shell(Call call) throws IOException {
    var request = call.request().fields();
    if (!Handshake.isAsked(request)) {
      call.reply().badUpgrade();
      return;
    }
    if (!Handshake.isOwnPage(request)) {
      throw new Refusal(403, "Forbidden", "the page that asks is another site's");
    }
    if (call.user().name().equals(User.NOBODY)) {
      throw new Refusal(403, "Forbidden", "nobody has a shell: the server does not name its user");
    }
    var shell = shells.open(call.user(), request);
    call.reply().upgrade(shell.agreed(), new InShell(shell));
  }

  /** What is typed, and what is answered. */
  private record InShell(Shell shell) implements Reply.Talk {
    @Override
    public void on(Answer.Upgraded browser) throws IOException {
      shell.relay(browser.in(), browser.out());
    }

    @Override
    public void close() {
      shell.close();
    }
  }

  @Override
  public void action(Call call, String action) throws IOException {
    if (call.name().equals(LOCAL) && action.equals(APPLY)) {
      importing.answer(call);
    } else {
      Store.super.action(call, action);
    }
  }

  private static boolean sees(Call call) {
    return call.schemas().access().grants("get", GROUP, "clusters", "", LOCAL);
  }

  /** Whether there is anything that he may make or change. */
  private static boolean mayImport(Call call) {
    return call.schemas().all().stream()
        .filter(schema -> schema.type().isPresent())
        .anyMatch(
            schema ->
                schema.collectionMethods().contains("POST")
                    || schema.resourceMethods().contains("PATCH"));
  }

  private ObjectNode local(Call call) throws IOException {
    var content = Json.MAPPER.createObjectNode();
    String self = call.links().object(call.schema().pluralName(), LOCAL);
    if (mayImport(call)) {
      content.putObject("actions").put(APPLY, self + "?action=" + APPLY);
    }
    content.put("apiVersion", GROUP + "/v3");
    content.put("kind", "Cluster");
    content.putObject("metadata").put("name", LOCAL);
    content.putObject("spec").put("displayName", "Local Cluster").put("internal", true);
    var status = content.putObject("status");
    status.put("driver", LOCAL);
    var limits = call.schemas().access().limits();
    if (limits.permits("GET", VERSION)) { // asked in our own name
      try (var answer = api.send(ApiRequest.get(VERSION, ApiRequest.JSON))) {
        status.set("version", Json.object(answer.body()));
      }
    }
    status.putArray("conditions").addObject().put("type", "Ready").put("status", "True");
    var links = new TreeMap<>(Map.of("self", self));
    if (shells.enabled() && shells.isOpenTo(call.user())) {
      links.put(SHELL, self + "?link=" + SHELL);
    }
    return Envelope.of(LOCAL, call.schema().id(), links, content);
  }
}
