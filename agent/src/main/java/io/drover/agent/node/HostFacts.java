package io.drover.agent.node;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.drover.proto.report.NodeSnapshot.Pressure;
import io.drover.proto.report.NodeSnapshot.Room;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;

/**
 * What a node looks like from inside a pod, without any privilege. What cannot be read is empty.
 */
final class HostFacts {
  /** Longer files are read so far only, in bytes. */
  static final int MAX_FILE_BYTES = 64 * 1024;

  // statvfs(3) of glibc, the same on amd64 and arm64: eight-byte fields, f_files is the sixth.
  private static final long STATVFS_BYTES = 256;
  private static final long FILES_OFFSET = 40;
  private static final long FREE_FILES_OFFSET = 48;

  private final Path root;

  /** Of the machine whose root directory this is. */
  HostFacts(Path root) {
    this.root = root;
  }

  /** Its release. */
  Optional<String> kernel() {
    return text("proc/sys/kernel/osrelease").map(String::strip);
  }

  /** The words after each {@code keyword} of resolv.conf. */
  Optional<List<String>> resolvConf(String keyword) {
    return text("etc/resolv.conf")
        .map(
            text ->
                text.lines()
                    .map(line -> line.strip().split("\\s+"))
                    .filter(words -> words[0].equals(keyword))
                    .flatMap(words -> Arrays.stream(words).skip(1))
                    .toList());
  }

  /** Empty if the kernel does not measure it. */
  Optional<Pressure> pressure() {
    var cpu = pressure("cpu");
    var memory = pressure("memory");
    var io = pressure("io");
    return cpu.isPresent() && memory.isPresent() && io.isPresent()
        ? Optional.of(new Pressure(cpu.getAsDouble(), memory.getAsDouble(), io.getAsDouble()))
        : Optional.empty();
  }

  /** {@code some avg10=0.00 avg60=1.23 …}. */
  private OptionalDouble pressure(String what) {
    return text("proc/pressure/" + what).stream()
        .flatMap(String::lines)
        .filter(line -> line.startsWith("some "))
        .flatMap(line -> Arrays.stream(line.split(" ")))
        .filter(word -> word.matches("avg60=\\d{1,3}\\.\\d+"))
        .mapToDouble(word -> Double.parseDouble(word.substring("avg60=".length())))
        .findFirst();
  }

  /** Bytes of the file system that containers are on. */
  Optional<Room> disk() {
    try {
      var store = Files.getFileStore(root);
      return Optional.of(new Room(store.getTotalSpace(), store.getUsableSpace()));
    } catch (IOException _) {
      return Optional.empty();
    }
  }

  /** Files of the same; empty if it has no limit of its own. */
  @SuppressWarnings("restricted") // the jar's manifest allows it
  Optional<Room> inodes() {
    var linker = Linker.nativeLinker();
    var statvfs = linker.defaultLookup().find("statvfs");
    if (statvfs.isEmpty()) {
      return Optional.empty();
    }
    MethodHandle call =
        linker.downcallHandle(
            statvfs.get(),
            FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.ADDRESS));
    try (var arena = Arena.ofConfined()) {
      var answer = arena.allocate(STATVFS_BYTES, Long.BYTES);
      int code = (int) call.invokeExact(arena.allocateFrom(root.toString()), answer);
      long total = answer.get(ValueLayout.JAVA_LONG, FILES_OFFSET);
      return code == 0 && total > 0
          ? Optional.of(new Room(total, answer.get(ValueLayout.JAVA_LONG, FREE_FILES_OFFSET)))
          : Optional.empty();
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException("a call of C does not throw", e);
    }
  }

  /** Of the interface that leads there, in bytes. Sends nothing. */
  static OptionalInt mtu(InetAddress destination, int port) {
    try (var socket = new DatagramSocket()) {
      socket.connect(new InetSocketAddress(destination, port));
      var way = NetworkInterface.getByInetAddress(socket.getLocalAddress());
      return way == null ? OptionalInt.empty() : OptionalInt.of(way.getMTU());
    } catch (IOException | RuntimeException _) {
      return OptionalInt.empty(); // there is no way, which other checks say
    }
  }

  private Optional<String> text(String file) {
    try (var in = Files.newInputStream(root.resolve(file))) {
      return Optional.of(new String(in.readNBytes(MAX_FILE_BYTES), UTF_8));
    } catch (IOException _) {
      return Optional.empty();
    }
  }
}
