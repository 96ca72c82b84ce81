package io.drover.steve.api;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.drover.steve.Browser;
import io.drover.steve.Explorer;
import io.drover.steve.FakeApiServer;
import io.drover.steve.shell.ShellImage;
import java.io.IOException;
import java.net.URI;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class ListRelationsTest {
  private FakeApiServer api;
  private Browser browser;

  @BeforeEach
  void start() throws IOException {
    api = new FakeApiServer();
    api.has(
        "/api",
        FakeApiServer.list(
            "{'metadata':{},'versions':[{'version':'v1','resources':["
                + String.join(
                    ",",
                    resource("configmaps", "ConfigMap"),
                    resource("pods", "Pod"),
                    resource("secrets", "Secret"),
                    resource("serviceaccounts", "ServiceAccount"))
                + "]}]}"));
    api.has(
        "/apis",
        FakeApiServer.list(
            "{'metadata':{'name':'apps'},'versions':[{'version':'v1','resources':["
                + String.join(
                    ",",
                    resource("daemonsets", "DaemonSet"),
                    resource("deployments", "Deployment"),
                    resource("replicasets", "ReplicaSet"),
                    resource("statefulsets", "StatefulSet"))
                + "]}]}"));
    for (String kind : List.of("configmaps", "secrets", "serviceaccounts", "pods")) {
      api.has("/api/v1/" + kind, FakeApiServer.list());
    }
    for (String kind : List.of("daemonsets", "deployments", "replicasets", "statefulsets")) {
      api.has("/apis/apps/v1/" + kind, FakeApiServer.list());
    }
    grant("'*'");
    browser =
        new Browser(api, new Explorer.Options("", "", false, ShellImage.NONE, Optional.empty()));
  }

  @AfterEach
  void stop() {
    browser.close();
    api.close();
  }

  private void grant(String resources) {
    api.has(
        "/apis/rbac.authorization.k8s.io/v1/clusterroles",
        FakeApiServer.list(
            "{'metadata':{'name':'r'},'rules':[{'verbs':['get','list'],'apiGroups':['*'],"
                + "'resources':["
                + resources
                + "]}]}"));
    api.has(
        "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
        FakeApiServer.list(
            "{'metadata':{'name':'b'},'roleRef':{'kind':'ClusterRole','name':'r'},'subjects':["
                + "{'kind':'User','apiGroup':'rbac.authorization.k8s.io','name':'jane'}]}"));
  }

  /** Begins to ask: from now on types and rights stay as they are. */
  private void browse(String dialect) throws IOException {
    var features = "ui-sql-cache=" + dialect.equals("sql");
    browser.close();
    browser =
        new Browser(
            api, new Explorer.Options(features, "", false, ShellImage.NONE, Optional.empty()));
    browser.get("/v1/schemas/configmap");
    api.asked();
  }

  private static String resource(String resource, String kind) {
    return "{'resource':'%s','responseKind':{'kind':'%s'},'scope':'Namespaced',"
            .formatted(resource, kind)
        + "'verbs':['get','list','watch']}";
  }

  private static String object(String namespace, String name) {
    return "{'metadata':{'namespace':'%s','name':'%s'}}".formatted(namespace, name);
  }

  private static String table(String kind, String... objects) {
    return "{'kind':'Table','metadata':{'resourceVersion':'9'},'rows':["
        + List.of(objects).stream()
            .map(
                one ->
                    "{'cells':['x'],'object':{'apiVersion':'v1','kind':'%s',%s}"
                        .formatted(kind, one.substring(1)))
            .collect(Collectors.joining(","))
        + "]}";
  }

  private static String pod(String namespace, String name, String configMap) {
    return ("{'metadata':{'namespace':'%s','name':'%s','labels':{'app':'a'}},"
            + "'spec':{'serviceAccountName':'s',"
            + "'containers':[{'envFrom':[{'configMapRef':{'name':'%s'}}]}]},"
            + "'status':{'phase':'Succeeded'}}")
        .formatted(namespace, name, configMap);
  }

  /** What objects are asked for, besides the list itself, and what is watched of rights. */
  private List<String> passes() {
    return api.asked().stream()
        .map(FakeApiServer.Asked::target)
        .filter(target -> !target.contains("includeObject") && !target.contains("watch=1"))
        .map(target -> target.replaceAll("\\?.*", ""))
        .sorted()
        .toList();
  }

  @ParameterizedTest
  @ValueSource(strings = {"/v1/configmaps", "/v1/configmaps?sort=metadata.name"})
  void readsEachKindThatMayNameARowOnce(String path) throws Exception {
    api.has("/api/v1/configmaps", table("ConfigMap", object("n", "a"), object("n", "b")));
    api.has("/api/v1/namespaces/n/pods", FakeApiServer.list(pod("n", "p", "b")));
    api.has("/api/v1/pods", FakeApiServer.list(pod("n", "p", "b")));
    browse("classic");
    var list = browser.get(path).path("data");

    assertThat(list.at("/0/metadata/relationships").isNull()).isTrue();
    assertThat(list.at("/1/metadata/relationships").toString())
        .isEqualTo(
            "[{\"fromId\":\"n/p\",\"fromType\":\"pod\",\"rel\":\"uses\",\"state\":\"succeeded\"}]");
    assertThat(passes()).doesNotHaveDuplicates().hasSize(5);
  }

  @ParameterizedTest
  @ValueSource(strings = {"/v1/pods", "/v1/pods?sort=metadata.name"})
  void readsEachKindThatRowsNameOnce(String path) throws Exception {
    api.has("/api/v1/pods", table("Pod", pod("n", "p", "a"), pod("n", "q", "b")));
    for (String where : List.of("", "/namespaces/n")) {
      api.has("/api/v1" + where + "/configmaps", FakeApiServer.list(object("n", "a")));
      api.has("/api/v1" + where + "/serviceaccounts", FakeApiServer.list(object("n", "s")));
    }
    browse("classic");
    var list = browser.get(path).path("data");

    assertThat(state(list, 0, "configmap")).isEqualTo("active");
    assertThat(state(list, 1, "configmap")).isEmpty();
    assertThat(state(list, 1, "serviceaccount")).isEqualTo("active");
    assertThat(passes()).doesNotHaveDuplicates().hasSize(2);
  }

  private static String state(JsonNode list, int row, String type) {
    for (var one : list.path(row).path("metadata").path("relationships")) {
      if (one.path("toType").asText().equals(type)) {
        return one.path("state").asText("");
      }
    }
    return "missing";
  }

  @Test
  void asksForNothingThatIsNotWanted() throws Exception {
    api.has("/api/v1/pods", table("Pod", pod("n", "p", "a")));
    browse("sql");
    browser.get("/v1/pods?exclude=metadata.relationships");

    assertThat(passes()).isEmpty();
  }

  @Test
  void asksForNothingThatTheUserMayNotSee() throws Exception {
    grant("'pods','serviceaccounts'");
    api.has("/api/v1/pods", table("Pod", pod("n", "p", "a")));
    api.has("/api/v1/configmaps", FakeApiServer.list(object("n", "a")));
    api.has("/api/v1/serviceaccounts", FakeApiServer.list(object("n", "s")));
    browse("classic");
    var list = browser.get("/v1/pods").path("data");

    assertThat(state(list, 0, "configmap")).isEmpty();
    assertThat(state(list, 0, "serviceaccount")).isEqualTo("active");
    assertThat(passes()).containsExactly("/api/v1/serviceaccounts");
  }

  @ParameterizedTest
  @ValueSource(ints = {ListRelations.MAX_NAMESPACES, ListRelations.MAX_NAMESPACES + 1})
  void asksFewNamespacesOneByOneAndManyAtOnce(int count) throws Exception {
    api.has(
        "/api/v1/configmaps",
        table(
            "ConfigMap",
            IntStream.range(0, count).mapToObj(i -> object("n" + i, "a")).toArray(String[]::new)));
    browse("sql");
    browser.get("/v1/configmaps?sort=metadata.name");

    var pods = passes().stream().filter(target -> target.endsWith("/pods")).toList();
    if (count > ListRelations.MAX_NAMESPACES) {
      assertThat(pods).containsExactly("/api/v1/pods");
    } else {
      assertThat(pods).hasSize(count).contains("/api/v1/namespaces/n0/pods");
    }
  }

  @Test
  void looksAtSoManyObjectsOfAKindAndNoMore() throws Exception {
    var last = "c" + ListRelations.MAX_OBJECTS;
    api.has("/api/v1/pods", table("Pod", pod("n", "p", "c0"), pod("n", "q", last)));
    api.has(
        "/api/v1/configmaps",
        FakeApiServer.list(
            IntStream.rangeClosed(0, ListRelations.MAX_OBJECTS)
                .mapToObj(i -> object("n", "c" + i))
                .toArray(String[]::new)));
    browse("classic");
    var list = browser.get("/v1/pods").path("data");

    assertThat(state(list, 0, "configmap")).isEqualTo("active");
    assertThat(state(list, 1, "configmap")).isEmpty();
  }

  /** And a second list gets as much as the first: what is kept for one goes with it. */
  @Test
  void keepsSoMuchAndNoMore() throws Exception {
    api.has("/api/v1/configmaps", table("ConfigMap", object("n", "a")));
    var users =
        FakeApiServer.list(
            IntStream.range(0, ListRelations.MAX_OBJECTS)
                .mapToObj(i -> workload("w" + i))
                .toArray(String[]::new));
    for (String kind : List.of("daemonsets", "deployments", "replicasets", "statefulsets")) {
      api.has("/apis/apps/v1/" + kind, users);
    }
    api.has(
        "/api/v1/pods",
        FakeApiServer.list(
            IntStream.range(0, ListRelations.MAX_OBJECTS)
                .mapToObj(i -> pod("n", "p" + i, "a"))
                .toArray(String[]::new)));
    browse("classic");
    for (int i = 0; i < ListRelations.MAX_KEPT_OF_ALL / ListRelations.MAX_KEPT + 1; i++) {
      var list = browser.get("/v1/configmaps").path("data");
      assertThat(list.at("/0/metadata/relationships")).isNotEmpty();
      assertThat(list.at("/0/metadata/relationships").size())
          .isLessThanOrEqualTo(ListRelations.MAX_KEPT);
    }
  }

  private static String workload(String name) {
    return ("{'metadata':{'namespace':'n','name':'%s'},'spec':{'template':{'spec':{"
            + "'containers':[{'envFrom':[{'configMapRef':{'name':'a'}}]}]}}}}")
        .formatted(name);
  }

  @Test
  void tellsWithoutWhatDoesNotComeInTime() throws Exception {
    api.has("/api/v1/pods", table("Pod", pod("n", "p", "a")));
    api.has("/api/v1/serviceaccounts", FakeApiServer.list(object("n", "s")));
    api.hangs("/api/v1/configmaps");
    browse("classic");
    var list = browser.get("/v1/pods").path("data");

    assertThat(state(list, 0, "configmap")).isEmpty();
  }

  private static String ownedMap(String name, String ownerNamespace, String ownerName) {
    return ("{'metadata':{'namespace':'n','name':'%s','annotations':{"
            + "'objectset.rio.cattle.io/owner-gvk':'v1, Kind=Pod',"
            + "'objectset.rio.cattle.io/owner-namespace':'%s',"
            + "'objectset.rio.cattle.io/owner-name':'%s'}}}")
        .formatted(name, ownerNamespace, ownerName);
  }

  /** Names are what the author of an object has written, and are asked in the reader's name. */
  @ParameterizedTest
  @CsvSource({
    "kube-system,                     victim/proxy/reset?x=",
    "kube-system/pods/victim/proxy,   x",
    "kube-system%2Fpods%2Fv%2Fproxy,  x",
    "kube-system,                     victim%2Fproxy",
    "..,                              proxy",
    "kube-system,                     ..",
    "a b,                             proxy?{}",
  })
  void whatIsNoNameIsPartOfNoPath(String ownerNamespace, String ownerName) throws Exception {
    String map = ownedMap("a", ownerNamespace, ownerName);
    api.has("/api/v1/configmaps", table("ConfigMap", map));
    api.has("/api/v1/namespaces/n/configmaps/a", table("ConfigMap", map));
    browse("sql");

    var list = browser.send("GET", "/v1/configmaps?sort=metadata.name", "");
    assertThat(list.status()).isEqualTo(200);
    assertThat(list.json().at("/data/0/metadata/relationships/0/fromType").asText())
        .isEqualTo("pod");
    var one = browser.send("GET", "/v1/configmaps/n/a", "");
    assertThat(one.status()).isEqualTo(200);
    assertThat(one.json().at("/metadata/relationships/0/fromType").asText()).isEqualTo("pod");

    // As the API server takes paths apart: when they are decoded.
    assertThat(api.asked())
        .extracting(asked -> URI.create(asked.target()).getPath())
        .noneMatch(path -> path.contains("/proxy/") || path.endsWith("/proxy"))
        .noneMatch(path -> path.contains("/.."));
  }

  @Test
  void tellsWithoutAKindWhoseListIsNoList() throws Exception {
    api.has("/api/v1/pods", table("Pod", pod("n", "p", "a")));
    api.has("/api/v1/serviceaccounts", FakeApiServer.list(object("n", "s")));
    api.has("/api/v1/configmaps", "{'metadata':'none','items':[]}");
    browse("classic");
    var list = browser.get("/v1/pods").path("data");

    assertThat(state(list, 0, "configmap")).isEmpty();
    assertThat(state(list, 0, "serviceaccount")).isEqualTo("active");
  }

  @Test
  void tellsOfThePodsOfAWorkload() throws Exception {
    api.has(
        "/apis/apps/v1/deployments",
        table(
                "Deployment",
                "{'metadata':{'namespace':'n','name':'d'},"
                    + "'spec':{'selector':{'matchLabels':{'app':'a'}}}}")
            .replace("'apiVersion':'v1'", "'apiVersion':'apps/v1'"));
    api.has("/api/v1/pods", table("Pod", pod("n", "p", "a")));
    browse("sql");

    var data = browser.get("/v1/apps.deployments?includeAssociatedData=true").path("data");
    assertThat(data.at("/0/metadata/associatedData/0/gvk/kind").asText()).isEqualTo("Pod");
    assertThat(data.at("/0/metadata/associatedData/0/data/0/childName").asText()).isEqualTo("p");
    assertThat(data.at("/0/metadata/associatedData/0/data/0/state/error").asText())
        .isEqualTo("false");
    assertThat(browser.get("/v1/apps.deployments").at("/data/0/metadata").has("associatedData"))
        .isFalse();
  }
}
