package io.drover.steve.schema;

import static org.assertj.core.api.Assertions.assertThat;

import io.drover.steve.FakeApiServer;
import io.drover.steve.kube.ApiServer;
import io.drover.steve.kube.User;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class ClusterTest {
  private static final User JANE = new User("jane", List.of(), Map.of());

  private final AtomicLong nanos = new AtomicLong();

  @Test
  void keepsNothingBeforeTheFirstViewerNorLongBehindTheLast() throws Exception {
    try (var fake = new FakeApiServer();
        var api = new ApiServer(fake);
        var cluster = new Cluster(api, nanos::get)) {
      assertThat(cluster.forgetIfIdle()).isTrue();
      assertThat(fake.asked()).isEmpty();

      cluster.of(JANE);
      nanos.addAndGet(Cluster.KEPT.toNanos());
      assertThat(cluster.forgetIfIdle()).isFalse();
      nanos.incrementAndGet();
      assertThat(cluster.forgetIfIdle()).isTrue();

      fake.asked();
      cluster.of(JANE);
      assertThat(fake.asked()).isNotEmpty();
    }
  }

  @Test
  void readsEachUsersChoiceOnce() throws Exception {
    try (var fake = new FakeApiServer();
        var api = new ApiServer(fake);
        var cluster = new Cluster(api, nanos::get)) {
      assertThat(cluster.of(JANE)).isSameAs(cluster.of(JANE));
    }
  }

  @Test
  void everybodyHasTheBaseTypesAndNobodyAnother() throws Exception {
    try (var fake = new FakeApiServer();
        var api = new ApiServer(fake);
        var cluster = new Cluster(api, nanos::get)) {
      var schemas = cluster.of(JANE);

      assertThat(schemas.all())
          .extracting(Schema::id)
          .contains("count", "schema", "subscribe")
          .doesNotContain("collection");
      assertThat(schemas.lookup("COUNTS")).isSameAs(schemas.lookup("count"));
      assertThat(schemas.lookup("collection")).isNotNull();
      assertThat(schemas.lookup("pod")).isNull();
    }
  }
}
