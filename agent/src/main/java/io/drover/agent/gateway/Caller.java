package io.drover.agent.gateway;

import io.drover.agent.config.Secret;

/** Who asks. */
sealed interface Caller {
  /** The server, in its own name or in that of a user whom it names: with the opaque token. */
  record Server() implements Caller {}

  /**
   * The server as a service account, with a stand-in for its token: in the account's own name, or
   * in that of a user whom it names. Rancher has an account for each of its users, which may ask in
   * his name and do nothing else; whether it may, and whether the token is valid, the API server
   * says.
   *
   * @param token the cluster's own
   * @param user as the API server calls the account
   */
  record Account(Secret token, String user) implements Caller {}
}
