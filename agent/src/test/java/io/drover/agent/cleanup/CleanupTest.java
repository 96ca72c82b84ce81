package io.drover.agent.cleanup;

import static io.drover.agent.kube.TestApi.json;
import static io.drover.agent.kube.TestApi.reset;
import static io.drover.agent.kube.TestApi.status;
import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.drover.agent.config.CleanupConfig;
import io.drover.agent.config.KubeConfig;
import io.drover.agent.config.LogConfig;
import io.drover.agent.kube.TestApi;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;

/** What is asked of the API server, request by request. Whatever is not scripted is not there. */
@Timeout(60)
class CleanupTest {
  private static final String RBAC = "/apis/rbac.authorization.k8s.io/v1/";
  private static final String BINDINGS = RBAC + "clusterrolebindings";
  private static final String ROLES = RBAC + "clusterroles";
  private static final String WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/";
  private static final String NAMESPACES = "/api/v1/namespaces";
  private static final String RANCHER = "GET /api/v1/namespaces/cattle-system/services/rancher";
  private static final String JOBS = "/apis/batch/v1/namespaces/default/jobs";
  private static final String NORMAN = "?labelSelector=cattle.io%2Fcreator%3Dnorman";
  private static final ObjectMapper JSON = new ObjectMapper();

  private final TestApi api = new TestApi();
  private final List<Duration> waits = new ArrayList<>();
  private final Logger log = (Logger) LoggerFactory.getLogger(Cleanup.class);
  private final ListAppender<ILoggingEvent> lines = new ListAppender<>();
  private volatile Instant now = Instant.parse("2026-11-22T12:00:00Z");

  @BeforeEach
  void listen() {
    lines.start();
    log.setLevel(Level.INFO);
    log.addAppender(lines);
  }

  @AfterEach
  void close() {
    log.detachAppender(lines);
    log.setLevel(null);
    api.close();
  }

  @Test
  void asksInTheStockAgentsOrderAndThenForWhatThatOneLeaves() throws Exception {
    assertThat(run()).isTrue();

    assertThat(api.requests().stream().map(TestApi.Request::toString))
        .containsExactly(
            RANCHER,
            "GET " + NAMESPACES,
            "DELETE " + BINDINGS + "/rancher-webhook",
            "DELETE " + WEBHOOKS + "mutatingwebhookconfigurations/rancher.cattle.io",
            "DELETE " + WEBHOOKS + "validatingwebhookconfigurations/rancher.cattle.io",
            "GET " + NAMESPACES,
            "GET " + BINDINGS + NORMAN,
            "GET " + RBAC + "rolebindings" + NORMAN,
            "GET " + ROLES + NORMAN,
            "GET " + RBAC + "roles" + NORMAN,
            "GET /api/v1/secrets?labelSelector="
                + "management.cattle.io%2Francher-managed-pull-secret%3Dtrue",
            "DELETE " + BINDINGS + "/proxy-role-binding-kubernetes-master",
            "DELETE " + BINDINGS + "/cattle-unauthenticated",
            "DELETE " + ROLES + "/proxy-clusterrole-kubeapiserver",
            "DELETE " + ROLES + "/cattle-unauthenticated",
            "GET " + BINDINGS,
            "GET " + ROLES,
            "GET " + JOBS + NORMAN,
            "GET " + ROLES,
            "GET " + BINDINGS);
    assertThat(total()).contains("complete", "deleted=0 changed=0 skipped=0 failed=0");
    assertThat(waits).isEmpty();
  }

  @Test
  void waitsForTheServerIfToldTo() throws Exception {
    new Cleanup(api.reader(), config(false, true), waits::add, () -> now).run();

    assertThat(waits).containsExactly(Duration.ofSeconds(60));
  }

  @Test
  void whereRancherIsInstalledOnlyTheJobIsDeleted() throws Exception {
    api.on(RANCHER, json("{}")).on("GET " + JOBS, list(job("cattle-cleanup-x", "1")));
    api.on("DELETE " + JOBS + "/cattle-cleanup-x", json("{}"));

    assertThat(run()).isTrue();

    assertThat(api.paths())
        .containsExactly(
            RANCHER,
            "GET " + JOBS,
            "GET " + ROLES,
            "GET " + BINDINGS,
            "DELETE " + JOBS + "/cattle-cleanup-x");
    assertThat(text()).anyMatch(line -> line.contains("Rancher is installed"));
  }

