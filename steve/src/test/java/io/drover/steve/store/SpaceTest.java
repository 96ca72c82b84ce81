package io.drover.steve.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.steve.query.Dialect;
import io.drover.steve.query.Projects;
import io.drover.steve.query.Query;
import io.drover.steve.query.Scope;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SpaceTest {
  private static final int LARGE = Space.OUTSIDE_FROM_BYTES;
  private static final long LIMIT = 16L * LARGE;

  @TempDir private Path directory;

  private final Budget memory = new Budget(LIMIT);

  private Space onDisk(long limitBytes) {
    return onDisk(memory, limitBytes);
  }

  private Space onDisk(Budget inMemory, long limitBytes) {
    return new Space(inMemory, Optional.of(new Space.Disk(directory, new Budget(limitBytes))));
  }

  @Test
  void smallChunksAreOnTheHeapAndAreGivenBackOneByOne() throws Exception {
    var part = Space.inMemory(memory).part();

    var chunk = part.chunk(LARGE - 1);

    assertThat(chunk.isNative()).isFalse();
    assertThat(memory.usedBytes()).isEqualTo(LARGE - 1);
    part.forget(chunk);
    assertThat(memory.usedBytes()).isZero();
    part.release();
    assertThat(memory.usedBytes()).isZero();
  }

  @Test
  void largeChunksAreOutsideUntilTheEnd() throws Exception {
    var part = Space.inMemory(memory).part();

    var chunk = part.chunk(LARGE);
    part.forget(chunk);

    assertThat(chunk.isNative()).isTrue();
    assertThat(memory.usedBytes()).isEqualTo(LARGE);
    part.release();
    assertThat(memory.usedBytes()).isZero();
    assertThat(chunk.scope().isAlive()).isFalse();
  }

  @Test
  void memoryHasAnEnd() throws Exception {
    var part = Space.inMemory(memory).part();
    for (int i = 0; i < 16; i++) {
      part.chunk(LARGE);
    }

    assertThatThrownBy(() -> part.chunk(LARGE))
        .isInstanceOf(StoreFullException.class)
        .hasMessage("objects that are held need more than 1048576 bytes");
    part.release();
  }

  @Test
  void filesTakeNoMemoryAndHaveNoName() throws Exception {
    var space = onDisk(4L * Space.EXTENT_BYTES);
    var part = space.part();

    var first = part.chunk(LARGE);
    var large = part.chunk(2 * Space.EXTENT_BYTES);
    first.set(ValueLayout.JAVA_BYTE, 0, (byte) 1);
    large.set(ValueLayout.JAVA_BYTE, large.byteSize() - 1, (byte) 2);

    assertThat(first.isMapped()).isTrue();
    assertThat(large.isMapped()).isTrue();
    assertThat(first.get(ValueLayout.JAVA_BYTE, 0)).isEqualTo((byte) 1);
    assertThat(memory.usedBytes()).isZero();
    assertThat(space.disk().orElseThrow().budget().usedBytes()).isEqualTo(3L * Space.EXTENT_BYTES);
    try (var files = Files.list(directory)) {
      assertThat(files).isEmpty();
    }
    part.release();
    assertThat(space.disk().orElseThrow().budget().usedBytes()).isZero();
  }

  @Test
  void diskHasAnEnd() throws Exception {
    var part = onDisk(Space.EXTENT_BYTES).part();
    for (int i = 0; i < Space.EXTENT_BYTES / LARGE; i++) {
      part.chunk(LARGE);
    }

    assertThatThrownBy(() -> part.chunk(LARGE)).isInstanceOf(StoreFullException.class);
    part.release();
  }

  @Test
  void directoryThatIsNotThereIsNamed() throws IOException {
    Files.delete(directory);
    var space = onDisk(Space.EXTENT_BYTES);
    var part = space.part();

    assertThatThrownBy(() -> part.chunk(LARGE))
        .isInstanceOf(StoreFullException.class)
        .hasMessageContaining("no room in " + directory);
    part.release();
    assertThat(space.disk().orElseThrow().budget().usedBytes()).isZero();
    Files.createDirectory(directory);
  }

  /** More than the memory that there is, in a file. */
  @Test
  void storeGrowsIntoItsFile() throws Exception {
    var pods = new Pods();
    var little = new Budget(4L * Space.EXTENT_BYTES);
    var space = onDisk(little, 64L * Space.EXTENT_BYTES);
    int count = 20_000;
    try (var store = new ColumnStore(Pods.columns(), space, Pods::atOnce)) {
      var names = new HashSet<String>(); // some are made twice
      var some = new ArrayList<ObjectNode>();
      for (int i = 0; i < count; i++) {
        var pod = pods.pod(i);
        names.add(pod.at("/metadata/namespace").asText() + pod.at("/metadata/name").asText());
        store.load(pod);
        if (i % 10 == 0) {
          some.add(pod);
        }
      }
      store.loaded(1);
      // Anew, as often as it takes for the file to be written anew.
      for (int time = 0; time < 20; time++) {
        for (var pod : some) {
          store.put(pod);
        }
      }

      var query =
          Query.parse(
              Dialect.NEWEST,
              Pods.columns(),
              Map.of("sort", List.of("-metadata.name"), "pagesize", List.of("100")));
      var page = store.page(query, Scope.ALL, Projects.NONE, 100, Long.MAX_VALUE).orElseThrow();

      assertThat(page.count()).isEqualTo(names.size());
      assertThat(page.rows()).hasSize(100).allSatisfy(row -> assertThat(row.json()).isNotEmpty());
      assertThat(space.disk().orElseThrow().budget().usedBytes())
          .isGreaterThan(4L * Space.EXTENT_BYTES);
    }
    assertThat(little.usedBytes()).isZero();
    assertThat(space.disk().orElseThrow().budget().usedBytes()).isZero();
  }
}
