package io.drover.server.api;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.drover.server.account.AuditLog;
import io.drover.server.store.Database;
import io.drover.server.store.RegistrationTokens;
import io.drover.server.store.Store;
import java.io.IOException;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import org.eclipse.jetty.server.LocalConnector;
import org.eclipse.jetty.server.Server;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

@Timeout(60)
class RouterTest {
  private static final String TOKEN = "t".repeat(54);

  @TempDir private Path directory;
  private final Logger log = (Logger) LoggerFactory.getLogger(Router.class);
  private final ListAppender<ILoggingEvent> lines = new ListAppender<>();

  @BeforeEach
  void listen() {
    lines.start();
    log.addAppender(lines);
  }

  @AfterEach
  void stop() {
    log.detachAppender(lines);
  }

  private String ask(List<Route> routes) throws Exception {
    var jetty = new Server();
    var connector = new LocalConnector(jetty);
    jetty.addConnector(connector);
    jetty.setHandler(new Router(new AuditLog(directory, InstantSource.system()), routes));
    jetty.start();
    try {
      return connector.getResponse(
          "GET /v3/import/" + TOKEN + "_c-abcde.yaml HTTP/1.1\r\nHost: a\r\n\r\n");
    } finally {
      jetty.stop();
    }
  }

  private void isLoggedWithoutToken() {
    assertThat(lines.list)
        .singleElement()
        .extracting(ILoggingEvent::getFormattedMessage)
        .asString()
        .startsWith("request failed: path=/v3/import/{token}_c-abcde.yaml ")
        .doesNotContain(TOKEN);
  }

  @Test
  void tokenIsNotLoggedWhenTheDatabaseIsNotThere() throws Exception {
    var database = Database.open(Database.fileIn(directory));
    var clock = InstantSource.system();
    var imports =
        new ImportApi(
            new Store(database, clock),
            new RegistrationTokens(database, clock),
            new Installation(
                Optional.empty(),
                () -> {
                  throw new AssertionError("not asked for");
                },
                "image",
                "install",
                "version"));
    database.close();

    assertThat(ask(imports.routes())).startsWith("HTTP/1.1 503 ");
    isLoggedWithoutToken();
  }

  @Test
  void tokenIsNotLoggedWhenItsAnswerFails() throws Exception {
    var failing =
        Route.from(
            ImportApi.IMPORT,
            (_, _, _, _) -> {
              throw new IOException("no");
            });

    assertThat(ask(List.of(failing))).startsWith("HTTP/1.1 500 ");
    isLoggedWithoutToken();
  }
}
