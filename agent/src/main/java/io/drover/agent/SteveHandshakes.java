package io.drover.agent;

import io.drover.agent.tunnel.DialPolicy;
import io.drover.agent.tunnel.Handshake;
import io.drover.agent.tunnel.TunnelClient.Handshakes;
import io.drover.proto.handshake.TunnelHeaders;
import java.io.IOException;
import java.util.Map;
import java.util.Optional;

/** What the steve tunnel says to the server: who we are. Not while a Rancher is beside us. */
final class SteveHandshakes implements Handshakes {
  private final AgentContext context;

  SteveHandshakes(AgentContext context) {
    this.context = context;
  }

  @Override
  public void startAfresh() {
    context.forgetSessions();
  }

  @Override
  public Optional<Handshake> next() throws IOException {
    if (context.config().features().provisioningPrebootstrap() || context.rancherExists()) {
      return Optional.empty();
    }
    var credentials = context.credentials();
    return Optional.of(
        new Handshake(
            Handshake.endpoint(credentials.url(), TunnelHeaders.CONNECT_PATH),
            Map.of(
                TunnelHeaders.AUTHORIZATION,
                TunnelHeaders.steveAuthorization(credentials.token().value())),
            context.trust().context(),
            DialPolicy.everything()));
  }
}
