package io.drover.agent.gateway;

import io.drover.agent.gateway.policy.RequestInfo;
import io.drover.agent.gateway.policy.Requester;
import io.drover.agent.gateway.policy.Standing;
import io.drover.steve.kube.Guard;
import io.drover.steve.kube.Limits;
import io.drover.steve.kube.Reach;
import io.drover.steve.kube.Refusal;
import io.drover.steve.kube.User;
import java.net.HttpURLConnection;
import java.util.List;
import java.util.Optional;

/**
 * The gateway's policy, for what users are shown and may do past the gateway: by the Explorer,
 * which asks in their names.
 */
final class ExplorerGuard implements Guard {
  private final PolicyGate gate;

  ExplorerGuard(PolicyGate gate) {
    this.gate = gate;
  }

  @Override
  public Limits of(User user) throws Refusal {
    Optional<Standing> standing;
    try {
      standing = gate.standing();
    } catch (RefusedException e) {
      throw new Refusal(
          HttpURLConnection.HTTP_UNAVAILABLE,
          "ServiceUnavailable",
          "the agent cannot answer yet: " + e.getMessage() + ": try again in a few seconds");
    }
    return standing.isEmpty() ? Limits.NONE : new Policed(standing.get(), requester(user));
  }

  private static Requester requester(User user) throws Refusal {
    try {
      return PolicyGate.requester(List.of(user.name()), user.groups());
    } catch (RefusedException e) {
      throw new Refusal(
          HttpURLConnection.HTTP_BAD_REQUEST, "BadRequest", String.valueOf(e.getMessage()));
    }
  }

  /** What limits one user. */
  private record Policed(Standing standing, Requester requester) implements Limits {
    @Override
    public void check(String method, String target) throws Refusal {
      var decision = standing.decide(requester, RequestInfo.of(method, target));
      if (!decision.allowed()) {
        throw Refusal.guarded(decision.message());
      }
    }

    @Override
    public void checkFree() throws Refusal {
      var denial = standing.denial(requester);
      if (denial.isPresent()) {
        throw Refusal.guarded(
            requester.title()
                + " cannot have a kubectl shell, in which the gateway's policy would not hold, and it"
                + " denies something: "
                + denial.get()
                + "; kubectl on your own computer, through Rancher, is the other way");
      }
    }

    @Override
    public Reach reach(String verb, String group, String resource) {
      return standing.reach(requester, verb, group, resource);
    }
  }
}
