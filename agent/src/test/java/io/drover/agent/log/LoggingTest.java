package io.drover.agent.log;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.LoggingEvent;
import ch.qos.logback.classic.spi.ThrowableProxy;
import ch.qos.logback.core.OutputStreamAppender;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonToken;
import io.drover.agent.config.LogConfig;
import java.io.IOException;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** In a logger context of its own, so that other tests keep their logs. */
class LoggingTest {
  private final LoggerContext context = new LoggerContext();

  @BeforeEach
  void configure() {
    new StandardOutput().configure(context);
  }

  @Test
  void oursIsInfoAndTheRestWarnUnlessSaidOtherwise() {
    assertThat(context.getLogger("io.drover.agent").getEffectiveLevel()).isEqualTo(Level.INFO);
    assertThat(context.getLogger("io.fabric8").getEffectiveLevel()).isEqualTo(Level.WARN);

    Logging.configure(context, new LogConfig(LogConfig.Level.TRACE, LogConfig.Format.TEXT));

    assertThat(context.getLogger("io.drover.wire").getEffectiveLevel()).isEqualTo(Level.TRACE);
    assertThat(context.getLogger("io.fabric8").getEffectiveLevel()).isEqualTo(Level.WARN);
  }

  @Test
  void levelChangesByTheStockAgentsNames() {
    assertThat(Logging.level(context)).isEqualTo("info");

    for (String name : List.of("error", "warning", "info", "debug", "trace", "fatal")) {
      Logging.changeLevel(context, name);
      assertThat(Logging.level(context)).isEqualTo(name);
    }
    assertThat(context.getLogger("io.drover.agent").isErrorEnabled()).isFalse();
    Logging.changeLevel(context, "Warn");
    assertThat(Logging.level(context)).isEqualTo("warning");
    Logging.changeLevel(context, "panic");
    assertThat(Logging.level(context)).isEqualTo("fatal");
    assertThat(context.getLogger("io.fabric8").getEffectiveLevel()).isEqualTo(Level.WARN);

    assertThatThrownBy(() -> Logging.changeLevel(context, "loud"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("not a valid level: \"loud\"");
    assertThat(Logging.level(context)).isEqualTo("fatal");
  }

  @Test
  void textIsOneLineWhateverThePeerSays() {
    String line = line(event("dial failed: reason=x\n2026 ERROR \u001b[31m forged"));

    assertThat(line)
        .isEqualTo(
            "2026-11-22T12:00:00.123Z WARN  [reader] Tunnel: dial failed: reason=x 2026 ERROR "
                + " [31m forged\n");
  }

  @Test
  void textHasTheStackTraceOfAnErrorBelowItsLine() {
    var event = event("thread died");
    event.setThrowableProxy(new ThrowableProxy(new IllegalStateException("bug")));

    assertThat(line(event))
        .startsWith("2026-11-22T12:00:00.123Z WARN  [reader] Tunnel: thread died\n")
        .contains("\njava.lang.IllegalStateException: bug\n\tat ")
        .endsWith("\n");
  }

  @Test
  void jsonIsOneObjectALine() throws Exception {
    Logging.configure(context, new LogConfig(LogConfig.Level.INFO, LogConfig.Format.JSON));

    String line = line(event("a \"quoted\"\nline: é=\u0001"));

    assertThat(line).endsWith("}\n").doesNotContain("\n\n");
    assertThat(parse(line))
        .containsExactly(
            Map.entry("time", "2026-11-22T12:00:00.123456Z"),
            Map.entry("level", "WARN"),
            Map.entry("logger", "io.drover.agent.tunnel.Tunnel"),
            Map.entry("thread", "reader"),
            Map.entry("message", "a \"quoted\"\nline: é=\u0001"));
  }

  @Test
  void jsonHasTheStackTraceOfAnError() throws Exception {
    Logging.configure(context, new LogConfig(LogConfig.Level.INFO, LogConfig.Format.JSON));

    var event = event("thread died");
    event.setThrowableProxy(new ThrowableProxy(new IllegalStateException("bug")));
    String line = line(event);

    assertThat(line.lines()).hasSize(1);
    assertThat(parse(line).get("error"))
        .startsWith("java.lang.IllegalStateException: bug\n\tat ")
        .contains("LoggingTest");
  }

  @Test
  void whatIsNoMessageComesOutAsItIsWhateverTheLevel() {
    var event = event("{\"a\":\"{}\"}");
    event.setLoggerName(StandardOutput.LINES);
    assertThat(line(event)).isEqualTo("{\"a\":\"{}\"}\n");

    Logging.configure(context, new LogConfig(LogConfig.Level.INFO, LogConfig.Format.JSON));
    Logging.changeLevel(context, "panic");
    assertThat(line(event)).isEqualTo("{\"a\":\"{}\"}\n");
    assertThat(context.getLogger(StandardOutput.LINES).isInfoEnabled()).isTrue();
  }

  private LoggingEvent event(String message) {
    var event = new LoggingEvent();
    event.setLoggerContext(context);
    event.setLoggerName("io.drover.agent.tunnel.Tunnel");
    event.setLevel(Level.WARN);
    event.setThreadName("reader");
    event.setInstant(Instant.parse("2026-11-22T12:00:00.123456Z"));
    event.setMessage(message);
    return event;
  }

  private String line(LoggingEvent event) {
    var appender =
        (OutputStreamAppender<ILoggingEvent>) context.getLogger("ROOT").getAppender("stdout");
    return new String(appender.getEncoder().encode(event), UTF_8);
  }

  private static Map<String, String> parse(String line) throws IOException {
    var fields = new LinkedHashMap<String, String>();
    try (var json = new JsonFactory().createParser(line)) {
      json.nextToken();
      while (json.nextToken() == JsonToken.FIELD_NAME) {
        String name = json.currentName();
        fields.put(name, json.nextTextValue());
      }
    }
    return fields;
  }
}
