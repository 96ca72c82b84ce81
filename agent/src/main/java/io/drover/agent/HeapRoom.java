package io.drover.agent;

import com.sun.management.HotSpotDiagnosticMXBean;
import java.lang.management.ManagementFactory;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Gives back what the heap has taken for something that is over: a long list, the pages of an
 * Explorer, the end of the start. Our collector lets what is old grow up to the heap's limit before
 * it looks at it for the first time, and keeps the room ever after.
 *
 * <p>The price is one full collection a minute at most, and none while the heap stays as it is: 20
 * ms for 25 MiB that live, and up to 0.1 s beside a busy Explorer. One thread.
 */
final class HeapRoom {
  /** Less is not worth a collection, in bytes. */
  static final long WORTH = 12L * 1024 * 1024;

  private static final Logger log = LoggerFactory.getLogger(HeapRoom.class);

  /** A heap that can be made small. */
  interface Heap {
    /** What is taken of the machine's memory, in bytes. */
    long committed();

    /** Collects, and gives back what is free. */
    void shrink();
  }

  private final Heap heap;
  private long least;

  HeapRoom(Heap heap) {
    this.heap = heap;
    this.least = heap.committed();
  }

  /** Of this process. */
  static HeapRoom ofProcess() {
    return new HeapRoom(new OwnHeap());
  }

  /** One look, to be taken about once a minute. */
  void look() {
    long before = heap.committed();
    if (before - least < WORTH) {
      least = Math.min(least, before);
      return;
    }
    heap.shrink();
    least = heap.committed();
    log.debug("heap given back: before_bytes={} after_bytes={}", before, least);
  }

  /**
   * Ratios of what is free to what is taken, as the collector obeys them. With the small ones all
   * the time it would collect all over and again in bulk transfers (a fifth more CPU time).
   */
  private static final class OwnHeap implements Heap {
    private static final String LEAST_FREE = "MinHeapFreeRatio";
    private static final String MOST_FREE = "MaxHeapFreeRatio";
    private static final String SMALL = "20";

    private final HotSpotDiagnosticMXBean options =
        ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class);

    @Override
    public long committed() {
      return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getCommitted();
    }

    @Override
    public void shrink() {
      // In this order, since the one must never be above the other.
      @Nullable String least = set(LEAST_FREE, "0");
      @Nullable String most = set(MOST_FREE, SMALL);
      System.gc();
      restore(MOST_FREE, most);
      restore(LEAST_FREE, least);
    }

    /** Returns what it was; null if another collector than ours does not know it. */
    private @Nullable String set(String option, String value) {
      try {
        String before = options.getVMOption(option).getValue();
        options.setVMOption(option, value);
        return before;
      } catch (IllegalArgumentException e) {
        log.debug("heap is given back as it is: reason={}", e.getMessage());
        return null;
      }
    }

    private void restore(String option, @Nullable String value) {
      if (value != null) {
        options.setVMOption(option, value);
      }
    }
  }
}
