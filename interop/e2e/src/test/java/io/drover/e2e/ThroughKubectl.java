package io.drover.e2e;

import java.io.IOException;

/** What kubectl must be able to do, whichever way its requests take to the API server. */
interface ThroughKubectl {
  /** Of one way, with names of its own. */
  ClusterUse use(Installation installation) throws IOException;

  @WithEachPeer
  default void appliesGetsAndDeletes(Installation installation) throws Exception {
    use(installation).appliesGetsAndDeletes();
  }

  @WithEachPeer
  default void runsCommandsInPods(Installation installation) throws Exception {
    use(installation).runsCommandsInPods();
  }

  @WithEachPeer
  default void followsLogs(Installation installation) throws Exception {
    use(installation).followsLogs();
  }

  @WithEachPeer
  default void copiesBigFiles(Installation installation) throws Exception {
    use(installation).copiesBigFiles();
  }

  @WithEachPeer
  default void forwardsPorts(Installation installation) throws Exception {
    use(installation).forwardsPorts();
  }
}
