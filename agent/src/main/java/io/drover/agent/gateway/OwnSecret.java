package io.drover.agent.gateway;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import io.drover.agent.gateway.policy.RequestInfo;
import io.drover.agent.kube.Fabric8ClusterApi;
import java.net.URLDecoder;
import java.util.List;
import java.util.Set;

/**
 * Our own Secret is not the server's to change: neither by its name, nor among others, nor with all
 * that is in its namespace. Whatever the policy says.
 */
final class OwnSecret {
  private static final String NAMESPACES = "namespaces";
  private static final String DELETE_MANY = "deletecollection";
  private static final Set<String> CHANGES = Set.of("create", "update", "patch", "delete");
  private static final Set<String> DELETIONS = Set.of("delete", DELETE_MANY);

  private OwnSecret() {}

  /**
   * Refuses what would change it, as far as the head says so; the name of what is created is in the
   * body.
   *
   * @throws RefusedException if that is asked for, or may be
   */
  static void requireKept(String method, String target) throws RefusedException {
    switch (RequestInfo.of(method, target)) {
      case RequestInfo.Resource asked when asked.group().isEmpty() -> requireKept(asked);
      case RequestInfo.Resource _, RequestInfo.NonResource _ -> {}
      case RequestInfo.Unresolved(var reason) -> {
        if (method.equals("DELETE") && mayBeOurs(target)) {
          throw RefusedException.badRequest(
              "it may delete namespace %s, and is not clear: %s"
                  .formatted(Fabric8ClusterApi.NAMESPACE, reason));
        }
      }
    }
  }

  private static void requireKept(RequestInfo.Resource asked) throws RefusedException {
    if (asked.resource().equals(TokenPath.SECRETS)) {
      if (CHANGES.contains(asked.verb()) && is(asked.namespace(), asked.name())) {
        throw isOurs("");
      }
      // Selectors say little of what they leave: its labels may be changed by others.
      if (asked.verb().equals(DELETE_MANY)
          && Set.of("", Fabric8ClusterApi.NAMESPACE).contains(asked.namespace())) {
        throw isOurs("it is among these Secrets, which can be deleted by name: ");
      }
    }
    if (asked.resource().equals(NAMESPACES)
        && asked.subresource().isEmpty()
        && DELETIONS.contains(asked.verb())
        && Set.of("", Fabric8ClusterApi.NAMESPACE).contains(asked.name())) {
      throw isOurs("it is in namespace %s: ".formatted(Fabric8ClusterApi.NAMESPACE));
    }
  }

  /** Whether it is that one. */
  static boolean is(String namespace, String name) {
    return namespace.equals(Fabric8ClusterApi.NAMESPACE) && name.equals(GatewayIdentity.SECRET);
  }

  /** The refusal. */
  static RefusedException isOurs(String why) {
    return new RefusedException(
        403,
        "Forbidden",
        "%ssecret %s is the gateway's own: change it at the API server itself"
            .formatted(why, GatewayIdentity.SECRET));
  }

  /** Whether any part of the path, read in any way, could be taken for our namespace. */
  private static boolean mayBeOurs(String target) {
    int mark = target.indexOf('?');
    String path = mark < 0 ? target : target.substring(0, mark);
    return List.of(decoded(path).split("[/;]", -1)).contains(Fabric8ClusterApi.NAMESPACE);
  }

  private static String decoded(String path) {
    try {
      return URLDecoder.decode(path.replace("+", "%2B"), ISO_8859_1);
    } catch (IllegalArgumentException _) {
      return path; // nobody else can decode it either
    }
  }
}
