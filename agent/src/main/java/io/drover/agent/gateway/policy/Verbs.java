package io.drover.agent.gateway.policy;

import java.util.Set;

/** The verbs that a request can have. There are others in roles, of which no request is made. */
public final class Verbs {
  /** All of them. */
  static final String ALL = "*";

  public static final String CREATE = "create";

  /** Of requests for resources. */
  public static final Set<String> RESOURCE =
      Set.of(
          "get", "list", "watch", CREATE, "update", "patch", "delete", "deletecollection", "proxy");

  /** Of other requests: HTTP's methods. */
  public static final Set<String> NON_RESOURCE =
      Set.of("get", "head", "post", "put", "patch", "delete", "options");

  /** Those that reach as many objects as there are, unless a name is given. */
  static final Set<String> OF_MANY = Set.of("list", "watch", "deletecollection");

  private Verbs() {}
}
