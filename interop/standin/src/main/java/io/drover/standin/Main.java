package io.drover.standin;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.FileSystemException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** The command line. Exit codes: 0 asked to stop, 1 failed, 2 used wrongly. */
@Command(
    name = "drover-standin",
    description = {
      "A stand-in for a Kubernetes cluster: the API that kubectl and the agent need, in one process.",
      "When it is ready, one line of JSON is printed to stdout:",
      "{\"kubeconfig\",\"apiServer\",\"ca\",\"tokenFile\",\"version\",\"dir\",\"namespace\",\"nodes\",\"startMillis\"}.",
      "It stays until SIGTERM.",
      ""
    })
final class Main implements Callable<Integer> {
  @Option(
      names = "--dir",
      required = true,
      paramLabel = "DIR",
      description = "Directory for kubeconfig, CA and token.")
  private Path directory = Path.of("");

  @Option(
      names = "--nodes",
      paramLabel = "NUMBER",
      defaultValue = "2",
      description = "Number of nodes (default: ${DEFAULT-VALUE}).")
  private int nodes;

  @Option(
      names = {"--listen", "--api-listen"},
      paramLabel = "HOST:PORT",
      defaultValue = "127.0.0.1:0",
      converter = AddressConverter.class,
      description =
          "Where to listen, on 127.0.0.1; port 0 takes a free one (default: ${DEFAULT-VALUE}).")
  private InetSocketAddress address = new InetSocketAddress(0);

  @Option(names = "--exit-with-stdin", description = "Exit when stdin is closed.")
  private boolean exitsWithStdin;

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Show this help and exit.")
  @SuppressWarnings("UnusedVariable") // picocli reads it
  private boolean help;

  private Main() {}

  /** Ends the process. */
  public static void main(String[] arguments) {
    System.exit(
        new CommandLine(new Main())
            .setExecutionExceptionHandler(
                (problem, command, _) -> {
                  command.getErr().println("drover-standin: " + plain(problem));
                  return CommandLine.ExitCode.SOFTWARE;
                })
            .execute(arguments));
  }

  /** The message of a file's exception is only its name. */
  private static String plain(Exception problem) {
    return problem instanceof FileSystemException
        ? problem.toString()
        : String.valueOf(problem.getMessage());
  }

  /** Reads {@code 127.0.0.1:PORT}: whoever reaches this is let in with a token from a file. */
  static final class AddressConverter implements ITypeConverter<InetSocketAddress> {
    private static final String HOST = "127.0.0.1";

    @Override
    public InetSocketAddress convert(String text) {
      if (text.startsWith(HOST + ":")) {
        try {
          return new InetSocketAddress(
              InetAddress.ofLiteral(HOST), Integer.parseInt(text.substring(HOST.length() + 1)));
        } catch (IllegalArgumentException e) {
          // Said below.
        }
      }
      throw new TypeConversionException("write it as 127.0.0.1:PORT, 0 for any port: " + text);
    }
  }

  @Override
  @SuppressWarnings("SystemOut") // the one line that callers read
  public Integer call() throws IOException, GeneralSecurityException, InterruptedException {
    long startNanos = System.nanoTime();
    if (nodes < 1) {
      System.err.println("drover-standin: --nodes: at least one");
      return CommandLine.ExitCode.USAGE;
    }
    try (var standIn = StandIn.start(directory, nodes, address)) {
      // Being asked to stop is no failure, which is what the JVM would make of SIGTERM.
      Runtime.getRuntime().addShutdownHook(new Thread(() -> Runtime.getRuntime().halt(0), "stop"));
      var startTime = Duration.ofNanos(System.nanoTime() - startNanos);
      System.out.println(standIn.description(startTime));
      System.err.println("drover-standin: ready: kubectl --kubeconfig " + standIn.kubeconfig());
      if (exitsWithStdin) {
        while (System.in.read() >= 0) {
          // Nobody writes here.
        }
      } else {
        new CountDownLatch(1).await(); // SIGTERM
      }
      return CommandLine.ExitCode.OK;
    }
  }
}
