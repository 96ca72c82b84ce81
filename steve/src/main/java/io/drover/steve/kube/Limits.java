package io.drover.steve.kube;

/**
 * What limits one user beside his roles, as it was at one moment. Two that are equal limit alike.
 * Any thread; never blocks.
 */
public interface Limits {
  /** Nothing does. */
  Limits NONE =
      new Limits() {
        @Override
        public void check(String method, String target) {}

        @Override
        public void checkFree() {}

        @Override
        public Reach reach(String verb, String group, String resource) {
          return Reach.ALL;
        }
      };

  /**
   * Refuses a request in his name that may not be made.
   *
   * @param target path and query, as the API server gets them
   * @throws Refusal if it may not; it says why, and whom to ask
   */
  void check(String method, String target) throws Refusal;

  /**
   * Refuses what is done where nothing limits him, such as in a shell in the cluster.
   *
   * @throws Refusal if he is limited in anything
   */
  void checkFree() throws Refusal;

  /** What of the objects of a type a verb may reach. */
  Reach reach(String verb, String group, String resource);

  /** Whether a request in his name may be made. */
  default boolean permits(String method, String target) {
    try {
      check(method, target);
      return true;
    } catch (Refusal _) {
      return false;
    }
  }
}
