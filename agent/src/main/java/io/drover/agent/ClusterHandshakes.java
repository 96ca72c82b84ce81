package io.drover.agent;

import io.drover.agent.config.KubeConfig;
import io.drover.agent.config.Secret;
import io.drover.agent.gateway.Gateway;
import io.drover.agent.kube.AccessProof;
import io.drover.agent.kube.AggregationSecret;
import io.drover.agent.kube.ClusterAccess;
import io.drover.agent.log.ChangeLog;
import io.drover.agent.reason.Problem;
import io.drover.agent.tunnel.DialPolicy;
import io.drover.agent.tunnel.Handshake;
import io.drover.agent.tunnel.TunnelClient.Handshakes;
import io.drover.proto.handshake.ConnectParams;
import io.drover.proto.handshake.TunnelHeaders;
import java.io.IOException;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What the cluster tunnel says to the server: how to reach the API server, or our gateway. */
final class ClusterHandshakes implements Handshakes {
  private static final Logger log = LoggerFactory.getLogger(ClusterHandshakes.class);

  private final AgentContext context;
  private final ChangeLog written = ChangeLog.ofLoop(log, System::nanoTime);
  private final @Nullable Gateway gateway;
  private volatile @Nullable Handshake registered;

  ClusterHandshakes(AgentContext context, @Nullable Gateway gateway) {
    this.context = context;
    this.gateway = gateway;
  }

  /** How the server reaches the cluster: the API server, or the gateway in its place. */
  private ConnectParams params() throws IOException, InterruptedException {
    if (gateway != null) {
      var told = gateway.identity().told();
      return new ConnectParams(Gateway.ADDRESS, told.token().value(), told.authorities());
    }
    var access = context.kube().access();
    return new ConnectParams(access.address(), access.token().value(), access.caCert());
  }

  private DialPolicy policy(String address) {
    var allowed = context.config().tunnel().dialAllow();
    return gateway == null
        ? DialPolicy.apiServerAnd(address, allowed)
        : DialPolicy.gatewayAnd(address, allowed);
  }

  @Override
  public Optional<Handshake> next() throws IOException, InterruptedException {
    var credentials = context.credentials();
    var params = params();
    var again =
        new Handshake(
            Handshake.endpoint(credentials.url(), TunnelHeaders.CONNECT_PATH),
            Map.of(
                TunnelHeaders.TOKEN, credentials.token().value(),
                TunnelHeaders.PARAMS, params.toHeader()),
            context.trust().context(),
            policy(params.address()));
    var known = registered;
    if (context.config().features().connectOnly() || (known != null && known.carriesSame(again))) {
      return Optional.of(again);
    }
    var url = Handshake.endpoint(credentials.url(), TunnelHeaders.REGISTER_PATH);
    return Optional.of(new Handshake(url, again.headers(), again.trust(), again.policy()));
  }

  @Override
  public void startAfresh() {
    context.forgetSessions();
  }

  /**
   * With a kubeconfig the address may be one that only the server's end of it knows. What the
   * gateway tells is its own.
   */
  @Override
  public void prove(Handshake before, Handshake news) throws IOException {
    String params = news.headers().getOrDefault(TunnelHeaders.PARAMS, "");
    if (gateway == null
        && context.config().kube() instanceof KubeConfig.InCluster
        && !params.equals(before.headers().get(TunnelHeaders.PARAMS))) {
      var told = ConnectParams.fromHeader(params);
      AccessProof.require(
          new ClusterAccess(told.address(), new Secret(told.token()), told.caCert()));
    }
  }

  @Override
  public void accepted(Handshake handshake) {
    registered = handshake;
    try {
      var credentials = context.credentials();
      context
          .kube()
          .write(
              new AggregationSecret(
                  credentials.url(),
                  credentials.token(),
                  context.trust().caChecksum(),
                  context.trust().caBundle().orElse(""),
                  context.trust().isStrictlyTrusted(credentials.url())));
      written.works("aggregation secret written after all");
    } catch (IOException e) {
      var problem = Problem.of(e);
      written.bad(
          problem.reason().code(), "aggregation secret not written: reason=" + problem.text());
    }
  }
}
