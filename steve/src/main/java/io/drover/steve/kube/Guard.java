package io.drover.steve.kube;

/**
 * What limits users beside their roles: a policy of the cluster's owner, who may change it at any
 * time. Any thread; never blocks.
 */
@FunctionalInterface
public interface Guard {
  /** Nothing does. */
  Guard NONE = _ -> Limits.NONE;

  /**
   * What limits a user now.
   *
   * @throws Refusal if that is not known yet, or his name is none to the API server
   */
  Limits of(User user) throws Refusal;
}
