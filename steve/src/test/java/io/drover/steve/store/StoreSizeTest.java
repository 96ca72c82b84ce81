package io.drover.steve.store;

import static org.assertj.core.api.Assertions.assertThat;

import io.drover.steve.query.Dialect;
import io.drover.steve.query.Projects;
import io.drover.steve.query.Query;
import io.drover.steve.query.Scope;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What 100,000 pods take. Times are printed only: they are the machine's as much as ours, and
 * longer beside the fuzz tests, which instrument all classes. Run it alone for figures.
 */
class StoreSizeTest {
  private static final int PODS = 100_000;
  private static final int TIMES = 100;
  private static final long MIB = 1024 * 1024;
  private static final long MAX_HEAP_BYTES = 60 * MIB;

  @TempDir private Path directory;

  @Test
  void hundredThousandPodsTakeLittleHeap() throws Exception {
    measure(Optional.empty());
  }

  @Test
  void hundredThousandPodsInAFileFitIntoTheMemoryThatThereIs() throws Exception {
    measure(Optional.of(directory));
  }

  private static void measure(Optional<Path> directory) throws Exception {
    var pods = new Pods();
    var columns = Pods.columns();
    pods.pod(0);
    long before = usedHeap();
    var memory = new Budget(directory.isPresent() ? 16 * MIB : 512 * MIB);
    var disk = new Budget(512 * MIB);
    var space = new Space(memory, directory.map(path -> new Space.Disk(path, disk)));
    try (var store = new ColumnStore(columns, space, Pods::atOnce)) {
      long begin = System.nanoTime();
      for (int i = 0; i < PODS; i++) {
        store.load(pods.pod(i));
      }
      long loading = System.nanoTime() - begin;
      store.loaded(1);
      long heap = usedHeap() - before;

      System.out.printf(
          "%d pods: heap %d bytes a row, memory %d, files %d, loaded in %d ms%n",
          PODS,
          heap / PODS,
          memory.usedBytes() / PODS,
          disk.usedBytes() / PODS,
          loading / 1_000_000);
      var queries = new LinkedHashMap<String, Map<String, List<String>>>();
      // More orders than are kept: each is asked for often enough to take the place of another.
      queries.put(
          "first page by namespace and name",
          Map.of("sort", List.of("metadata.namespace,metadata.name")));
      queries.put(
          "first page by name, of user namespaces",
          Map.of(
              "sort", List.of("metadata.name"),
              "filter", List.of("metadata.namespace NOTIN (team-1,team-2,team-3)")));
      queries.put(
          "page 500 by name", Map.of("sort", List.of("-metadata.name"), "page", List.of("500")));
      queries.put("first page by age", Map.of("sort", List.of("-metadata.fields[4]")));
      queries.put(
          "part of a name",
          Map.of("filter", List.of("metadata.name~app-19"), "sort", List.of("-metadata.name")));
      queries.put("by label", Map.of("sort", List.of("metadata.labels[app]")));
      queries.put(
          "state, by restarts",
          Map.of(
              "filter", List.of("metadata.state.name=running"),
              "sort", List.of("-metadata.fields[3],metadata.name")));
      for (var query : queries.entrySet()) {
        measure(store, query.getKey(), query.getValue());
      }
      assertThat(store.size()).isEqualTo(PODS);
      assertThat(heap).isLessThan(MAX_HEAP_BYTES);
    }
  }

  private static void measure(ColumnStore store, String name, Map<String, List<String>> parameters)
      throws Exception {
    var paged = new LinkedHashMap<>(parameters);
    paged.put("pagesize", List.of("100"));
    var query = Query.parse(Dialect.NEWEST, Pods.columns(), paged);
    var micros = new long[TIMES];
    long sorting = System.nanoTime();
    store.page(query, Scope.ALL, Projects.NONE, PODS, Long.MAX_VALUE); // and all behind it
    sorting = System.nanoTime() - sorting;
    for (int i = -50; i < TIMES; i++) {
      long begin = System.nanoTime();
      var page = store.page(query, Scope.ALL, Projects.NONE, PODS, Long.MAX_VALUE).orElseThrow();
      for (var row : page.rows()) {
        assertThat(row.json()).isNotEmpty();
      }
      micros[Math.max(0, i)] = (System.nanoTime() - begin) / 1000;
    }
    Arrays.sort(micros);
    System.out.printf(
        "%-40s p50 %d us, p99 %d us; sorted within %d ms%n",
        name, micros[TIMES / 2], micros[TIMES * 99 / 100], sorting / 1_000_000);
  }

  private static long usedHeap() {
    for (int i = 0; i < 3; i++) {
      System.gc();
    }
    var runtime = Runtime.getRuntime();
    return runtime.totalMemory() - runtime.freeMemory();
  }
}
