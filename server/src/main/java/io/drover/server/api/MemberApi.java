package io.drover.server.api;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.server.account.Members;
import io.drover.server.account.Members.Member;
import io.drover.server.account.Principal;
import io.drover.server.account.Rights;
import io.drover.server.account.Role;
import io.drover.server.store.Store;
import java.io.IOException;
import java.util.List;
import java.util.Objects;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.Fields;
import org.eclipse.jetty.util.URIUtil;
import org.eclipse.jetty.util.UrlEncoded;

/** {@code /v3/clusterroletemplatebindings}: members of clusters, in Norman's shapes. */
public final class MemberApi {
  static final String MEMBERS = "/v3/clusterroletemplatebindings";

  private final Store store;
  private final Members members;
  private final Rights rights;

  /** For the members of clusters of {@code store}. */
  public MemberApi(Store store, Members members, Rights rights) {
    this.store = store;
    this.members = members;
    this.rights = rights;
  }

  /** Where they are. */
  public List<Route> routes(Principals principals) {
    return List.of(Route.from(MEMBERS, principals.known(this::handle)));
  }

  private void handle(
      Request request, Response response, Callback callback, Principal who, String rest)
      throws IOException, RefusedException {
    var method = request.getMethod();
    if (rest.isEmpty()) {
      switch (method) {
        case "GET" -> list(request, response, callback, who);
        case "POST" -> put(request, response, callback, who);
        default -> Answers.notAllowed(response, callback);
      }
      return;
    }
    var id = URIUtil.decodePath(rest.substring(1)); // a client may write the colon as %3A
    var member =
        members
            .find(id)
            .filter(found -> rights.role(who, found.clusterId()).isPresent())
            .orElseThrow(() -> new RefusedException(404, "NotFound", "member not found"));
    switch (method) {
      case "GET" -> Answers.json(response, callback, 200, json(member));
      case "DELETE" -> {
        requireOwner(who, member.clusterId());
        members.remove(id);
        Answers.json(response, callback, 200, json(member));
      }
      default -> Answers.notAllowed(response, callback);
    }
  }

  private void list(Request request, Response response, Callback callback, Principal who)
      throws RefusedException {
    var fields = new Fields();
    UrlEncoded.decodeUtf8To(
        Objects.requireNonNullElse(request.getHttpURI().getQuery(), ""), fields);
    var clusterId = Objects.requireNonNullElse(fields.getValue("clusterId"), "");
    if (clusterId.isEmpty()) {
      throw new IllegalArgumentException("clusterId is missing: add ?clusterId=ID");
    }
    requireMember(who, clusterId);
    var collection =
        Answers.JSON
            .createObjectNode()
            .put("type", "collection")
            .put("resourceType", "clusterRoleTemplateBinding");
    var data = collection.putArray("data");
    members.of(clusterId).forEach(member -> data.add(json(member)));
    Answers.json(response, callback, 200, collection);
  }

  private void put(Request request, Response response, Callback callback, Principal who)
      throws IOException, RefusedException {
    var body = Answers.body(request);
    var clusterId = body.path("clusterId").asText("");
    AuditTrail.cluster(request, clusterId);
    requireMember(who, clusterId);
    requireOwner(who, clusterId);
    var role =
        Role.of(body.path("roleTemplateId").asText(""))
            .orElseThrow(
                () ->
                    new IllegalArgumentException("roleTemplateId must be one of " + Role.texts()));
    var member = members.put(clusterId, body.path("userId").asText(""), role);
    Answers.json(response, callback, 201, json(member));
  }

  private void requireMember(Principal who, String clusterId) throws RefusedException {
    if (rights.role(who, clusterId).isEmpty() || store.cluster(clusterId).isEmpty()) {
      throw new RefusedException(404, "NotFound", "cluster not found: " + clusterId);
    }
  }

  private void requireOwner(Principal who, String clusterId) throws RefusedException {
    if (!rights.owns(who, clusterId)) {
      throw Access.refused("only an owner of the cluster may do this");
    }
  }

  private static ObjectNode json(Member member) {
    return Answers.JSON
        .createObjectNode()
        .put("type", "clusterRoleTemplateBinding")
        .put("id", member.id())
        .put("clusterId", member.clusterId())
        .put("userId", member.userId())
        .put("username", member.username())
        .put("roleTemplateId", member.role().text());
  }
}
