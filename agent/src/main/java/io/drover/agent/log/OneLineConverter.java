package io.drover.agent.log;

import ch.qos.logback.classic.pattern.MessageConverter;
import ch.qos.logback.classic.spi.ILoggingEvent;
import java.util.regex.Pattern;

/** The message on one line: what a peer sends must not look like a line of ours. */
public final class OneLineConverter extends MessageConverter {
  private static final Pattern CONTROL =
      Pattern.compile("\\p{Cntrl}+", Pattern.UNICODE_CHARACTER_CLASS);

  @Override
  public String convert(ILoggingEvent event) {
    return CONTROL.matcher(super.convert(event)).replaceAll(" ");
  }
}
