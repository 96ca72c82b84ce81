package io.drover.e2e;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * The image, run by runc as a kubelet's runtime would: its entry point, its variables and the
 * manifest's, a limit to its memory, no capability, nothing writable. It shares the machine's
 * network, since that is where the tests' servers are.
 */
final class Container implements AutoCloseable {
  static final long LIMIT_BYTES = 160L * 1024 * 1024;

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
   * @param environment on top of the image's
   * @param mounts files and directories of this machine by their place in the container
   */
  static Container start(
      String name,
      Path directory,
      Path image,
      String user,
      Map<String, String> environment,
      Map<String, Path> mounts)
      throws IOException {
    var bundle = Files.createDirectories(directory.resolve(name));
    var id = "drover-e2e-" + ProcessHandle.current().pid() + "-" + name;
    var config = JSON.readTree(image.resolve("config.json").toFile()).path("config");
    JSON.writeValue(
        bundle.resolve("config.json").toFile(),
        bundle(id, image.resolve("rootfs"), config, user, environment, mounts));
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
        .put("limit", LIMIT_BYTES)
        .put("swap", LIMIT_BYTES);
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
    var first = process.descendants().stream().filter(Container::isJava).findFirst().orElseThrow();
    return RunningProcess.statusKib(first.pid(), field);
  }

  /** The limit that the kernel holds it to. */
  long limitBytes() throws IOException {
    var first = Path.of("/sys/fs/cgroup/memory", id, "memory.limit_in_bytes");
    var second = Path.of("/sys/fs/cgroup", id, "memory.max");
    return Long.parseLong(Files.readString(Files.exists(first) ? first : second).strip());
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
