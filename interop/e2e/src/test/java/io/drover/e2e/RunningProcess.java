package io.drover.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Predicate;
import java.util.regex.Pattern;

/**
 * A program that runs beside the test. Its output is kept, line by line, and written to {@code
 * NAME.out} and {@code NAME.err}. Its stdin stays open until {@link #close}, which kills it.
 */
final class RunningProcess implements AutoCloseable {
  private static final Duration DEATH_LIMIT = Duration.ofSeconds(10);
  private static final int SHOWN_LINES = 25;

  /** Source: Linux {@code tcp_states.h}. */
  private static final String ESTABLISHED = "01";

  /** As {@code jcmd} says it of the young and of the old generation. */
  private static final Pattern USED_KIB = Pattern.compile("(?:DefNew|Tenured)\\b.*?used (\\d+)K");

  private static final Set<Process> ALIVE = ConcurrentHashMap.newKeySet();

  static {
    // A run that is stopped from outside leaves nothing behind.
    Runtime.getRuntime()
        .addShutdownHook(new Thread(() -> ALIVE.forEach(Process::destroyForcibly), "kill-all"));
  }

  private final String name;
  private final Path errors;
  private final Process process;
  private final Thread reader;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final Semaphore mayRead = new Semaphore(1);

  // Guarded by lock.
  private final List<String> lines = new ArrayList<>();
  private boolean ended;

  private RunningProcess(String name, Path directory, Process process) {
    this.name = name;
    this.errors = directory.resolve(name + ".err");
    this.process = process;
    this.reader =
        // No virtual one: a read of a pipe holds the thread that carries it, and there are many
        // pipes.
        Thread.ofPlatform()
            .daemon()
            .name(name + "-out")
            .start(() -> read(directory.resolve(name + ".out")));
  }

