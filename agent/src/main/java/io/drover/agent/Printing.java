package io.drover.agent;

import io.drover.agent.config.ConfigException;
import java.io.IOException;
import picocli.CommandLine;

/** How a command that prints its answer ends when it cannot. */
final class Printing {
  /** What such a command does. */
  interface Body {
    /** Returns the exit code. */
    int run() throws ConfigException, IOException, InterruptedException;
  }

  private Printing() {}

  /** Runs it; says what went wrong, and returns the exit code for that. */
  static int run(CommandLine line, Body body) {
    try {
      return body.run();
    } catch (ConfigException e) {
      e.problems().forEach(problem -> line.getErr().println("drover-agent: " + problem));
      return Main.BAD_CONFIGURATION;
    } catch (IOException e) {
      line.getErr().println("drover-agent: " + e.getMessage());
      return Main.FAILED;
    } catch (InterruptedException _) {
      return Main.FAILED;
    } finally {
      line.getErr().flush();
    }
  }
}
