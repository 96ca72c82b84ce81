package io.drover.agent.log;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.Configurator;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.ConsoleAppender;
import ch.qos.logback.core.spi.ContextAwareBase;
import org.slf4j.Logger;

/**
 * What is logged before the configuration is read: text at INFO, of libraries warnings. Logback
 * finds this by itself. It is no XML, since to read that takes 400 classes.
 */
public final class StandardOutput extends ContextAwareBase implements Configurator {
  static final String OURS = "io.drover";
  static final String APPENDER = "stdout";

  /** The logger of what is no message: its lines come out as they are, whatever the level is. */
  public static final String LINES = "io.drover.lines";

  @Override
  public ExecutionStatus configure(LoggerContext logging) {
    var encoder = new TextEncoder();
    encoder.setContext(logging);
    encoder.start();
    var stdout = new ConsoleAppender<ILoggingEvent>();
    stdout.setContext(logging);
    stdout.setName(APPENDER);
    stdout.setEncoder(encoder);
    stdout.start();
    var root = logging.getLogger(Logger.ROOT_LOGGER_NAME);
    root.setLevel(Level.WARN);
    root.addAppender(stdout);
    logging.getLogger(OURS).setLevel(Level.INFO);
    logging.getLogger(LINES).setLevel(Level.INFO);
    // Warns of each attempt to get a Lease, with its stack; WatchedLock says it once.
    logging.getLogger("io.fabric8.kubernetes.client.extended.leaderelection").setLevel(Level.ERROR);
    return ExecutionStatus.DO_NOT_INVOKE_NEXT_IF_ANY;
  }
}
