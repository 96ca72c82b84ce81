package io.drover.agent;

import io.drover.agent.check.OwnGateway;
import io.drover.agent.check.Status;
import io.drover.agent.config.AuditConfig;
import io.drover.agent.config.CheckConfig;
import io.drover.agent.config.Secret;
import io.drover.agent.control.ControlClient;
import io.drover.agent.gateway.Gateway;
import io.drover.agent.gateway.GatewayIdentity;
import io.drover.agent.gateway.PolicyGate;
import io.drover.agent.gateway.audit.Recorder;
import io.drover.agent.gateway.policy.InForce;
import io.drover.agent.gateway.policy.Policy;
import io.drover.agent.gateway.policy.PolicyException;
import io.drover.agent.kube.ConfigMapWatch;
import io.drover.agent.kube.Fabric8ClusterApi;
import io.drover.agent.reason.Failure;
import io.drover.agent.reason.Reason;
import io.drover.agent.retry.Sleeper;
import io.drover.agent.tls.KeptTrust;
import io.drover.agent.tls.ServerDialer;
import io.drover.agent.tls.ServerHttp;
import io.drover.proto.handshake.ConnectParams;
import java.io.IOException;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Map;
import java.util.Optional;

/**
 * The gateway, as {@code drover-agent check} looks at it: with the gateway's own code, and without
 * a gateway. It reads, and writes nothing but a record without events.
 */
final class CheckedGateway implements OwnGateway {
  /** How the cluster is reached; that may fail, and is a step's to tell. */
  @FunctionalInterface
  interface Opening {
    Fabric8ClusterApi open() throws IOException;
  }

  private final CheckConfig config;
  private final ServerDialer dialer;
  private final Opening kube;
  private final InstantSource clock;

  CheckedGateway(CheckConfig config, ServerDialer dialer, Opening kube, InstantSource clock) {
    this.config = config;
    this.dialer = dialer;
    this.kube = kube;
    this.clock = clock;
  }

  private Optional<Map<String, Secret>> kept() throws IOException {
    return kube.open().shared(GatewayIdentity.SECRET).read();
  }

  @Override
  public Finding identity() throws IOException {
    String secret = "secret " + Fabric8ClusterApi.NAMESPACE + "/" + GatewayIdentity.SECRET;
    var kept = kept();
    if (kept.isEmpty()) {
      return Finding.warning("there is no " + secret + " yet: the agent makes it as it starts");
    }
    var end = GatewayIdentity.end(kept.get(), clock.instant());
    return end.isPresent()
        ? Finding.passed(secret + ": authority until " + end.get())
        : Finding.warning(
            secret
                + " is of no use, or near its end: the agent renews it, and tells the server anew");
  }

  @Override
  public ConnectParams params() throws IOException {
    var kept = kept();
    if (kept.isEmpty()) {
      throw new Failure(Reason.OTHER, "the gateway has no identity yet");
    }
    var told = GatewayIdentity.toldBy(kept.get());
    return new ConnectParams(Gateway.ADDRESS, told.token().value(), told.authorities());
  }

  @Override
  public Finding policy() throws IOException, InterruptedException {
    String map = "configmap " + Fabric8ClusterApi.NAMESPACE + "/" + PolicyGate.CONFIG_MAP;
    var there =
        ConfigMapWatch.read(
            kube.open().reader(), Fabric8ClusterApi.NAMESPACE, PolicyGate.CONFIG_MAP);
    var lines = new ArrayList<String>();
    String said = "there is no " + map + ": everything is passed on";
    if (there.isPresent()) {
      try {
        var policy = Policy.parse(there.get().data().getOrDefault(PolicyGate.KEY, ""));
        said = map + ": " + policy.summary();
        lines.addAll(policy.notes());
      } catch (PolicyException e) {
        throw new Failure(
            Reason.CONFIGURATION_INVALID,
            map + " is no policy: " + String.join("; ", e.problems()),
            e);
      }
    }
    InForce inForce;
    try {
      inForce = inForce();
    } catch (IOException e) {
      lines.add("whether it is in force is not known: " + e.getMessage());
      return new Finding(Status.PASSED, said, lines);
    }
    var state = there.isPresent() ? InForce.State.THERE : InForce.State.NONE;
    String revision = there.map(ConfigMapWatch.Content::revision).orElse("");
    boolean isNewest =
        inForce.state() == state
            && inForce.revision().equals(revision)
            && (state == InForce.State.NONE || inForce.goodRevision().equals(revision));
    if (isNewest && inForce.problems().isEmpty()) {
      lines.addFirst("it is in force in the agent here");
      return new Finding(Status.PASSED, said, lines);
    }
    lines.addFirst(
        "the agent here has not taken it, which it does within two seconds: see drover-agent policy"
            + " test");
    inForce.problems().forEach(lines::add);
    return new Finding(Status.WARNING, said, lines);
  }

  /** What the agent here says. */
  private InForce inForce() throws IOException {
    var socket = config.control().socket();
    if (socket.isEmpty()) {
      throw new IOException("DROVER_LOG_SOCKET is off");
    }
    var client = new ControlClient(socket.get(), Sleeper.REAL);
    return InForce.parse(client.read(ControlClient.POLICY, PolicyCommand.MAX_BYTES));
  }

  @Override
  public Finding audit() throws IOException {
    var audit = config.audit();
    if (audit.target() instanceof AuditConfig.Target.Off) {
      return Finding.skipped("DROVER_GATEWAY_AUDIT is off: requests are counted, and not recorded");
    }
    var trial =
        Recorder.tryOut(audit, new ServerHttp(dialer), KeptTrust.systemStore(config.paths()));
    return trial.isSure() ? Finding.passed(trial.said()) : Finding.warning(trial.said());
  }
}
