package io.drover.steve.live;

import static org.assertj.core.api.Assertions.assertThat;

import io.drover.steve.FakeApiServer;
import io.drover.steve.TestClock;
import io.drover.steve.kube.ApiRequest;
import io.drover.steve.kube.ApiServer;
import io.drover.steve.kube.User;
import io.drover.steve.query.Scope;
import io.drover.steve.schema.Cluster;
import io.drover.steve.schema.Types;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class LiveCountsTest {
  private static final String MAPS = "/api/v1/configmaps";

  private final AtomicLong nanos = new AtomicLong();
  private final LinkedBlockingQueue<String> told = new LinkedBlockingQueue<>();
  private final LiveCounts.Viewer viewer =
      new LiveCounts.Viewer() {
        @Override
        public void first(String typeId) {
          told.add("first " + typeId);
        }

        @Override
        public void changed(String typeId) {
          told.add("changed " + typeId);
        }
      };

  private FakeApiServer server;
  private ApiServer api;
  private Cluster cluster;
  private LiveCounts counts;

  @BeforeEach
  void start() throws IOException {
    server = new FakeApiServer();
    server.has(
        "/api",
        FakeApiServer.list(
            "{'metadata':{},'versions':[{'version':'v1','resources':[{'resource':'configmaps',"
                + "'responseKind':{'kind':'ConfigMap'},'scope':'Namespaced',"
                + "'verbs':['list','watch']}]}]}"));
    server.has(MAPS, FakeApiServer.list(map("a"), map("b")));
    api = new ApiServer(server);
    cluster = new Cluster(api, System::nanoTime);
    counts = counts(3);
  }

  private LiveCounts counts(int maxObjects) {
    return new LiveCounts(api, _ -> ApiRequest.METADATA, new TestClock(), nanos::get, maxObjects);
  }

  @AfterEach
  void stop() {
    counts.close();
    cluster.close();
    api.close();
    server.close();
  }

  private static String map(String name) {
    return "{'metadata':{'namespace':'shop','name':'%s','resourceVersion':'7'}}".formatted(name);
  }

  private Types types() throws IOException {
    return cluster.of(new User("jane", List.of(), Map.of())).types();
  }

  private int count() {
    return Objects.requireNonNull(counts.count("configmap", Scope.ALL)).all().count();
  }

  private void tell(String type, String name) throws InterruptedException {
    server.tell(MAPS, "{'type':'%s','object':%s}".formatted(type, map(name)));
  }

  @Test
  void countsWhatIsThereAndWhatChanges() throws Exception {
    assertThat(counts.count("configmap", Scope.ALL)).isNull();
    counts.join(types(), viewer);
    assertThat(told.take()).isEqualTo("first configmap");
    assertThat(count()).isEqualTo(2);

    tell("ADDED", "c");
    assertThat(told.take()).isEqualTo("changed configmap");
    assertThat(count()).isEqualTo(3);
    tell("DELETED", "a");
    tell("DELETED", "b");
    told.take();
    told.take();
    assertThat(count()).isEqualTo(1);
  }

  @Test
  void aTypeOfTooManyObjectsIsLeftOut() throws Exception {
    counts.join(types(), viewer);
    told.take();
    tell("ADDED", "c");
    told.take();
    assertThat(count()).isEqualTo(3);
    tell("ADDED", "d");
    while (counts.count("configmap", Scope.ALL) != null) {
      Thread.onSpinWait();
    }
  }

  /** Both together would be too many, but one takes the place of the other. */
  @Test
  void aTypeThatIsListedAnewCountsOnce() throws Exception {
    counts.join(types(), viewer);
    told.take();
    server.tell(MAPS, "{'type':'ERROR','object':{'code':410}}");
    server.tell(MAPS, "");

    assertThat(told.take()).isEqualTo("changed configmap");
    assertThat(count()).isEqualTo(2);
    tell("ADDED", "c");
    told.take();
    assertThat(count()).isEqualTo(3);
  }

  /** What says to belong to a Deployment, one in another namespace. */
  private List<String> members() {
    var members = new ArrayList<String>();
    counts.applied(
        "apps.deployment",
        "shop/web",
        (type, id, summary) -> members.add(type + " " + id + " " + summary.state()));
    return members;
  }

  private void tellMember(String type, String name) throws InterruptedException {
    server.tell(
        MAPS,
        ("{'type':'%s','object':{'metadata':{'namespace':'lab','name':'%s','resourceVersion':'8',"
                + "'annotations':{'objectset.rio.cattle.io/owner-gvk':'apps/v1, Kind=Deployment',"
                + "'objectset.rio.cattle.io/owner-namespace':'shop',"
                + "'objectset.rio.cattle.io/owner-name':'web'}}}}")
            .formatted(type, name));
  }

  @Test
  void knowsWhatBelongsToAnotherByAnAnnotation() throws Exception {
    counts.join(types(), viewer);
    told.take();
    assertThat(members()).isEmpty();

    tellMember("ADDED", "c");
    told.take();
    assertThat(members()).containsExactly("configmap lab/c active");
    tellMember("MODIFIED", "c");
    told.take();
    assertThat(members()).containsExactly("configmap lab/c active");

    tellMember("DELETED", "c");
    told.take();
    assertThat(members()).isEmpty();
  }

  @Test
  void endsSomeMinutesBehindTheLastWhoLooked() throws Exception {
    counts.join(types(), viewer);
    told.take();
    nanos.addAndGet(LiveCounts.KEPT.toNanos() + 1);
    assertThat(counts.endIfIdle()).isFalse();

    counts.leave(viewer);
    assertThat(counts.endIfIdle()).isFalse();
    nanos.addAndGet(LiveCounts.KEPT.toNanos() + 1);
    assertThat(counts.endIfIdle()).isTrue();
    assertThat(counts.count("configmap", Scope.ALL)).isNull();
  }

  @Test
  void nothingIsCountedWhenItIsOver() throws Exception {
    counts.join(types(), viewer);
    told.take();
    counts.close();
    assertThat(counts.count("configmap", Scope.ALL)).isNull();
  }
}
