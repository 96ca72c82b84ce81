package io.drover.e2e;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** A server, an agent that was imported into it, and kubectl through both. */
record Installation(ControlPlane plane, Path directory, Peer peer, Import imported, Agent agent)
    implements AutoCloseable {
  /** Lets the server reach the targets of a test, which are not the API server. */
  static final Map<String, String> ALLOW_LOCAL = Map.of("DROVER_DIAL_ALLOW", "127.0.0.1:*");

  /** No checks by the server, so that the only streams are those of the test. */
  static final String[] NO_CHECKS = {"--ping-interval=1h", "--health-interval=1h"};

  /** The checks of Rancher, but more often. */
  static final String[] FREQUENT_CHECKS = {"--ping-interval=1s", "--health-interval=1s"};

  /**
   * Starts a peer, applies its manifest to the control plane, and starts the agent as the manifest
   * says. Both tunnels are up then.
   *
   * @param more variables for the agent
   * @param flags of the peer
   */
  static Installation start(
      ControlPlane plane,
      String name,
      String remotedialer,
      Map<String, String> more,
      String... flags)
      throws IOException, InterruptedException {
    var directory = Programs.directory(name + "-" + remotedialer);
    var peer = Peer.start(directory, remotedialer, flags);
    try {
      var imported = plane.apply(peer.manifest(), directory.resolve("pod"));
      var agent = Agent.start("agent", directory, plane, imported, more);
      try {
        agent.awaitReady(Agent.READY_LIMIT);
      } catch (AssertionError e) {
        agent.close();
        throw new AssertionError(e.getMessage() + "\n" + agent.process().tail(), e);
      }
      return new Installation(plane, directory, peer, imported, agent);
    } catch (AssertionError | IOException | InterruptedException e) {
      peer.close();
      throw e;
    }
  }

  /** One with each version of the tunnel library. */
  static List<Installation> startAll(
      ControlPlane plane, String name, Map<String, String> more, String... flags)
      throws IOException, InterruptedException {
    var all = new ArrayList<Installation>();
    for (String remotedialer : Peer.VERSIONS) {
      all.add(start(plane, name, remotedialer, more, flags));
    }
    return List.copyOf(all);
  }

  /** For the names of tests. */
  @Override
  public String toString() {
    return "remotedialer " + peer.remotedialer();
  }

  @Override
  public void close() {
    agent.close();
    peer.close();
  }
}
