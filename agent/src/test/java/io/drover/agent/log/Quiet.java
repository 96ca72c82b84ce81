package io.drover.agent.log;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.Configurator;
import ch.qos.logback.classic.spi.ConfiguratorRank;
import ch.qos.logback.core.spi.ContextAwareBase;
import org.slf4j.Logger;

/** Logs errors only, so that a failing test is seen. Found by Logback before what it stands for. */
@ConfiguratorRank(ConfiguratorRank.CUSTOM_TOP_PRIORITY)
public final class Quiet extends ContextAwareBase implements Configurator {
  @Override
  public ExecutionStatus configure(LoggerContext logging) {
    var status = new StandardOutput().configure(logging);
    logging.getLogger(StandardOutput.OURS).setLevel(null);
    logging.getLogger(Logger.ROOT_LOGGER_NAME).setLevel(Level.ERROR);
    logging.getLogger("org.java_websocket").setLevel(Level.OFF);
    return status;
  }
}
