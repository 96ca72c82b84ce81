package io.drover.agent.tunnel;

import io.drover.agent.config.DialRule;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/** Which targets the server may reach through a tunnel. A refusal closes that stream only. */
public interface DialPolicy {
  /** The rule of {@link #apiServerAnd} that is not the operator's. */
  String API_SERVER = "api-server";

  /** The same of {@link #gatewayAnd}. */
  String GATEWAY = "gateway";

  /**
   * The rule by which the target may be dialled, for the log; empty: it may not. Must not wait:
   * asked by the reader thread.
   */
  Optional<String> rule(String network, String address);

  /** Everything: for a tunnel whose dialler never leaves the process. */
  static DialPolicy everything() {
    return (_, _) -> Optional.of("everything");
  }

  /** TCP to the API server, and to whatever the rules name. */
  static DialPolicy apiServerAnd(String apiServer, List<DialRule> rules) {
    return alwaysAnd(API_SERVER, apiServer, rules);
  }

  /**
   * The gateway in the API server's place, which itself may then be dialled only if a rule names
   * it.
   */
  static DialPolicy gatewayAnd(String gateway, List<DialRule> rules) {
    return alwaysAnd(GATEWAY, gateway, rules);
  }

  private static DialPolicy alwaysAnd(String rule, String always, List<DialRule> rules) {
    return (network, address) -> {
      if (!network.equals("tcp")) {
        return Optional.empty();
      }
      if (address.equals(always)) {
        return Optional.of(rule);
      }
      try {
        var target = HostPort.parse(address);
        return rules.stream()
            .filter(one -> one.matches(target.host(), target.port()))
            .map(DialRule::text)
            .findFirst();
      } catch (IOException e) {
        return Optional.empty();
      }
    };
  }
}
