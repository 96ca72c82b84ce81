package io.drover.agent;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.drover.agent.cleanup.Cleanup;
import io.drover.agent.config.AgentConfig;
import io.drover.agent.config.CleanupConfig;
import io.drover.agent.config.ConfigException;
import io.drover.agent.config.Configured;
import io.drover.agent.config.Mode;
import io.drover.agent.config.NodeConfig;
import io.drover.agent.config.Setting;
import io.drover.agent.kube.Fabric8ClusterApi;
import io.drover.agent.kube.Handover;
import io.drover.agent.log.Logging;
import io.drover.agent.reason.Problem;
import io.drover.agent.reason.Reason;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintWriter;
import java.security.Security;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The command {@code drover-agent}. Without arguments, as in every pod, it needs no {@link
 * Commands}, whose library takes as much memory as all else that a node agent has loaded by then.
 */
public final class Main {
  /** The agent was asked to stop, and did; or the clean-up is complete. */
  static final int STOPPED = 0;

  /** The agent or the clean-up failed; starting it again may help. */
  static final int FAILED = 1;

  /** The operator must change something first. */
  static final int BAD_CONFIGURATION = 2;

  /** A new process may have tunnels: {@link LastResort}. 3 is a JVM's that ran out of memory. */
  static final int STRANDED = 4;

  /** What the agent may need to stop, on top of the time that its streams are given. */
  static final Duration STOP_MARGIN = Duration.ofSeconds(5);

  /** For a clean-up to delete what is left without its Job. Measured: 0.1 s. */
  static final Duration LAST_STEPS_LIMIT = Duration.ofSeconds(20);

  /** Connections that each HTTP server of ours keeps open; one more is closed at once. */
  static final int MAX_HTTP_CONNECTIONS = 256;

  /** How long a request may take to arrive there, and an answer to be taken, in seconds each. */
  static final int MAX_HTTP_SECONDS = 10;

  private static final Logger log = LoggerFactory.getLogger(Main.class);

  private Main() {}

  /** Reads environment and options, runs the agent until SIGTERM or SIGINT, and exits. */
  public static void main(String[] args) {
    Thread.setDefaultUncaughtExceptionHandler(
        (thread, error) -> log.error("thread died: thread={}", thread.getName(), error));
    // A server that moved must be found: names are looked up for each attempt.
    Security.setProperty("networkaddress.cache.ttl", "0");
    Security.setProperty("networkaddress.cache.negative.ttl", "0");
    // The JDK's HTTP server reads its limits once, when the first of them is made.
    System.setProperty("jdk.httpserver.maxConnections", Integer.toString(MAX_HTTP_CONNECTIONS));
    System.setProperty("sun.net.httpserver.maxReqTime", Integer.toString(MAX_HTTP_SECONDS));
    System.setProperty("sun.net.httpserver.maxRspTime", Integer.toString(MAX_HTTP_SECONDS));
    // A ticket is a session's number, not all of it: node agents are asked often, and by few.
    System.setProperty("jdk.tls.server.enableSessionTicketExtension", "false");
    var lifetime = new Lifetime();
    int code =
        args.length == 0
            ? run(System.getenv(), Map.of(), lifetime::run, standardError())
            : Commands.line(System.getenv(), lifetime::run).execute(args);
    lifetime.ended(code);
    System.exit(code);
  }

  private static PrintWriter standardError() {
    return new PrintWriter(new FileOutputStream(FileDescriptor.err), true, UTF_8);
  }

  /** Runs an agent until it ends. */
  interface Runner {
    void run(Mode.Lasting mode, List<Configured> settings)
        throws IOException, ConfigException, InterruptedException;
  }

  /** The agent in this process, which ends by signal. */
  private static final class Lifetime {
    private final CountDownLatch stop = new CountDownLatch(1);
    private final CountDownLatch ended = new CountDownLatch(1);
    private final AtomicInteger code = new AtomicInteger(FAILED);

