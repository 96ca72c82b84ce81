package io.drover.agent.gateway;

import io.drover.agent.gateway.policy.RequestInfo;
import io.drover.agent.gateway.policy.Requester;
import io.drover.agent.gateway.policy.Standing;
import io.drover.agent.gateway.standin.StandIns;
import io.drover.steve.http.Fields;
import io.drover.steve.kube.ApiRequest;
import io.drover.steve.kube.Guard;
import io.drover.steve.kube.Limits;
import io.drover.steve.kube.Reach;
import io.drover.steve.kube.Refusal;
import io.drover.steve.kube.User;
import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.util.List;
import java.util.Optional;

/**
 * The gateway's policy, for what users are shown and may do past the gateway: by the Explorer,
 * which asks in their names. And its stand-ins, in whoever's name is asked, since what the agent
 * reads in its own is shown to them too.
 */
final class ExplorerGuard implements Guard {
  /** Where stand-ins come from. */
  interface Source {
    /**
     * Those of now. Does not block.
     *
     * @throws IOException if there are none yet
     */
    StandIns standIns() throws IOException;
  }

  private final PolicyGate gate;
  private final Source source;

  ExplorerGuard(PolicyGate gate, Source source) {
    this.gate = gate;
    this.source = source;
  }

  @Override
  public ApiRequest sent(ApiRequest request) throws Refusal {
    try {
      OwnSecret.requireKept(request.method(), request.target());
      var asked = TokenPath.of(request.method(), request.target());
      if (asked.isEmpty() || request.body().isEmpty()) {
        return request;
      }
      var body = request.body().get();
      var fields = new Fields().add("Content-Type", body.contentType());
      return request.with(
          new ApiRequest.Body(
              body.contentType(),
              SecretWrites.body(body.bytes(), fields, asked.get(), standIns())));
    } catch (RefusedException e) {
      throw refusal(e);
    }
  }

  @Override
  public InputStream shown(ApiRequest request, String contentType, InputStream body)
      throws IOException {
    try {
      if (TokenPath.of(request.method(), request.target()).isEmpty()) {
        return body;
      }
    } catch (RefusedException e) {
      throw refusal(e);
    }
    if (!JsonOnly.isJson(new Fields().add("Content-Type", contentType))) {
      throw new IOException("the API server's answer is not in JSON, and may have tokens");
    }
    return standIns().answer(body);
  }

  private StandIns standIns() throws Refusal {
    try {
      return source.standIns();
    } catch (IOException e) {
      throw unavailable(e);
    }
  }

  private static Refusal refusal(RefusedException refused) {
    return new Refusal(refused.code(), refused.reason(), String.valueOf(refused.getMessage()));
  }

  private static Refusal unavailable(IOException why) {
    return new Refusal(
        HttpURLConnection.HTTP_UNAVAILABLE,
        "ServiceUnavailable",
        "the agent cannot answer yet: " + why.getMessage() + ": try again in a few seconds");
  }

  @Override
  public Limits of(User user) throws Refusal {
    Optional<Standing> standing;
    try {
      standing = gate.standing();
    } catch (RefusedException e) {
      throw unavailable(e);
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
                + " cannot have a kubectl shell, in which the gateway's policy would not hold, and"
                + " it denies something: "
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