  @ParameterizedTest
  @CsvSource({"403, 1", "500, 4", "503, 4"})
  void nothingIsDeletedWhereRancherMayBeInstalled(int status, int tries) throws Exception {
    api.on(RANCHER, status(status, "no"));

    assertThat(run()).isFalse();

    assertThat(api.paths()).hasSize(tries).containsOnly(RANCHER);
    assertThat(total()).contains("not complete", "failed=1");
  }

  @Test
  void namespacesOfRancherLoseTheirFinalizersAndAreDeletedAsTheyWereRead() throws Exception {
    var read =
        """
        {"kind": "Namespace", "metadata": {"name": "cattle-system", "uid": "u1",
         "resourceVersion": "7", "finalizers": ["a.io/x", "b.io/y"], "labels": {"keep": "it"}},
         "spec": {"finalizers": ["kubernetes"]}}""";
    api.on("GET " + NAMESPACES, list(read), list())
        .on("GET " + NAMESPACES + "/cattle-system", json(read));
    api.on("PUT " + NAMESPACES + "/cattle-system", json("{}"));
    api.on("DELETE " + NAMESPACES + "/cattle-system", json("{}"));

    assertThat(run()).isTrue();

    assertThat(body("PUT " + NAMESPACES + "/cattle-system"))
        .isEqualTo(JSON.readTree(read.replace("[\"a.io/x\", \"b.io/y\"]", "[]")));
    assertThat(body("DELETE " + NAMESPACES + "/cattle-system"))
        .isEqualTo(
            JSON.readTree(
                """
                {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background",
                 "preconditions": {"uid": "u1"}}"""));
    assertThat(total()).contains("deleted=1 changed=1 skipped=0 failed=0");
  }

  @Test
  void namespacesAreRanchersByNameAndThoseOfMonitoringByTheirProject() throws Exception {
    var project = "{\"field.cattle.io/projectId\": \"p-1\"}";
    api.on(
        "GET " + NAMESPACES,
        list(
            object("cattle-fleet-system", "1"),
            object("cattle-impersonation-system", "2"),
            object("cattle-monitoring-system", "3"),
            labelled("cattle-prometheus-p-1", project),
            labelled("cattle-prometheus-p-2", project),
            object("cattle-prometheus-p-3", "6"),
            object("kube-system", "7")),
        list());

    assertThat(run()).isTrue();

    assertThat(deleted(NAMESPACES))
        .containsExactly(
            "cattle-fleet-system", "cattle-impersonation-system", "cattle-prometheus-p-1");
  }

  @Test
  void namespaceThatIsBeingDeletedIsFreedAndNotDeletedAgain() throws Exception {
    var ending =
        """
        {"metadata": {"name": "cattle-system", "uid": "u1", "finalizers": ["a"],
         "deletionTimestamp": "2026-11-22T12:00:00Z"}}""";
    api.on("GET " + NAMESPACES, list(ending));
    api.on("GET " + NAMESPACES + "/cattle-system", json(ending));
    api.on("PUT " + NAMESPACES + "/cattle-system", json("{}"));

    assertThat(run()).isTrue();

    assertThat(api.paths()).contains("PUT " + NAMESPACES + "/cattle-system");
    assertThat(deleted(NAMESPACES)).isEmpty();
    assertThat(text()).anyMatch(line -> line.contains("is being deleted already"));
  }

  @Test
  void otherNamespacesKeepAllThatIsNotRanchers() throws Exception {
    var shop =
        """
        {"kind": "Namespace", "metadata": {"name": "shop", "uid": "u1", "resourceVersion": "7",
         "finalizers": ["controller.cattle.io/namespace-auth", "shop.io/mine"],
         "labels": {"field.cattle.io/projectId": "p-1", "team": "shop"},
         "annotations": {"cattle.io/status": "x", "field.cattle.io/creatorId": "x",
          "field.cattle.io/resourceQuotaTemplateId": "x", "field.cattle.io/projectId": "c:p-1",
          "lifecycle.cattle.io/create.namespace-auth": "true", "field.cattle.io/description": "y",
          "mine": "z"}}}""";
    api.on("GET " + NAMESPACES, list(shop, object("own", "2")));
    api.on("GET " + NAMESPACES + "/shop", json(shop));
    api.on("PUT " + NAMESPACES + "/shop", json("{}"));

    assertThat(run()).isTrue();

    assertThat(body("PUT " + NAMESPACES + "/shop"))
        .isEqualTo(
            JSON.readTree(
                """
                {"kind": "Namespace", "metadata": {"name": "shop", "uid": "u1",
                 "resourceVersion": "7", "finalizers": ["shop.io/mine"],
                 "labels": {"team": "shop"},
                 "annotations": {"field.cattle.io/description": "y", "mine": "z"}}}"""));
    assertThat(api.paths()).doesNotContain("GET " + NAMESPACES + "/own");
    assertThat(deleted(NAMESPACES)).isEmpty();
  }

