package io.drover.agent.tunnel;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.drover.agent.tunnel.DialAudit.Dialled;
import io.drover.agent.tunnel.DialAudit.Ender;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

final class DialLogTest {
  private final Logger logger = (Logger) LoggerFactory.getLogger("io.drover.audit");
  private final ListAppender<ILoggingEvent> lines = new ListAppender<>();
  private final ManualTimer timer = new ManualTimer();
  private final DialLog log = new DialLog("cluster", timer);

  @BeforeEach
  void listen() {
    logger.setLevel(Level.INFO);
    logger.setAdditive(false); // or the console has thousands of lines
    lines.start();
    logger.addAppender(lines);
  }

  @AfterEach
  void leave() {
    logger.detachAppender(lines);
    logger.setLevel(null);
    logger.setAdditive(true);
  }

  private List<String> texts() {
    return lines.list.stream().map(ILoggingEvent::getFormattedMessage).toList();
  }

  private static Dialled dial(String address, Optional<String> rule, String reason) {
    return new Dialled(
        7, "tcp", address, rule, 10, 2_000, Duration.ofMillis(1_500), Ender.SERVER, reason);
  }

  private void dial(int times) {
    for (int i = 0; i < times; i++) {
      log.dialOver(dial("10.43.0.1:443", Optional.of("api-server"), "EOF"));
    }
  }

  @Test
  void lineSaysWhoWasDialledByWhichRuleAndHowItEnded() {
    log.dialOver(dial("10.43.0.1:443", Optional.of("api-server"), "EOF"));
    log.dialOver(dial("10.0.0.9:22", Optional.empty(), "connect not allowed"));

    assertThat(texts())
        .containsExactly(
            "dial over: tunnel=cluster stream=7 network=tcp address=10.43.0.1:443 verdict=allowed"
                + " rule=api-server sentBytes=10 receivedBytes=2000 millis=1500 endedBy=server"
                + " reason=EOF",
            "dial over: tunnel=cluster stream=7 network=tcp address=10.0.0.9:22 verdict=refused"
                + " rule=none sentBytes=10 receivedBytes=2000 millis=1500 endedBy=server"
                + " reason=connect not allowed");
  }

  @Test
  void serversTextWritesNoFieldsAndNoLinesOfItsOwn() {
    log.dialOver(dial("x verdict=allowed\n:1", Optional.empty(), "a\nb\u001b[31m"));

    assertThat(texts()).singleElement().asString().contains("address=x?verdict=allowed?:1 verdict");
    assertThat(texts()).singleElement().asString().endsWith("reason=a?b?[31m");
  }

  @Test
  void linesAboveTheLimitAreLeftOutAndCounted() {
    dial(DialLog.BURST);
    assertThat(texts()).hasSize(DialLog.BURST);

    dial(3);
    assertThat(texts()).hasSize(DialLog.BURST);

    timer.advance(DialLog.COUNT_EVERY);
    assertThat(texts())
        .hasSize(DialLog.BURST + 1)
        .last()
        .isEqualTo("dials not logged, since there are too many: tunnel=cluster dials=3");
    assertThat(timer.pending()).isZero();
  }

  @Test
  void afterTheBurstThereIsALineInEachInterval() {
    dial(DialLog.BURST);

    timer.advance(DialLog.LINE_EVERY);
    dial(2);

    assertThat(texts()).hasSize(DialLog.BURST + 1);
    timer.advance(DialLog.LINE_EVERY.multipliedBy(DialLog.BURST));
    lines.list.clear();
    dial(DialLog.BURST);
    assertThat(texts()).filteredOn(text -> text.startsWith("dial over")).hasSize(DialLog.BURST);
  }
}
