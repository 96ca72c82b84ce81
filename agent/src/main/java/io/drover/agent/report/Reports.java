package io.drover.agent.report;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.fasterxml.jackson.dataformat.yaml.YAMLGenerator;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import io.drover.agent.config.ReportConfig;
import io.drover.agent.config.Secret;
import io.drover.agent.kube.ApiReader;
import io.drover.agent.reason.Failure;
import io.drover.agent.reason.Reason;
import io.drover.agent.tls.ServerDialer;
import io.drover.agent.tls.ServerHttp;
import io.drover.agent.view.ClusterView;
import io.drover.agent.view.Kinds;
import io.drover.agent.view.LiveView;
import io.drover.agent.view.Survey;
import io.drover.agent.view.SurveyConfig;
import io.drover.proto.report.ClusterReport;
import io.drover.proto.report.ClusterReport.AgentIdentity;
import io.drover.proto.report.Health;
import io.drover.proto.report.NodeSnapshot;
import io.drover.proto.report.ReportJson;
import java.io.IOException;
import java.net.URI;
import java.security.SecureRandom;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.UUID;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Supplier;
import javax.net.ssl.SSLContext;

/** Where the rest of the agent comes to the reports. */
public final class Reports {
  private static final ObjectMapper YAML =
      new YAMLMapper(
          YAMLFactory.builder().disable(YAMLGenerator.Feature.WRITE_DOC_START_MARKER).build());

  private Reports() {}

  /** What the server of the tunnels is, and the token for it; they may change. */
  public interface Server {
    URI url() throws IOException;

    Secret token() throws IOException;

    SSLContext trust() throws IOException;
  }

  /** What is to be read for reports. */
  public static SurveyConfig survey(
      ReportConfig config, String namespace, SurveyConfig.CertificateSource certificates) {
    return new SurveyConfig(
        namespace, CapabilityCollector.counted(), config.trials(), certificates);
  }

  /**
   * Starts to report.
   *
   * @param view whose changes are to be told to {@link Reporter#changed}
   * @param leads whether this replica writes
   * @param tunnels as they are now; must not block
   * @param snapshots of the node agents; empty if there are none; must not block
   * @param gateway what it does; empty if there is none; must not block
   * @param version of the agent
   */
  public static Reporter start(
      ReportConfig config,
      LiveView view,
      ApiReader api,
      String namespace,
      BooleanSupplier leads,
      Supplier<List<Health.Tunnel>> tunnels,
      Supplier<Optional<List<NodeSnapshot>>> snapshots,
      Supplier<Optional<ClusterReport.Gateway>> gateway,
      Supplier<String> clusterId,
      String version,
      ServerDialer dialer,
      Server server) {
    var clock = Clock.systemUTC();
    var sinks = new ArrayList<ReportSink>();
    sinks.add(new ClusterSink(api, view, namespace));
    config
        .url()
        .ifPresent(
            url ->
                sinks.add(
                    new HttpSink(url, new ServerHttp(dialer), access(config, url, server), clock)));
    var reporter =
        new Reporter(
            view,
            view::awaitFirst,
            sinks,
            leads,
            tunnels,
            snapshots,
            gateway,
            clusterId,
            version,
            UUID.randomUUID().toString(),
            clock,
            new SecureRandom());
    reporter.start();
    return reporter;
  }

  private static HttpSink.Access access(ReportConfig config, URI url, Server server) {
    return new HttpSink.Access() {
      @Override
      public Secret token() throws IOException {
        if (config.token().isPresent()) {
          return config.token().get();
        }
        // It opens this cluster: nobody else is to get it.
        if (!url.getRawAuthority().equals(server.url().getRawAuthority())) {
          throw new Failure(
              Reason.CONFIGURATION_INVALID,
              url + " is not on the server of the tunnels: set DROVER_REPORT_TOKEN for it");
        }
        return server.token();
      }

      @Override
      public SSLContext trust() throws IOException {
        return server.trust();
      }
    };
  }

  /**
   * A report of now, by a reading of its own.
   *
   * @param snapshots of the node agents; empty if there are none
   * @param progress is told what is being read
   */
  public static ClusterReport once(
      ApiReader api,
      SurveyConfig survey,
      Optional<List<NodeSnapshot>> snapshots,
      String version,
      Consumer<String> progress)
      throws InterruptedException {
    var clock = Clock.systemUTC();
    var view = Survey.read(api, survey, clock, progress);
    return Assembler.report(
        view,
        "",
        new AgentIdentity(version, UUID.randomUUID().toString(), 1, null),
        List.of(),
        snapshots,
        clock.instant());
  }

  /** For people and for tools that take no JSON. */
  public static String yaml(ClusterReport report) {
    try {
      return YAML.writeValueAsString(ReportJson.tree(report));
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("a report cannot be written", e);
    }
  }

  /**
   * For people at a terminal.
   *
   * @param width in characters
   */
  public static String table(ClusterReport report, boolean colour, int width) {
    return ReportTable.render(report, colour, width);
  }

  /** By the name of a node, Rancher's annotations that are not as they should be. */
  public static SortedMap<String, Map<String, String>> nodeAnnotations(ClusterView view) {
    return view.all(Kinds.NODES)
        .then(nodes -> view.all(Kinds.PODS).map(pods -> RancherAnnotations.changes(nodes, pods)))
        .found()
        .orElseGet(TreeMap::new);
  }
}
