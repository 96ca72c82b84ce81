package io.drover.agent.view;

import io.drover.agent.kube.Answer;
import java.util.Collection;

/** The cluster, at one moment or up to date. Never blocks. */
public interface ClusterView {
  /** All objects of a kind, in no order; or why there are none to be had. */
  <T> Answer<Collection<T>> all(Kind<T> kind);

  /** What is not a list: read once and again now and then. */
  Facts facts();
}
