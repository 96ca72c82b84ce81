package io.drover.agent.kube;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import io.drover.agent.Logged;
import io.drover.agent.kube.NewsWatch.Followed;
import io.drover.agent.kube.TestApi.Watch;
import io.drover.agent.reason.Reason;
import java.time.Duration;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

@Timeout(30)
class NewsWatchTest {
  private static final String WATCH_SECRETS = "WATCH /api/v1/namespaces/ns/secrets";

  @RegisterExtension private final Logged log = new Logged(NewsWatch.class);
  private final TestApi api = new TestApi();
  private final Semaphore changes = new Semaphore(0);
  private final LinkedBlockingQueue<Duration> sleeps = new LinkedBlockingQueue<>();
  private final Semaphore over = new Semaphore(0);
  private final NewsWatch watch =
      new NewsWatch(
          api.reader(),
          "ns",
          changes::release,
          duration -> {
            sleeps.add(duration);
            over.acquire();
          });

  @AfterEach
  void close() {
    watch.close();
    api.close();
  }

  private static String object(String version) {
    return "{\"metadata\":{\"name\":\"token\",\"resourceVersion\":\"" + version + "\"}}";
  }

  private void awaitChange() throws InterruptedException {
    assertThat(changes.tryAcquire(10, TimeUnit.SECONDS)).as("told of a change").isTrue();
  }

  /** Lets it go on, and waits until it sleeps again. */
  private Duration next() throws InterruptedException {
    over.release();
    return sleeps.take();
  }

  @Test
  void watchesOneNameWithoutItsContent() throws Exception {
    api.on(WATCH_SECRETS, new Watch());
    watch.follow(Followed.TOKEN, "cattle-token-x");

    var request = api.next();

    assertThat(request.path())
        .contains(
            "watch=true",
            "allowWatchBookmarks=true", // or an hour without news would look like a dead one
            "fieldSelector=metadata.name%3Dcattle-token-x");
    assertThat(request.header("Accept")).isEqualTo(ObjectMetadata.FORM);
  }

  @Test
  void tellsOfAChangeAndOfAnEndButNotOfTheBeginning() throws Exception {
    var events = new Watch();
    api.on(WATCH_SECRETS, events);
    watch.follow(Followed.TOKEN, "token");

    events.event("ADDED", object("1"));
    events.event("MODIFIED", object("2"));
    awaitChange();
    events.event("DELETED", object("3"));
    awaitChange();

    assertThat(changes.availablePermits()).isZero();
  }

  @Test
  void tellsOfWhatHasChangedBetweenTwoWatches() throws Exception {
    api.on(
        WATCH_SECRETS,
        new Watch().event("ADDED", object("1")).end(),
        new Watch().event("ADDED", object("1")).end(),
        new Watch().event("ADDED", object("5")).end());
    watch.follow(Followed.TOKEN, "token");

    assertThat(sleeps.take()).isEqualTo(NewsWatch.FIRST_RETRY);
    next();
    assertThat(changes.availablePermits()).isZero();

    next();
    assertThat(changes.availablePermits()).isEqualTo(1);
  }

  @Test
  void anotherNameTakesThePlaceOfTheFirst() throws Exception {
    var first = new Watch();
    var second = new Watch();
    api.on(WATCH_SECRETS, first, second);
    watch.follow(Followed.TOKEN, "one");
    api.next();
    watch.follow(Followed.TOKEN, "one");

    watch.follow(Followed.TOKEN, "two");
    assertThat(api.next().path()).contains("%3Dtwo");
    second.event("ADDED", object("1")).event("MODIFIED", object("2"));
    awaitChange();

    assertThat(api.requests()).isEmpty();
  }

  @Test
  void aMissingRightIsSaidByNameAndAskedForAgainAfterUpToFiveMinutes() throws Exception {
    api.on(WATCH_SECRETS, TestApi.status(403, "secrets is forbidden"));
    watch.follow(Followed.TOKEN, "token");

    var pause = sleeps.take();
    for (int i = 0; i < 10; i++) {
      pause = next();
    }

    assertThat(pause).isEqualTo(NewsWatch.LAST_RETRY);
    var problem = watch.problem().orElseThrow();
    assertThat(problem.reason()).isEqualTo(Reason.FORBIDDEN);
    assertThat(problem.message())
        .startsWith("watch secrets: ")
        .contains("403 secrets is forbidden");
    assertThat(log.at(Level.WARN))
        .singleElement()
        .asString()
        .startsWith("a right is missing: feature=watch reason=Forbidden: ");

    api.on(WATCH_SECRETS, new Watch().end());
    next();
    assertThat(watch.problem()).isEmpty();
    assertThat(log.at(Level.INFO))
        .containsExactly("changes are watched for again: feature=watch notLogged=Forbidden:10");
  }

  @Test
  void anApiServerThatIsAwayIsNoMissingRight() throws Exception {
    api.on(WATCH_SECRETS, TestApi.reset());
    watch.follow(Followed.TOKEN, "token");
    sleeps.take();
    next();

    assertThat(watch.problem()).isEmpty();
    assertThat(log.count()).isZero();
  }
}