  @Test
  void rolesAndBindingsAreDeletedWhereTheyAreButNotOurOwnBeforeTheEnd() throws Exception {
    api.on("GET " + BINDINGS + NORMAN, list(object("cattle-admin-binding", "1"), own()));
    api.on(
        "GET " + RBAC + "rolebindings" + NORMAN,
        list("{\"metadata\": {\"namespace\": \"shop\", \"name\": \"rb\", \"uid\": \"2\"}}"));
    api.on(
        "GET " + ROLES, list(object("cattle-impersonation-u1", "3"), object("view", "4"), own()));
    api.on("GET " + ROLES + NORMAN, list());
    for (var path :
        List.of(
            BINDINGS + "/cattle-admin-binding",
            RBAC + "namespaces/shop/rolebindings/rb",
            ROLES + "/cattle-impersonation-u1",
            ROLES + "/cattle-cleanup-x")) {
      api.on("DELETE " + path, json("{}"));
    }

    assertThat(run()).isTrue();

    assertThat(api.paths())
        .containsSubsequence(
            "DELETE " + BINDINGS + "/cattle-admin-binding",
            "DELETE " + RBAC + "namespaces/shop/rolebindings/rb",
            "DELETE " + ROLES + "/cattle-impersonation-u1",
            "GET " + JOBS,
            "DELETE " + ROLES + "/cattle-cleanup-x")
        .doesNotContain("DELETE " + ROLES + "/view");
    assertThat(deleted(ROLES)).doesNotHaveDuplicates();
    assertThat(total()).contains("deleted=4");
  }

  @Test
  void whatIsLeftOfShellsWhoseAgentWasKilledIsDeleted() throws Exception {
    var shell = object("pod-impersonation-shell-x7k2p", "1");
    api.on("GET " + BINDINGS + NORMAN, list()).on("GET " + ROLES + NORMAN, list());
    api.on("GET " + BINDINGS, list(shell, object("pod-impersonation-of-a-user", "2")));
    api.on("GET " + ROLES, list(shell, object("pod-impersonation-of-a-user", "3")));
    api.on("DELETE " + BINDINGS + "/pod-impersonation-shell-x7k2p", json("{}"));
    api.on("DELETE " + ROLES + "/pod-impersonation-shell-x7k2p", json("{}"));

    assertThat(run()).isTrue();

    assertThat(deleted(BINDINGS)).contains("pod-impersonation-shell-x7k2p");
    assertThat(deleted(ROLES)).contains("pod-impersonation-shell-x7k2p");
    assertThat(api.paths()).noneMatch(path -> path.endsWith("/pod-impersonation-of-a-user"));
    assertThat(total()).contains("deleted=2");
  }

  @Test
  void ownRoleAndBindingGoLastAndRightBehindEachOther() throws Exception {
    api.on("GET " + ROLES, list(own())).on("DELETE " + ROLES + "/cattle-cleanup-x", json("{}"));
    api.on("GET " + ROLES + NORMAN, list()).on("GET " + BINDINGS + NORMAN, list());
    api.on("GET " + BINDINGS, list(own()));
    api.on("DELETE " + BINDINGS + "/cattle-cleanup-x", status(403, "too late"));

    assertThat(run()).isTrue();

    assertThat(api.paths())
        .endsWith(
            "DELETE " + ROLES + "/cattle-cleanup-x", "DELETE " + BINDINGS + "/cattle-cleanup-x");
    assertThat(body("DELETE " + ROLES + "/cattle-cleanup-x").path("propagationPolicy").asText())
        .isEqualTo("Foreground");
  }

