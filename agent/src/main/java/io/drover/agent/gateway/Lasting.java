package io.drover.agent.gateway;

import io.drover.agent.gateway.policy.RequestInfo;
import java.util.regex.Pattern;

/** Which requests are answered for as long as somebody listens: watches, and logs as they grow. */
final class Lasting {
  private static final Pattern FOLLOW = Pattern.compile("[?&]follow=(true|1)(&|$)");

  private Lasting() {}

  /** Whether it is such. What only may be one is none: it has a connection of its own then. */
  static boolean is(RequestHead head) {
    String target = head.target();
    if (!head.method().equals("GET") || head.length() != 0 || !head.upgrade().isEmpty()) {
      return false;
    }
    if (!target.contains("watch") && !target.contains("follow")) {
      return false; // most are not, and need not be looked at
    }
    return RequestInfo.of(head.method(), target) instanceof RequestInfo.Resource resource
        && (resource.verb().equals("watch")
            || (resource.combined().equals("pods/log") && FOLLOW.matcher(target).find()));
  }
}
