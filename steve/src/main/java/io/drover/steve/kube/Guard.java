package io.drover.steve.kube;

import java.io.IOException;
import java.io.InputStream;

/**
 * What limits users beside their roles: a policy of the cluster's owner, who may change it at any
 * time; and what of the API server's answers is shown to nobody. Any thread; never blocks.
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

  /**
   * A request as the API server is to have it, in whoever's name it is: what {@link #shown} has put
   * in the place of something is that again.
   *
   * @throws Refusal if it cannot be, or what is asked for is nobody's to change
   */
  default ApiRequest sent(ApiRequest request) throws Refusal {
    return request;
  }

  /**
   * The body of an answer, with other texts in place of those that are shown to nobody. To be read
   * as it comes; closing it closes what it was made of.
   *
   * @param contentType as the API server says it; empty if it says none
   * @throws IOException if there may be such texts in it, and they cannot be found
   */
  default InputStream shown(ApiRequest request, String contentType, InputStream body)
      throws IOException {
    return body;
  }
}
