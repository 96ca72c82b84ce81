package io.drover.agent.gateway.audit;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.drover.agent.log.StandardOutput;
import java.time.Duration;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Standard output, between the lines of the log, and never in the middle of one. */
final class LineSink implements Sink {
  private static final Logger lines = LoggerFactory.getLogger(StandardOutput.LINES);

  @Override
  public String name() {
    return "stdout";
  }

  @Override
  public Duration linger() {
    return Duration.ZERO;
  }

  @Override
  public int write(List<byte[]> events) {
    for (byte[] line : events) {
      lines.info(new String(line, UTF_8).stripTrailing());
    }
    return events.size();
  }

  @Override
  public void close() {
    // It is not ours.
  }
}
