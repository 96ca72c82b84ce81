package io.drover.agent;

import io.drover.agent.config.Secret;
import io.drover.agent.duty.Duties;
import io.drover.agent.health.ReportReading;
import io.drover.agent.kube.ApiReader;
import io.drover.agent.kube.ApiWriter;
import io.drover.agent.kube.Fabric8ClusterApi;
import io.drover.agent.kube.Leadership;
import io.drover.agent.node.NodePoller;
import io.drover.agent.reason.Problem;
import io.drover.agent.report.Reporter;
import io.drover.agent.report.Reports;
import io.drover.agent.retry.Sleeper;
import io.drover.agent.view.Kinds;
import io.drover.agent.view.LiveView;
import io.drover.agent.view.Service;
import io.drover.proto.report.ClusterReport;
import java.io.IOException;
import java.net.URI;
import java.security.SecureRandom;
import java.time.Clock;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;

/** The view of the cluster we are in, and what is made of it: reports and duties. */
final class OwnCluster implements AutoCloseable {
  /** Held by the replica that writes reports. */
  static final String LEASE = "drover-agent";

  private final AgentContext context;
  private final ApiReader api;
  private final AtomicReference<Runnable> changed = new AtomicReference<>(() -> {});
  private final LiveView view;
  private final Leadership leadership;
  private final @Nullable NodePoller nodes;
  private final @Nullable Reporter reporter;
  private final Supplier<SortedMap<String, Problem>> others;
  private final Duties duties;

  /** With features of others that do not work, and the gateway. */
  OwnCluster(
      AgentContext context,
      Tunnels tunnels,
      Supplier<SortedMap<String, Problem>> others,
      Supplier<Optional<ClusterReport.Gateway>> gateway) {
    this.context = context;
    this.api = context.kube().reader();
    this.others = others;
    var config = context.config();
    Runnable onChange = () -> changed.get().run();
    view =
        LiveView.start(
            api,
            Reports.survey(
                config.report(), Fabric8ClusterApi.NAMESPACE, context.kube()::servingCertificates),
            Clock.systemUTC(),
            Sleeper.REAL,
            new SecureRandom(),
            onChange);
    leadership = context.kube().standForElection(LEASE, identity(config.duty().pod()), onChange);
    nodes =
        config.report().enabled() && !config.nodeAgents().addresses().isEmpty()
            ? NodePoller.start(
                config.nodeAgents(),
                leadership::leads,
                onChange,
                context.trust()::bundleDigest,
                System::nanoTime,
                Sleeper.REAL)
            : null;
    reporter = config.report().enabled() ? reporter(tunnels, gateway) : null;
    if (reporter != null) {
      changed.set(reporter::changed);
    }
    duties =
        Duties.start(
            config.duty(),
            view,
            () -> Reports.nodeAnnotations(view),
            tunnels::problems,
            this::degradedBesideDuties,
            leadership::leads,
            new ApiWriter(api, Clock.systemUTC()),
            Clock.systemUTC(),
            Sleeper.REAL);
  }

  private Reporter reporter(Tunnels tunnels, Supplier<Optional<ClusterReport.Gateway>> gateway) {
    return Reports.start(
        context.config().report(),
        view,
        api,
        Fabric8ClusterApi.NAMESPACE,
        leadership::leads,
        () -> List.of(Readings.health(tunnels.cluster()), Readings.health(tunnels.steve())),
        () -> nodes == null ? Optional.empty() : nodes.snapshots(),
        gateway,
        this::clusterId,
        Version.text(),
        context.serverDialer(),
        new ServerOfTunnels(context));
  }

  /** The pod's name, by which people know it, and something that no other life of it has. */
  private static String identity(String pod) {
    return (pod.isEmpty() ? String.valueOf(ProcessHandle.current().pid()) : pod)
        + "_"
        + UUID.randomUUID();
  }

  private String clusterId() {
    try {
      return context.credentials().namespace();
    } catch (IOException _) {
      return "";
    }
  }

  /** By the mirrored Services, which cost no request; asks if they cannot be read. */
  boolean rancherExists() {
    return view.all(Kinds.SERVICES)
        .map(
            services ->
                services.stream().anyMatch(service -> service.fullName().equals(Service.RANCHER)))
        .found()
        .orElseGet(context::rancherExists);
  }

  /** By the names of the chart's rights.yaml. */
  SortedMap<String, Problem> degraded() {
    var found = duties.problems();
    found.putAll(degradedBesideDuties());
    return found;
  }

  private SortedMap<String, Problem> degradedBesideDuties() {
    var found = others.get();
    leadership.problem().ifPresent(problem -> found.put("leader", problem));
    if (nodes != null) {
      nodes.problem().ifPresent(problem -> found.put("nodes", problem));
    }
    if (reporter != null) {
      found.putAll(reporter.problems());
    }
    return found;
  }

  ReportReading reading() {
    return new ReportReading(
        reporter == null ? null : reporter.last().orElse(null),
        leadership.leads(),
        api.requests(),
        (reporter == null ? List.<Reporter.SinkReading>of() : reporter.sinks())
            .stream()
                .map(
                    sink ->
                        new ReportReading.Sink(sink.sink(), sink.failures(), sink.lastSuccess()))
                .toList());
  }

  @Override
  public void close() {
    duties.close();
    if (reporter != null) {
      reporter.close();
    }
    if (nodes != null) {
      nodes.close();
    }
    leadership.close();
    view.close();
  }

  /** For reports that go to the server itself. */
  private record ServerOfTunnels(AgentContext context) implements Reports.Server {
    @Override
    public URI url() throws IOException {
      return context.credentials().url();
    }

    @Override
    public Secret token() throws IOException {
      return context.credentials().token();
    }

    @Override
    public SSLContext trust() throws IOException {
      return context.trust().context();
    }
  }
}