  @Test
  void itsLastStepsBeginWithItsOwnJob() throws Exception {
    var cleanup = new Cleanup(api.reader(), config(false, false), waits::add, () -> now);
    var seen = new ArrayList<Boolean>();
    TestApi.Reply looks =
        exchange -> {
          seen.add(cleanup.isAtItsLastSteps());
          list().send(exchange);
        };
    api.on("GET " + ROLES + NORMAN, looks)
        .on("GET " + JOBS, looks)
        .on("GET " + JOBS + NORMAN, looks);

    assertThat(cleanup.run()).isTrue();

    assertThat(seen).containsExactly(false, true);
  }

  @Test
  void afterAFailureTheRestIsDoneAndTheJobStays() throws Exception {
    api.on("DELETE " + BINDINGS + "/rancher-webhook", status(500, "broken"));

    assertThat(run()).isFalse();

    assertThat(api.paths()).contains("DELETE " + ROLES + "/cattle-unauthenticated");
    assertThat(api.paths()).doesNotContain("GET " + JOBS);
    assertThat(total()).contains("not complete", "failed=1");
    assertThat(text()).anyMatch(line -> line.contains("rancher-webhook: 500 broken"));
  }

  @ParameterizedTest
  @ValueSource(ints = {409, 500, 503})
  void whatMayPassIsTriedFourTimes(int status) throws Exception {
    api.on(
        "DELETE " + BINDINGS + "/rancher-webhook",
        status(status, "not now"),
        status(status, "not now"),
        status(status, "not now"),
        json("{}"));

    assertThat(run()).isTrue();

    assertThat(waits)
        .containsExactly(Duration.ofMillis(100), Duration.ofMillis(200), Duration.ofMillis(400));
    assertThat(total()).contains("deleted=1");
  }

  @Test
  void whatDoesNotPassFails() throws Exception {
    api.on("DELETE " + BINDINGS + "/rancher-webhook", status(409, "no"));
    api.on("DELETE " + ROLES + "/cattle-unauthenticated", reset());

    assertThat(run()).isFalse();

    assertThat(api.paths())
        .filteredOn(("DELETE " + BINDINGS + "/rancher-webhook")::equals)
        .hasSize(4);
    assertThat(total()).contains("failed=2");
  }

  @Test
  void namespaceThatWasChangedMeanwhileIsReadAgain() throws Exception {
    var old =
        "{\"metadata\": {\"name\": \"cattle-system\", \"uid\": \"1\", \"finalizers\": [\"a\"]}}";
    var path = NAMESPACES + "/cattle-system";
    api.on("GET " + NAMESPACES, list(old), list());
    api.on("GET " + path, json(old), json(old.replace("\"a\"", "\"a\", \"b\"")));
    api.on("PUT " + path, status(409, "changed"), json("{}"));

    assertThat(run()).isTrue();

    assertThat(api.paths()).containsSubsequence("PUT " + path, "GET " + path, "PUT " + path);
  }

  @Test
  void listThatBreaksOffIsReadAnewAndNothingIsDeletedTwice() throws Exception {
    api.on(
        "GET " + BINDINGS + NORMAN,
        TestApi.cutOff("{\"items\": [" + object("a", "1") + ","),
        list(object("a", "1"), object("b", "2")));
    api.on("DELETE " + BINDINGS + "/a", json("{}")).on("DELETE " + BINDINGS + "/b", json("{}"));

    assertThat(run()).isTrue();

    assertThat(deleted(BINDINGS)).containsOnlyOnce("a", "b");
    assertThat(total()).contains("deleted=2");
  }

  @Test
  void rightsThatAreMissingForTheRestAreSaidAndAreNoFailure() throws Exception {
    api.on("GET /api/v1/secrets", status(403, "may not list"));
    api.on("DELETE " + ROLES + "/cattle-unauthenticated", status(403, "may not delete"));
    api.on("GET " + JOBS, status(403, "may not list jobs"));

    assertThat(run()).isTrue();

    assertThat(text()).filteredOn(line -> line.startsWith("skipped, since")).hasSize(3);
    assertThat(total()).contains("complete", "skipped=3 failed=0");
    assertThat(waits).isEmpty();
  }

  @Test
  void rightsThatAreMissingForTheStockAgentsWorkAreFailures() throws Exception {
    api.on("GET " + NAMESPACES, status(403, "may not list"));

    assertThat(run()).isFalse();

    assertThat(total()).contains("failed=2");
    assertThat(api.paths()).contains("GET " + RBAC + "roles");
  }

