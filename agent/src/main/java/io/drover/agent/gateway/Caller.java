package io.drover.agent.gateway;

import io.drover.agent.config.Secret;

/** Who asks. */
sealed interface Caller {
  /** The server, in its own name or in that of a user whom it names: with the opaque token. */
  record Server() implements Caller {}

  /**
   * The server with the token of a service account that it has made in this cluster for a user. Its
   * token is the cluster's own and is passed on as it is: whether it is valid the API server says.
   *
   * @param user whose token it says it is
   */
  record Account(Secret token, String user) implements Caller {}
}
