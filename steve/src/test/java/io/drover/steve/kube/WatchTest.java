package io.drover.steve.kube;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.steve.FakeApiServer;
import io.drover.steve.kube.Watch.Source;
import java.io.IOException;
import java.util.concurrent.LinkedBlockingQueue;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class WatchTest {
  private static final String PATH = "/api/v1/configmaps";

  private final LinkedBlockingQueue<String> told = new LinkedBlockingQueue<>();
  private final LinkedBlockingQueue<IOException> failures = new LinkedBlockingQueue<>();
  private final Watch.Events events =
      new Watch.Events() {
        @Override
        public void begin() {
          // Nothing is kept.
        }

        @Override
        public void changed(ObjectNode object) {
          told.add(object.at("/metadata/name").asText());
        }

        @Override
        public void deleted(ObjectNode object) {
          told.add("no " + object.at("/metadata/name").asText());
        }

        @Override
        public void complete() {
          told.add("all");
        }

        @Override
        public void failed(IOException why) {
          failures.add(why);
        }
      };

  private FakeApiServer server;
  private ApiServer api;

  @BeforeEach
  void start() throws IOException {
    server = new FakeApiServer();
    server.has(PATH, FakeApiServer.list());
    api = new ApiServer(server);
  }

  @AfterEach
  void stop() {
    api.close();
    server.close();
  }

  /** A list is asked for in another form than the objects of events. */
  @Test
  void hearsWhatHappensToMetadata() throws Exception {
    try (var _ = Watch.start(api, Source.of(PATH, ApiRequest.METADATA), events)) {
      assertThat(told.take()).isEqualTo("all");
      server.tell(PATH, "{'type':'ADDED','object':{'metadata':{'name':'a'}}}");
      assertThat(told.take()).isEqualTo("a");
      server.tell(PATH, "{'type':'DELETED','object':{'metadata':{'name':'a'}}}");
      assertThat(told.take()).isEqualTo("no a");
    }
    assertThat(failures).isEmpty();
  }

  /** The API server would be asked hundreds of times a second. */
  @Test
  void waitsIfWatchesEndAtOnce() throws Exception {
    try (var _ = Watch.start(api, Source.of(PATH, ApiRequest.JSON), events)) {
      while (failures.isEmpty()) {
        server.tell(PATH, "");
      }
      assertThat(failures.take()).hasMessageContaining("ended at once");
    }
  }
}