  @Test
  void dryRunSaysTheSameAndOnlyReads() throws Exception {
    var namespace =
        "{\"metadata\": {\"name\": \"cattle-system\", \"uid\": \"1\", \"finalizers\": [\"a\"]}}";
    api.on("GET " + NAMESPACES, list(namespace));
    api.on("GET " + BINDINGS + "/rancher-webhook", json("{}"));
    api.on(
        "GET " + WEBHOOKS + "mutatingwebhookconfigurations/rancher.cattle.io",
        status(403, "may not get"));
    api.on("GET " + BINDINGS + NORMAN, list(object("cattle-admin-binding", "1")));
    api.on("GET " + JOBS, list(job("cattle-cleanup-x", "2"), job("other", "3")));

    assertThat(new Cleanup(api.reader(), config(true, false), waits::add, () -> now).run())
        .isTrue();

    assertThat(api.requests()).extracting(TestApi.Request::method).containsOnly("GET");
    assertThat(text())
        .containsSubsequence(
            "would change: kind=Namespace name=cattle-system",
            "would delete: kind=Namespace name=cattle-system",
            "would delete: kind=ClusterRoleBinding name=rancher-webhook")
        .contains(
            "would delete: kind=ClusterRoleBinding name=cattle-admin-binding",
            "would delete: kind=Job name=default/cattle-cleanup-x")
        .anyMatch(line -> line.startsWith("would delete, if it exists: kind=Mutating"));
    assertThat(total()).contains("deleted=4 changed=1 skipped=1 failed=0 dryRun=true");
  }

  @Test
  void takesHalfAnHourAtMost() throws Exception {
    api.on("GET " + BINDINGS + NORMAN, list(object("a", "1"), object("b", "2")));
    api.on(
        "DELETE " + BINDINGS + "/a",
        exchange -> {
          now = now.plus(Cleanup.LIMIT).plusSeconds(1);
          json("{}").send(exchange);
        });

    assertThat(run()).isFalse();

    assertThat(deleted(BINDINGS)).contains("a").doesNotContain("b");
    assertThat(api.paths().getLast()).isEqualTo("DELETE " + BINDINGS + "/a");
    assertThat(total()).contains("deleted=1", "failed=1");
  }

  private boolean run() throws InterruptedException {
    return new Cleanup(api.reader(), config(false, false), waits::add, () -> now).run();
  }

  private static CleanupConfig config(boolean dryRun, boolean sleepFirst) {
    return new CleanupConfig(
        new KubeConfig.Kubeconfig(Path.of("unused"), ""), dryRun, sleepFirst, LogConfig.silent());
  }

  private static TestApi.Reply list(String... objects) {
    return json(
        "{\"metadata\": {\"resourceVersion\": \"1\"}, \"items\": ["
            + String.join(",", objects)
            + "]}");
  }

  private static String object(String name, String uid) {
    return "{\"metadata\": {\"name\": \"%s\", \"uid\": \"%s\"}}".formatted(name, uid);
  }

  private static String job(String name, String uid) {
    return "{\"metadata\": {\"namespace\": \"default\", \"name\": \"%s\", \"uid\": \"%s\"}}"
        .formatted(name, uid);
  }

  private static String labelled(String name, String labels) {
    return "{\"metadata\": {\"name\": \"%s\", \"uid\": \"u\", \"labels\": %s}}"
        .formatted(name, labels);
  }

  private static String own() {
    return object("cattle-cleanup-x", "9");
  }

  private JsonNode body(String request) throws IOException {
    var found = api.requests().stream().filter(one -> one.toString().equals(request)).toList();
    assertThat(found).as(request).hasSize(1);
    return JSON.readTree(found.getFirst().body());
  }

  private List<String> deleted(String path) {
    return api.paths().stream()
        .filter(request -> request.startsWith("DELETE " + path + "/"))
        .map(request -> request.substring(request.lastIndexOf('/') + 1))
        .toList();
  }

  private List<String> text() {
    return lines.list.stream().map(ILoggingEvent::getFormattedMessage).toList();
  }

  private String total() {
    var last = lines.list.getLast();
    assertThat(last.getLevel()).isIn(Level.INFO, Level.ERROR);
    return last.getFormattedMessage();
  }
}
