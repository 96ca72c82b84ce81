package io.drover.agent.rotate;

import static java.nio.file.StandardWatchEventKinds.ENTRY_CREATE;
import static java.nio.file.StandardWatchEventKinds.ENTRY_DELETE;
import static java.nio.file.StandardWatchEventKinds.ENTRY_MODIFY;

import java.io.IOException;
import java.nio.file.FileSystems;
import java.nio.file.Path;
import java.nio.file.WatchKey;
import java.nio.file.WatchService;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The entries of directories, by the kernel's word. Of a volume that Kubernetes mounts that is the
 * link {@code ..data}, which it turns to the new content when all of that is there. A directory
 * that does not exist, or goes away, is watched from the next call on after it came. For one
 * thread.
 */
public final class FileChanges implements Changes {
  /** Whoever writes one file may write another: so long after a change all have to be quiet. */
  static final Duration SETTLED = Duration.ofMillis(200);

  /** Who never is quiet is not waited for: so many events, one after the other, are one change. */
  static final int MAX_EVENTS = 20;

  private static final Logger log = LoggerFactory.getLogger(FileChanges.class);

  private final WatchService service;
  private final List<Path> directories;
  private final Map<Path, WatchKey> watched = new HashMap<>();

  private FileChanges(WatchService service, List<Path> directories) {
    this.service = service;
    this.directories = List.copyOf(directories);
  }

  /**
   * Watches these directories, but not those in them.
   *
   * @throws IOException if this system has no room for one more who watches
   */
  public static FileChanges of(List<Path> directories) throws IOException {
    var changes = new FileChanges(FileSystems.getDefault().newWatchService(), directories);
    changes.watch();
    return changes;
  }

  /** Returns whether there is one that was not watched before. */
  private boolean watch() {
    boolean more = false;
    for (Path directory : directories) {
      if (!watched.containsKey(directory)) {
        try {
          watched.put(
              directory, directory.register(service, ENTRY_CREATE, ENTRY_DELETE, ENTRY_MODIFY));
          more = true;
        } catch (IOException e) {
          log.debug("not watched: directory={} reason={}", directory, e.toString());
        }
      }
    }
    return more;
  }

  @Override
  public boolean await(Duration limit) throws InterruptedException {
    if (watch()) {
      return true; // nobody knows what happened before
    }
    if (!take(limit)) {
      return false;
    }
    for (int events = 1; events < MAX_EVENTS && take(SETTLED); events++) {
      // The next one.
    }
    return true;
  }

  private boolean take(Duration limit) throws InterruptedException {
    @Nullable WatchKey key = service.poll(limit.toMillis(), TimeUnit.MILLISECONDS);
    if (key == null) {
      return false;
    }
    key.pollEvents();
    if (!key.reset()) {
      watched.values().remove(key);
    }
    return true;
  }

  @Override
  public void close() {
    try {
      service.close();
    } catch (IOException e) {
      log.debug("watch not closed: reason={}", e.toString());
    }
  }
}
