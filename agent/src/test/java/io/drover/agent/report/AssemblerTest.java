package io.drover.agent.report;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.networknt.schema.InputFormat;
import com.networknt.schema.Schema;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import io.drover.agent.view.Kinds;
import io.drover.proto.report.Cause;
import io.drover.proto.report.ClusterReport;
import io.drover.proto.report.ClusterReport.AgentIdentity;
import io.drover.proto.report.ClusterReport.Undetermined;
import io.drover.proto.report.Health;
import io.drover.proto.report.ReportJson;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class AssemblerTest {
  private static final int NODES = 1_000;
  private static final int BAD_NODES = 300;
  private static final int WORKLOADS = 400;
  private static final int PODS = 10_000;
  private static final int BAD_PODS = 500;
  private static final int CLASSES = 200;

  /** As long as Kubernetes takes names, and the view messages. */
  private static final String LONG_NAME = "n".repeat(240) + "-";

  private static final String MESSAGE = "m".repeat(200);

  private static final Schema SCHEMA = schema();

  private static Schema schema() {
    try (var in = ReportJson.class.getResourceAsStream("cluster-report.schema.json")) {
      return SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12)
          .getSchema(new String(Objects.requireNonNull(in).readAllBytes(), UTF_8));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static List<String> errors(ClusterReport report) {
    return SCHEMA.validate(ReportJson.write(report), InputFormat.JSON).stream()
        .map(Object::toString)
        .toList();
  }

  private static ClusterReport report(FakeView view) {
    return Assembler.report(
        view,
        "c-1",
        new AgentIdentity("1.2.3", "i", 1, null),
        List.of(),
        Optional.empty(),
        FakeView.AT);
  }

  private static ClusterReport report(FakeView view, int listed) {
    return Assembler.report(
        view,
        "c-1",
        new AgentIdentity("1.2.3", "i", 1, null),
        List.of(),
        Optional.empty(),
        FakeView.AT,
        listed);
  }

  /** In which much is wrong, and all names are as long as they may be. */
  private static FakeView large() {
    var view = new FakeView();
    for (int i = 0; i < NODES; i++) {
      view.with(Kinds.NODES, node(i));
    }
    for (int i = 0; i < WORKLOADS; i++) {
      view.with(Kinds.DEPLOYMENTS, deployment(i));
    }
    for (int i = 0; i < PODS; i++) {
      view.with(Kinds.PODS, pod(i));
    }
    for (int i = 0; i < CLASSES; i++) {
      view.with(
          Kinds.STORAGE_CLASSES,
          "{metadata:{name:'%s%d'},provisioner:'%s%d'}".formatted(LONG_NAME, i, LONG_NAME, i));
      view.with(
          Kinds.INGRESS_CLASSES,
          "{metadata:{name:'%s%d'},spec:{controller:'example.com/c%d'}}"
              .formatted(LONG_NAME, i, i));
    }
    return view;
  }

  /** The first one is the worst. */
  private static String node(int i) {
    String bad =
        i >= BAD_NODES
            ? "{type:'Ready',status:'True'}"
            : "{type:'Ready',status:'False',message:'%s'},{type:'DiskPressure',status:'True',message:'%s'}"
                .formatted(MESSAGE, MESSAGE);
    String worst = i == 0 ? ",{type:'PIDPressure',status:'True'}" : "";
    return """
        {metadata:{name:'%s%04d',labels:{'kubernetes.io/os':'linux'}},
         spec:{taints:[{key:'example.com/t%d',value:'%s',effect:'NoSchedule'}]},
         status:{conditions:[%s%s],
           capacity:{cpu:'64',memory:'256Gi',pods:'110'},
           allocatable:{cpu:'63',memory:'250Gi',pods:'110'}}}
        """
        .formatted(LONG_NAME, i, i, "v".repeat(63), bad, worst);
  }

  /** All of them lack as many replicas as their number says. */
  private static String deployment(int i) {
    return """
        {metadata:{namespace:'kube-system',name:'%s%04d'},
         spec:{replicas:%d},
         status:{readyReplicas:0,conditions:[
           {type:'Available',status:'False',reason:'MinimumReplicasUnavailable',message:'%s'}]}}
        """
        .formatted(LONG_NAME, i, i + 1, MESSAGE);
  }

  private static String pod(int i) {
    String status =
        i >= BAD_PODS
            ? "phase:'Running',conditions:[{type:'Ready',status:'True'}]"
            : """
              phase:'Pending',conditions:[{type:'Ready',status:'False'}],
              containerStatuses:[{state:{waiting:{reason:'CrashLoopBackOff',message:'%s'}}}]
              """
                .formatted(MESSAGE);
    return """
        {metadata:{namespace:'kube-system',name:'%s%05d'},
         spec:{nodeName:'%s%04d',containers:[{resources:{requests:{cpu:'100m',memory:'64Mi'}}}]},
         status:{%s}}
        """
        .formatted(LONG_NAME, i, LONG_NAME, i % NODES, status);
  }

  @Test
  void reportOfALargeClusterIsShortAndCountsWhatItLeavesOut() {
    var report = report(large());

    assertThat(Assembler.size(report)).isBetween(ReportJson.MAX_BYTES / 4, ReportJson.MAX_BYTES);
    assertThat(ReportJson.read(ReportJson.write(report))).isNotNull();
    assertThat(errors(report)).isEmpty();

    var nodes = Objects.requireNonNull(report.health().nodes());
    assertThat(nodes.notReady()).isEqualTo(BAD_NODES);
    assertThat(nodes.offenders()).isNotEmpty();
    assertThat(nodes.offenders().size() + nodes.omitted()).isEqualTo(BAD_NODES);

    var workloads = Objects.requireNonNull(report.health().systemWorkloads());
    assertThat(workloads.checked()).isEqualTo(WORKLOADS + PODS);
    assertThat(workloads.offenders()).isNotEmpty();
    assertThat(workloads.offenders().size() + workloads.omitted()).isEqualTo(WORKLOADS + BAD_PODS);

    var resources = report.resources();
    assertThat(resources.nodeCount()).isEqualTo(NODES);
    assertThat(
            Objects.requireNonNull(resources.nodes()).size()
                + Objects.requireNonNull(resources.nodesOmitted()))
        .isEqualTo(NODES);

    var details = report.details();
    assertThat(
            Objects.requireNonNull(details.storageClasses()).size()
                + details.omitted().getOrDefault("storageClasses", 0))
        .isEqualTo(CLASSES);
    assertThat(
            Objects.requireNonNull(details.taints()).size()
                + details.omitted().getOrDefault("taints", 0))
        .isEqualTo(NODES);
  }

  @Test
  void worstAreListedFirst() {
    var health = report(large()).health();

    var nodes = Objects.requireNonNull(health.nodes()).offenders();
    assertThat(nodes.getFirst().name()).endsWith("-0000");
    assertThat(nodes.getFirst().conditions()).hasSize(3);
    assertThat(nodes).extracting(Health.NodeTrouble::name).isSorted();

    var workloads = Objects.requireNonNull(health.systemWorkloads()).offenders();
    assertThat(workloads.getFirst().desired()).isEqualTo(WORKLOADS);
    assertThat(workloads)
        .extracting(Health.WorkloadTrouble::desired)
        .isSortedAccordingTo((one, other) -> other - one);
  }

  @Test
  void totalsAreOfAllAndNotOfThoseThatAreListed() {
    var resources = report(large()).resources();

    assertThat(Objects.requireNonNull(resources.capacity()).get("cpu")).hasToString("64k");
    assertThat(Objects.requireNonNull(resources.requested()).get("cpu")).hasToString("1k");
    assertThat(resources.podPhases()).containsEntry("Pending", BAD_PODS);
  }

  @Test
  void listsOfASmallClusterAreWhole() {
    var view = new FakeView();
    for (int i = 0; i < Assembler.MAX_LISTED; i++) {
      view.with(Kinds.NODES, "{metadata:{name:'n%d'}}".formatted(i));
    }

    var report = report(view);

    assertThat(report.resources().nodes()).hasSize(Assembler.MAX_LISTED);
    assertThat(report.resources().nodesOmitted()).isZero();
    assertThat(Objects.requireNonNull(report.health().nodes()).omitted()).isZero();
    assertThat(report.details().omitted()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1})
  void shortestReportsAreReports(int listed) {
    var report = report(large(), listed);

    assertThat(errors(report)).isEmpty();
    assertThat(ReportJson.read(ReportJson.write(report))).isEqualTo(report);
    assertThat(Assembler.size(report)).isLessThan(ReportJson.MAX_BYTES / 2);
    assertThat(report.resources().nodes()).hasSize(listed);
    assertThat(report.resources().nodesOmitted()).isEqualTo(NODES - listed);
    assertThat(Objects.requireNonNull(report.health().nodes()).omitted())
        .isEqualTo(BAD_NODES - listed);
    assertThat(report.details().storageClasses()).hasSize(listed);
  }

  @Test
  void listsAreCutNoFurtherThanNeeded() {
    var view = large();
    var report = report(view);
    int listed = Objects.requireNonNull(report.resources().nodes()).size();

    assertThat(listed).isPositive().isLessThan(Assembler.MAX_LISTED);
    assertThat(Assembler.size(report(view, 2 * listed))).isGreaterThan(ReportJson.MAX_BYTES);
  }

  @Test
  void versionThatCannotBeReadIsAbsentWithItsCause() {
    var report = report(new FakeView().version(FakeView.missing(Cause.FORBIDDEN)));

    assertThat(report.version()).isNull();
    assertThat(report.evidence()).doesNotContainKey("version");
    assertThat(report.undetermined())
        .contains(new Undetermined("version", Cause.FORBIDDEN, "asked in vain: FORBIDDEN"));
    assertThat(errors(report)).isEmpty();
  }

  @Test
  void platformMayBeAbsent() {
    var report =
        report(
            new FakeView()
                .version(
                    FakeView.found(FakeView.json("{major:'1',minor:'34',gitVersion:'v1.34.1'}"))));

    assertThat(Objects.requireNonNull(report.version()).platform()).isNull();
    assertThat(errors(report)).isEmpty();
  }

  @ParameterizedTest
  @EnumSource(Cause.class)
  void clusterThatTellsNothingHasAReportToo(Cause cause) {
    var report = report(FakeView.silent(cause));

    assertThat(errors(report)).isEmpty();
    assertThat(report.health().ready()).isNull();
    assertThat(report.undetermined()).extracting(Undetermined::cause).contains(cause);
  }

  @Test
  void valueIsEitherKnownOrUndetermined() {
    for (var view : List.of(new FakeView(), FakeView.silent(Cause.TIMEOUT), large())) {
      var report = report(view);
      var both = new ArrayList<>(report.evidence().keySet());
      both.retainAll(report.undetermined().stream().map(Undetermined::path).toList());

      assertThat(both).isEmpty();
    }
  }
}
