package io.drover.agent;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import java.util.List;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.slf4j.LoggerFactory;

/** What a class, or all of us, logs in each test, from INFO on; it goes nowhere else. */
public final class Logged implements BeforeEachCallback, AfterEachCallback {
  private final Logger log;
  private final ListAppender<ILoggingEvent> lines = new ListAppender<>();

  public Logged(Class<?> type) {
    this(type.getName());
  }

  private Logged(String logger) {
    this.log = (Logger) LoggerFactory.getLogger(logger);
  }

  /** Of every class of the project. */
  public static Logged ofAll() {
    return new Logged("io.drover");
  }

  /** How many there are so far, of any level. */
  public int count() {
    return List.copyOf(lines.list).size();
  }

  /** All messages of a level so far. */
  public List<String> at(Level level) {
    return List.copyOf(lines.list).stream()
        .filter(line -> line.getLevel() == level)
        .map(ILoggingEvent::getFormattedMessage)
        .toList();
  }

  @Override
  public void beforeEach(ExtensionContext test) {
    lines.start();
    log.setLevel(Level.INFO);
    log.setAdditive(false);
    log.addAppender(lines);
  }

  @Override
  public void afterEach(ExtensionContext test) {
    log.detachAppender(lines);
    log.setLevel(null);
    log.setAdditive(true);
  }
}
