package io.drover.e2e;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The image, run by runc as a kubelet's runtime would: its entry point, its variables and the
 * manifest's, a limit to its memory, no capability, nothing writable. It shares the machine's
 * network, since that is where the tests' servers are.
 */
final class Container implements AutoCloseable {
  /** What the agent has to fit into. */
  static final long LIMIT_BYTES = 160L * 1024 * 1024;

  private static final Path MEMORY_V1 = Path.of("/sys/fs/cgroup/memory");
  private static final Path MEMORY_V2 = Path.of("/sys/fs/cgroup");

  /** What kubelets put into each pod. */
  private static final List<String> NETWORK_FILES = List.of("/etc/resolv.conf", "/etc/hosts");

  private static final ObjectMapper JSON = new ObjectMapper();

  private final String id;
  private final Path state;
  private final RunningProcess process;

  private Container(String id, Path state, RunningProcess process) {
    this.id = id;
    this.state = state;
    this.process = process;
  }

  /**
   * Starts one.
   *
   * @param image what {@code interop/image/build} left
   * @param user {@code UID:GID}
   * @param limitBytes of memory
   * @param environment on top of the image's
   * @param mounts files and directories of this machine by their place in the container
   */
  static Container start(
      String name,
      Path directory,
      Path image,
      String user,
      long limitBytes,
      Map<String, String> environment,
      Map<String, Path> mounts)
      throws IOException {
    var bundle = Files.createDirectories(directory.resolve(name));
    var id = "drover-e2e-" + ProcessHandle.current().pid() + "-" + name;
    var config = JSON.readTree(image.resolve("config.json").toFile()).path("config");
    JSON.writeValue(
        bundle.resolve("config.json").toFile(),
        bundle(id, image.resolve("rootfs"), config, user, limitBytes, environment, mounts));
    var state = Files.createDirectories(directory.resolve("runc"));
    var process =
        RunningProcess.start(
            name,
            directory,
            Map.of(),
            List.of("runc", "--root", state.toString(), "run", "--bundle", bundle.toString(), id));
    return new Container(id, state, process);
  }

  private static ObjectNode bundle(
      String id,
      Path files,
      JsonNode image,
      String user,
      long limitBytes,
      Map<String, String> environment,
      Map<String, Path> mounts) {
    var bundle = JSON.createObjectNode().put("ociVersion", "1.0.2").put("hostname", "pod");
    bundle
        .putObject("root")
        .put("path", files.toAbsolutePath().normalize().toString())
        .put("readonly", true);

    var process = bundle.putObject("process").put("terminal", false).put("cwd", "/");
    process.put("noNewPrivileges", true);
    process
        .putObject("user")
        .put("uid", Integer.parseInt(user.split(":", -1)[0]))
        .put("gid", Integer.parseInt(user.split(":", -1)[1]));
    process.set("args", image.path("Entrypoint"));
    var variables = process.putArray("env");
    image.path("Env").forEach(variables::add);
    environment.forEach((key, value) -> variables.add(key + "=" + value));
    process.putObject("capabilities");

    var all = bundle.putArray("mounts");
    all.addObject().put("destination", "/proc").put("type", "proc").put("source", "proc");
    mount(all, "tmpfs", "tmpfs", "/dev", "nosuid", "mode=755", "size=65536k");
    for (var file : NETWORK_FILES) {
      mount(all, "bind", file, file, "bind", "ro");
    }
    mounts.forEach((place, source) -> mount(all, "bind", source.toString(), place, "rbind", "ro"));

    var linux = bundle.putObject("linux").put("cgroupsPath", "/" + id);
    linux
        .putObject("resources")
        .putObject("memory")
        .put("limit", limitBytes)
        .put("swap", limitBytes);
    var namespaces = linux.putArray("namespaces");
    for (var namespace : List.of("pid", "ipc", "uts", "mount")) {
      namespaces.addObject().put("type", namespace);
    }
    return bundle;
  }

  private static void mount(
      ArrayNode all, String type, String source, String place, String... options) {
    var mount = all.addObject().put("destination", place).put("type", type).put("source", source);
    var list = mount.putArray("options");
    for (var option : options) {
      list.add(option);
    }
  }

  RunningProcess process() {
    return process;
  }

  /** What its first process has in memory, in KiB: {@code VmRSS} or {@code VmHWM}. */
  long memoryKib(String field) throws IOException {
    return RunningProcess.statusKib(first(), field);
  }

  /** A file that its first process sees at {@code path}, as this machine sees it. */
  Path file(String path) {
    return Path.of("/proc/" + first() + "/root" + path);
  }

  private long first() {
    return process.descendants().stream().filter(Container::isJava).findFirst().orElseThrow().pid();
  }

  /**
   * Starts a program in it, beside its first process, as {@code kubectl exec} does: found on the
   * image's {@code PATH}, with the container's user and environment.
   */
  RunningProcess exec(String name, Path directory, String... command) {
    var all = new ArrayList<>(List.of("runc", "--root", state.toString(), "exec", id));
    all.addAll(List.of(command));
    return RunningProcess.start(name, directory, Map.of(), all);
  }

  /** The limit that the kernel holds it to. */
  long limitBytes() throws IOException {
    return memoryBytes("memory.limit_in_bytes", "memory.max");
  }

  /** The most that all its processes had at a time, files that they read included. */
  long peakBytes() throws IOException {
    return memoryBytes("memory.max_usage_in_bytes", "memory.peak");
  }

  private long memoryBytes(String first, String second) throws IOException {
    return Long.parseLong(Files.readString(memory(first, second)).strip());
  }

  /** How many of its processes the kernel has killed at the limit. */
  long killed() throws IOException {
    return Files.readAllLines(memory("memory.oom_control", "memory.events")).stream()
        .filter(line -> line.startsWith("oom_kill "))
        .mapToLong(line -> Long.parseLong(line.substring("oom_kill ".length())))
        .findFirst()
        .orElseThrow();
  }

  /** A file of the container's memory controller, by its name in cgroup v1 and v2. */
  private Path memory(String first, String second) {
    var file = MEMORY_V1.resolve(id).resolve(first);
    return Files.exists(file) ? file : MEMORY_V2.resolve(id).resolve(second);
  }

  private static boolean isJava(ProcessHandle handle) {
    return handle.info().command().filter(command -> command.endsWith("/java")).isPresent();
  }

  /** Kills it, and takes away what runc keeps of it. */
  @Override
  public void close() {
    process.close();
    try {
      new ProcessBuilder("runc", "--root", state.toString(), "delete", "--force", id)
          .redirectErrorStream(true)
          .redirectOutput(state.resolve("delete.log").toFile())
          .start()
          .waitFor();
    } catch (IOException e) {
      throw new AssertionError("runc delete " + id, e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