    void run(Mode.Lasting mode, List<Configured> settings)
        throws IOException, ConfigException, InterruptedException {
      Duration patience =
          mode instanceof AgentConfig agent
              ? Handover.LIMIT.plus(agent.tunnel().drain()).plus(STOP_MARGIN)
              : STOP_MARGIN;
      Runtime.getRuntime()
          .addShutdownHook(Thread.ofPlatform().name("stop").unstarted(() -> stop(patience)));
      switch (mode) {
        case AgentConfig agent -> Agent.run(agent, settings, stop);
        case NodeConfig node -> NodeTunnel.runNodeAgent(node, stop);
      }
    }

    void ended(int exitCode) {
      code.set(exitCode);
      ended.countDown();
    }

    /** Runs when a signal came, and also when the process exits by itself. */
    private void stop(Duration patience) {
      if (ended.getCount() == 0) {
        return;
      }
      log.info("agent stops: limit={}", patience);
      stop.countDown();
      try {
        if (!ended.await(patience.toNanos(), TimeUnit.NANOSECONDS)) {
          log.warn("not stopped in time: limit={}", patience);
        }
      } catch (InterruptedException _) {
        Thread.currentThread().interrupt();
      }
      // Otherwise the JVM reports the signal (143) in place of our code.
      Runtime.getRuntime().halt(code.get());
    }
  }

  static int run(
      Map<String, String> environment,
      Map<Setting, String> options,
      Runner runner,
      PrintWriter err) {
    // An option is its variable, set.
    var variables = new HashMap<>(environment);
    options.forEach((setting, value) -> variables.put(setting.name(), value));
    try {
      Mode mode = Mode.from(variables);
      Logging.configure(mode.log());
      return switch (mode) {
        case CleanupConfig cleanup -> cleanUp(cleanup);
        case Mode.Lasting lasting -> {
          runner.run(lasting, Configured.list(variables, options.keySet()));
          yield STOPPED;
        }
      };
    } catch (ConfigException e) {
      err.println(
          "drover-agent: %s: the configuration has %s:"
              .formatted(Reason.CONFIGURATION_INVALID.code(), count(e.problems().size())));
      e.problems().forEach(problem -> err.println("  - " + problem));
      err.println("All settings: drover-agent --help");
      err.flush();
      return BAD_CONFIGURATION;
    } catch (IOException e) {
      var problem = Problem.of(e);
      log.error("agent failed: reason={}", problem.text());
      return problem.reason() == Reason.STRANDED ? STRANDED : FAILED;
    } catch (InterruptedException _) {
      log.error("agent failed: reason=interrupted");
      return FAILED;
    } catch (RuntimeException e) {
      log.error("agent failed: this is a bug", e);
      return FAILED;
    }
  }

  private static int cleanUp(CleanupConfig config) throws IOException, InterruptedException {
    var over = new CountDownLatch(1);
    try (var kube = Fabric8ClusterApi.open(config.kube())) {
      var cleanup = new Cleanup(kube.reader(), config);
      Runtime.getRuntime()
          .addShutdownHook(
              Thread.ofPlatform().name("stop").unstarted(() -> awaitLastSteps(cleanup, over)));
      return cleanup.run() ? STOPPED : FAILED;
    } finally {
      over.countDown();
    }
  }

  /** Without its Job, Kubernetes ends this process at once, and there is more to delete. */
  private static void awaitLastSteps(Cleanup cleanup, CountDownLatch over) {
    try {
      if (cleanup.isAtItsLastSteps()
          && !over.await(LAST_STEPS_LIMIT.toNanos(), TimeUnit.NANOSECONDS)) {
        log.warn("clean-up is cut off: limit={}", LAST_STEPS_LIMIT);
      }
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }

  private static String count(int problems) {
    return problems == 1 ? "a problem" : problems + " problems";
  }
}