  /**
   * Starts a program.
   *
   * @param directory where its output goes; also its working directory
   * @param environment all that it gets, but for what every program needs
   */
  static RunningProcess start(
      String name, Path directory, Map<String, String> environment, List<String> command) {
    try {
      Files.createDirectories(directory);
      var process =
          prepare(directory, environment, command)
              .redirectError(
                  ProcessBuilder.Redirect.appendTo(directory.resolve(name + ".err").toFile()))
              .start();
      ALIVE.add(process);
      return new RunningProcess(name, directory, process);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A process whose environment holds nothing of ours that could change what it does. */
  static ProcessBuilder prepare(
      Path directory, Map<String, String> environment, List<String> command) {
    var builder = new ProcessBuilder(command).directory(directory.toFile());
    var variables = builder.environment();
    variables.keySet().retainAll(Set.of("PATH", "TMPDIR", "GOCACHE", "GOMODCACHE", "GOPATH"));
    variables.put("HOME", System.getProperty("user.home"));
    variables.put("JAVA_HOME", System.getProperty("java.home"));
    variables.putAll(environment);
    return builder;
  }

  private void read(Path file) {
    try (var in = new BufferedReader(process.inputReader(UTF_8));
        var out =
            Files.newBufferedWriter(
                file, UTF_8, StandardOpenOption.CREATE, StandardOpenOption.APPEND)) {
      for (var line = in.readLine(); line != null; line = in.readLine()) {
        out.write(line + "\n");
        out.flush();
        add(line);
        mayRead.acquireUninterruptibly();
        mayRead.release();
      }
    } catch (IOException e) {
      add("(reading stopped: " + e + ")");
    } finally {
      end();
    }
  }

  /** Reads nothing more of its stdout: soon it cannot write. */
  void stopReading() throws InterruptedException {
    mayRead.acquire();
  }

  void goOnReading() {
    mayRead.release();
  }

  private void add(String line) {
    lock.lock();
    try {
      lines.add(line);
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  private void end() {
    lock.lock();
    try {
      ended = true;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** All lines of stdout so far. */
  List<String> lines() {
    lock.lock();
    try {
      return List.copyOf(lines);
    } finally {
      lock.unlock();
    }
  }

  /** How many lines there are: a mark for {@link #awaitLine(int, String, Duration, Predicate)}. */
  int lineCount() {
    lock.lock();
    try {
      return lines.size();
    } finally {
      lock.unlock();
    }
  }

  /** The first line that fits, now or within {@code limit}. */
  String awaitLine(String what, Duration limit, Predicate<String> fits)
      throws InterruptedException {
    return awaitLine(0, what, limit, fits);
  }

  /** The first line from {@code mark} on that fits, now or within {@code limit}. */
  String awaitLine(int mark, String what, Duration limit, Predicate<String> fits)
      throws InterruptedException {
    long leftNanos = limit.toNanos();
    int next = mark;
    lock.lock();
    try {
      while (true) {
        for (; next < lines.size(); next++) {
          if (fits.test(lines.get(next))) {
            return lines.get(next);
          }
        }
        if (ended || leftNanos <= 0) {
          break;
        }
        leftNanos = changed.awaitNanos(leftNanos);
      }
    } finally {
      lock.unlock();
    }
    throw new AssertionError("%s did not say: %s%n%s".formatted(name, what, tail()));
  }

  /** The end of what it said, for a failure's message. */
  String tail() {
    var all = lines();
    return "--- %s, stdout:%n%s%n--- stderr:%n%s"
        .formatted(name, String.join("\n", last(all)), String.join("\n", last(errorLines())));
  }

  /** All lines of stderr so far. */
  List<String> errorLines() {
    try {
      return Files.exists(errors) ? Files.readAllLines(errors) : List.of();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static List<String> last(List<String> all) {
    return all.subList(Math.max(0, all.size() - SHOWN_LINES), all.size());
  }

  /** A number of {@code /proc/PID/status} in KiB, such as {@code VmRSS}. */
  long statusKib(String field) throws IOException {
    return statusKib(process.pid(), field);
  }

  /** The same of another process. */
  static long statusKib(long pid, String field) throws IOException {
    return Files.readAllLines(Path.of("/proc", Long.toString(pid), "status")).stream()
        .filter(line -> line.startsWith(field + ":"))
        .mapToLong(line -> Long.parseLong(line.replaceAll("[^0-9]", "")))
        .findFirst()
        .orElseThrow();
  }

  /** What lives in its heap, which is collected for that: of a JVM with the serial collector. */
  long liveHeapKib() throws IOException, InterruptedException {
    command("GC.run");
    return USED_KIB
        .matcher(command("GC.heap_info"))
        .results()
        .mapToLong(used -> Long.parseLong(used.group(1)))
        .sum();
  }

  private String command(String command) throws IOException, InterruptedException {
    var jcmd =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "jcmd").toString(),
                Long.toString(process.pid()),
                command)
            .redirectErrorStream(true)
            .start();
    String said = new String(jcmd.getInputStream().readAllBytes(), UTF_8);
    if (jcmd.waitFor() != 0) {
      throw new IOException("jcmd " + command + ": " + said);
    }
    return said;
  }

  /** Its TCP connections to a port, which are open at both ends. */
  long connectionsTo(int port) throws IOException {
    var proc = Path.of("/proc", Long.toString(process.pid()));
    var own = new HashSet<String>();
    try (var files = Files.newDirectoryStream(proc.resolve("fd"))) {
      for (var file : files) {
        try {
          own.add(Files.readSymbolicLink(file).toString());
        } catch (NoSuchFileException _) {
          // It has just been closed.
        }
      }
    }
    long count = 0;
    for (String table : List.of("tcp", "tcp6")) {
      for (String line : Files.readAllLines(proc.resolve("net").resolve(table))) {
        var columns = line.strip().split(" +", -1); // number, here, there, state, ..., inode
        if (columns[2].endsWith(":%04X".formatted(port))
            && columns[3].equals(ESTABLISHED)
            && own.contains("socket:[" + columns[9] + "]")) {
          count++;
        }
      }
    }
    return count;
  }

  /** What it has computed until now. */
  Duration cpu() {
    return process.info().totalCpuDuration().orElseThrow();
  }

  boolean isAlive() {
    return process.isAlive();
  }

  /** All that it has started, directly or not. */
  List<ProcessHandle> descendants() {
    return process.descendants().toList();
  }

  /** Sends SIGTERM. */
  void terminate() {
    process.toHandle().destroy(); // Process.destroy would also stop reading what it says
  }

  /** Sends SIGSTOP: the process stands still, its sockets stay open. */
  void freeze() throws IOException, InterruptedException {
    signal("STOP");
  }

  /** Writes a line to its stdin. */
  void write(String line) throws IOException {
    var in = process.outputWriter();
    in.write(line + "\n");
    in.flush();
  }

  /** Sends SIGCONT. */
  void thaw() throws IOException, InterruptedException {
    signal("CONT");
  }

  /** Sends a signal, such as {@code USR1}. */
  void signal(String signal) throws IOException, InterruptedException {
    int code =
        new ProcessBuilder("kill", "-" + signal, Long.toString(process.pid())).start().waitFor();
    if (code != 0) {
      throw new IOException("kill -" + signal + " " + name + ": exit code " + code);
    }
  }

  /** The exit code, if it ends in time. */
  int awaitExit(Duration limit) throws InterruptedException {
    if (!process.waitFor(limit.toNanos(), TimeUnit.NANOSECONDS)) {
      throw new AssertionError(
          "%s still runs after %d ms%n%s".formatted(name, limit.toMillis(), tail()));
    }
    ALIVE.remove(process);
    return process.exitValue();
  }

  /** Waits until all that it wrote to stdout is in {@link #lines}. */
  void awaitEnd(Duration limit) throws InterruptedException {
    reader.join(limit);
  }

  /** Kills it with SIGKILL, and whatever it started, and waits for its end. */
  @Override
  public void close() {
    var started = descendants();
    process.destroyForcibly();
    started.forEach(ProcessHandle::destroyForcibly);
    try {
      awaitExit(DEATH_LIMIT);
      reader.join(DEATH_LIMIT);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public String toString() {
    return name + Collections.singletonList(process.pid());
  }
}
