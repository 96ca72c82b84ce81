package io.drover.agent.log;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.OutputStreamAppender;
import io.drover.agent.config.LogConfig;
import java.util.Locale;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Turns {@link StandardOutput}, which logs text at INFO, into what was configured, and the level
 * into what was asked for since.
 */
public final class Logging {
  private Logging() {}

  /** To be called once, before the first thread is started. Libraries stay at their levels. */
  public static void configure(LogConfig config) {
    configure((LoggerContext) LoggerFactory.getILoggerFactory(), config);
  }

  static void configure(LoggerContext context, LogConfig config) {
    context
        .getLogger(StandardOutput.OURS)
        .setLevel(
            switch (config.level()) {
              case OFF -> Level.OFF;
              case INFO -> Level.INFO;
              case DEBUG -> Level.DEBUG;
              case TRACE -> Level.TRACE;
            });
    switch (config.format()) {
      case TEXT -> {} // as it is already
      case JSON -> writeJson(context);
    }
  }

  /**
   * The least that is logged: {@code fatal} (nothing at all), {@code error}, {@code warning},
   * {@code info}, {@code debug} or {@code trace}. The names are those of the stock agent.
   */
  public static String level() {
    return level((LoggerContext) LoggerFactory.getILoggerFactory());
  }

  /**
   * Changes it, until the process ends; {@code panic} is another name of {@code fatal}, and {@code
   * warn} of {@code warning}. Any thread.
   *
   * @throws IllegalArgumentException if there is no such level
   */
  public static void changeLevel(String name) {
    changeLevel((LoggerContext) LoggerFactory.getILoggerFactory(), name);
  }

  static String level(LoggerContext context) {
    return switch (context.getLogger(StandardOutput.OURS).getEffectiveLevel().toInt()) {
      case Level.OFF_INT -> "fatal";
      case Level.ERROR_INT -> "error";
      case Level.WARN_INT -> "warning";
      case Level.INFO_INT -> "info";
      case Level.DEBUG_INT -> "debug";
      default -> "trace";
    };
  }

  static void changeLevel(LoggerContext context, String name) {
    context
        .getLogger(StandardOutput.OURS)
        .setLevel(
            switch (name.toLowerCase(Locale.ROOT)) {
              case "panic", "fatal" -> Level.OFF;
              case "error" -> Level.ERROR;
              case "warning", "warn" -> Level.WARN;
              case "info" -> Level.INFO;
              case "debug" -> Level.DEBUG;
              case "trace" -> Level.TRACE;
              default -> throw new IllegalArgumentException("not a valid level: \"" + name + '"');
            });
  }

  private static void writeJson(LoggerContext context) {
    var appender = context.getLogger(Logger.ROOT_LOGGER_NAME).getAppender(StandardOutput.APPENDER);
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
