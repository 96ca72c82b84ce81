package io.drover.agent.log;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.OutputStreamAppender;
import io.drover.agent.config.LogConfig;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Turns {@code logback.xml}, which logs text at INFO, into what was configured. */
public final class Logging {
  private static final String OURS = "io.drover";
  private static final String APPENDER = "stdout";

  private Logging() {}

  /** To be called once, before the first thread is started. Libraries stay at their levels. */
  public static void configure(LogConfig config) {
    configure((LoggerContext) LoggerFactory.getILoggerFactory(), config);
  }

  static void configure(LoggerContext context, LogConfig config) {
    context
        .getLogger(OURS)
        .setLevel(
            switch (config.level()) {
              case OFF -> Level.OFF;
              case INFO -> Level.INFO;
              case DEBUG -> Level.DEBUG;
              case TRACE -> Level.TRACE;
            });
    switch (config.format()) {
      case TEXT -> {} // as it is in logback.xml
      case JSON -> writeJson(context);
    }
  }

  private static void writeJson(LoggerContext context) {
    var appender = context.getLogger(Logger.ROOT_LOGGER_NAME).getAppender(APPENDER);
    if (appender instanceof OutputStreamAppender<ILoggingEvent> stdout) {
      var encoder = new JsonEncoder();
      encoder.setContext(context);
      encoder.start();
      stdout.stop();
      stdout.setEncoder(encoder);
      stdout.start();
    }
  }
}
