package io.drover.agent.log;

import static java.nio.charset.StandardCharsets.UTF_8;

import ch.qos.logback.classic.pattern.ThrowableProxyConverter;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.encoder.EncoderBase;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeFormatterBuilder;
import java.util.Locale;
import java.util.regex.Pattern;

/**
 * A line for people: time, level, thread, class and message, then the stack of an error. The
 * message is on one line: what a peer sends must not look like a line of ours.
 */
final class TextEncoder extends EncoderBase<ILoggingEvent> {
  private static final Pattern CONTROL =
      Pattern.compile("\\p{Cntrl}+", Pattern.UNICODE_CHARACTER_CLASS);

  private static final DateTimeFormatter TIME =
      new DateTimeFormatterBuilder().appendInstant(3).toFormatter(Locale.ROOT);

  private final ThrowableProxyConverter errors = new ThrowableProxyConverter();

  @Override
  public void start() {
    errors.start();
    super.start();
  }

  @Override
  public byte[] encode(ILoggingEvent event) {
    String logger = event.getLoggerName();
    if (logger.equals(StandardOutput.LINES)) {
      return (event.getMessage() + "\n").getBytes(UTF_8);
    }
    var line = new StringBuilder();
    TIME.formatTo(event.getInstant(), line);
    line.append(' ').append(event.getLevel());
    // As wide as the longest.
    line.repeat(' ', Math.max(0, "ERROR".length() - event.getLevel().toString().length()))
        .append(" [")
        .append(event.getThreadName())
        .append("] ")
        .append(logger, logger.lastIndexOf('.') + 1, logger.length())
        .append(": ")
        .append(CONTROL.matcher(event.getFormattedMessage()).replaceAll(" "))
        .append('\n');
    if (event.getThrowableProxy() != null) {
      line.append(errors.convert(event));
    }
    return line.toString().getBytes(UTF_8);
  }

  @Override
  public byte[] headerBytes() {
    return new byte[0];
  }

  @Override
  public byte[] footerBytes() {
    return new byte[0];
  }
}
