package io.drover.agent.tunnel;

import io.drover.agent.config.DialRule;
import java.io.IOException;
import java.util.List;

/** Which targets the server may reach through a tunnel. A refusal closes that stream only. */
public interface DialPolicy {
  /** Whether the target may be dialled. Must not wait: asked by the reader thread. */
  boolean allows(String network, String address);

  /** Everything: for a tunnel whose dialler never leaves the process. */
  static DialPolicy everything() {
    return (_, _) -> true;
  }

  /** TCP to the API server, and to whatever the rules name. */
  static DialPolicy apiServerAnd(String apiServer, List<DialRule> rules) {
    return (network, address) -> {
      if (!network.equals("tcp")) {
        return false;
      }
      if (address.equals(apiServer)) {
        return true;
      }
      try {
        var target = HostPort.parse(address);
        return rules.stream().anyMatch(rule -> rule.matches(target.host(), target.port()));
      } catch (IOException e) {
        return false;
      }
    };
  }
}
