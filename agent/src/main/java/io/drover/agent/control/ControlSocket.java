package io.drover.agent.control;

import io.drover.agent.retry.Sleeper;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A UNIX socket at which the log level can be asked for and changed while the agent runs, with
 * {@code curl --unix-socket} or the script {@code loglevel} of the stock agent's image; and further
 * pages, for {@code drover-agent diag}.
 *
 * <p>Only the user that the agent runs as may connect. Connections are served one after the other,
 * in one thread, each within {@link #LIMIT}. Source of path and answers of the log level: Rancher
 * {@code pkg/logserver}, v2.15.0.
 */
public final class ControlSocket implements AutoCloseable {
  /**
   * For one connection, from its first byte to its last. A dump of 16,000 threads is a matter of
   * seconds.
   */
  static final Duration LIMIT = Duration.ofSeconds(15);

  // Source: inode(7).
  private static final int FILE_TYPE = 0170000;
  private static final int SOCKET = 0140000;

  private static final Logger log = LoggerFactory.getLogger(ControlSocket.class);

  private final ControlExchange exchange;
  private final Sleeper sleeper;

  /** Null: nothing is served. */
  private final @Nullable Listener listener;

  /**
   * What listens.
   *
   * @param inode of the socket's file, by which to tell it from one that took its place
   */
  private record Listener(ServerSocketChannel channel, Path path, Object inode) {}

  private ControlSocket(ControlExchange exchange, Sleeper sleeper, @Nullable Listener listener) {
    this.exchange = exchange;
    this.sleeper = sleeper;
    this.listener = listener;
  }

  /**
   * Serves, or logs why not: nothing else depends on it.
   *
   * @param path of the socket; empty: nothing is served
   * @param level names the level
   * @param change sets the level by its name; throws {@link IllegalArgumentException} if there is
   *     none
   * @param pages by their paths, for GET
   * @param orders by their paths, for POST
   * @param sleeper waits for {@link #LIMIT}
   */
  public static ControlSocket start(
      Optional<Path> path,
      Supplier<String> level,
      Consumer<String> change,
      Map<String, ControlPage> pages,
      Map<String, ControlOrder> orders,
      Sleeper sleeper) {
    var socket =
        new ControlSocket(
            new ControlExchange(level, change, pages, orders),
            sleeper,
            path.flatMap(ControlSocket::tryListen).orElse(null));
    if (socket.listener != null) {
      var channel = socket.listener.channel();
      Thread.ofVirtual().name("control").start(() -> socket.serve(channel));
    }
    return socket;
  }

  /** Whether somebody serves a socket there, as another agent of this machine or container does. */
  public static boolean isServed(Path path) {
    try (var _ = SocketChannel.open(UnixDomainSocketAddress.of(path))) {
      return true;
    } catch (IOException | IllegalArgumentException | UnsupportedOperationException _) {
      return false; // nothing is there, or it is left over, or is no socket
    }
  }

  private static Optional<Listener> tryListen(Path path) {
    try {
      return Optional.of(listen(path.toAbsolutePath()));
    } catch (IOException | UnsupportedOperationException e) {
      log.warn("control socket is not served: path={} reason={}", path, e.toString());
      return Optional.empty();
    }
  }

  /** Made in a directory that nobody else may enter, so that nobody is quicker than its mode. */
  private static Listener listen(Path path) throws IOException {
    refuseUnlessFree(path);
    Path directory = Files.createTempDirectory(path.getParent(), "control");
    Path made = directory.resolve("sock");
    var channel = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    try {
      channel.bind(UnixDomainSocketAddress.of(made));
      Files.setPosixFilePermissions(made, PosixFilePermissions.fromString("rw-------"));
      Object inode = inode(made);
      Files.move(made, path, StandardCopyOption.ATOMIC_MOVE);
      log.debug("control socket is served: path={}", path);
      return new Listener(channel, path, inode);
    } catch (IOException e) {
      channel.close();
      throw e;
    } finally {
      Files.deleteIfExists(made);
      Files.delete(directory);
    }
  }

  /** A socket on which nobody listens is left over from an agent that was killed. */
  private static void refuseUnlessFree(Path path) throws IOException {
    if (!Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    int mode = (int) Files.getAttribute(path, "unix:mode", LinkOption.NOFOLLOW_LINKS);
    if ((mode & FILE_TYPE) != SOCKET) {
      throw new IOException("is there, and is no socket");
    }
    try (var _ = SocketChannel.open(UnixDomainSocketAddress.of(path))) {
      throw new IOException("is in use by another process");
    } catch (java.net.ConnectException _) {
      // Nobody does.
    }
  }

  private static Object inode(Path path) throws IOException {
    return Files.getAttribute(path, "unix:ino", LinkOption.NOFOLLOW_LINKS);
  }

  private void serve(ServerSocketChannel channel) {
    try {
      while (true) {
        serve(channel.accept());
      }
    } catch (IOException e) {
      if (channel.isOpen()) {
        log.warn("control socket is not served any more: reason={}", e.toString());
      }
    }
  }

  private void serve(SocketChannel client) {
    var limit = Thread.ofVirtual().name("control-limit").start(() -> closeAfterLimit(client));
    try (client) {
      exchange.serve(client);
    } catch (IOException e) {
      log.debug("control request failed: reason={}", e.toString());
    } finally {
      limit.interrupt();
    }
  }

  private void closeAfterLimit(SocketChannel client) {
    try {
      sleeper.sleep(LIMIT);
      client.close();
    } catch (InterruptedException _) {
      // Served in time.
    } catch (IOException e) {
      log.debug("control connection not closed: reason={}", e.toString());
    }
  }

  /** Stops serving; the socket's file goes, unless another one has taken its place. */
  @Override
  public void close() {
    if (listener == null) {
      return;
    }
    try {
      listener.channel().close();
      if (Files.exists(listener.path(), LinkOption.NOFOLLOW_LINKS)
          && inode(listener.path()).equals(listener.inode())) {
        Files.delete(listener.path());
      }
    } catch (IOException e) {
      log.debug("control socket not removed: path={} reason={}", listener.path(), e.toString());
    }
  }
}
