package io.drover.agent;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

class HeapRoomTest {
  private static final long MIB = 1024 * 1024;

  private final ScriptedHeap heap = new ScriptedHeap();

  /** One that is as large as is said. */
  private static final class ScriptedHeap implements HeapRoom.Heap {
    private long committed = 20 * MIB;
    private long needed = 20 * MIB;
    private int collections;

    @Override
    public long committed() {
      return committed;
    }

    @Override
    public void shrink() {
      collections++;
      committed = needed;
    }
  }

  @Test
  void whatHasBeenTakenIsGivenBackOnce() {
    var room = new HeapRoom(heap);
    heap.committed += HeapRoom.WORTH - 1;
    room.look();
    assertThat(heap.collections).as("not worth it").isZero();

    heap.committed += 1;
    room.look();
    room.look();
    assertThat(heap.collections).isEqualTo(1);
    assertThat(heap.committed).isEqualTo(20 * MIB);
  }

  @Test
  void whatIsNeededIsNotAskedForAgainAndAgain() {
    var room = new HeapRoom(heap);
    heap.committed = 90 * MIB;
    heap.needed = 80 * MIB;
    for (int minute = 0; minute < 60; minute++) {
      room.look();
    }
    assertThat(heap.collections).isEqualTo(1);

    heap.needed = 30 * MIB;
    heap.committed = 92 * MIB;
    room.look();
    assertThat(heap.committed).isEqualTo(30 * MIB);
  }

  @Test
  void heapThatShrinksByItselfIsMeasuredFromThere() {
    var room = new HeapRoom(heap);
    heap.committed = 10 * MIB;
    room.look();
    heap.committed = 10 * MIB + HeapRoom.WORTH;
    room.look();
    assertThat(heap.collections).isEqualTo(1);
  }

  /** A process of its own, with the flags that the agent has. */
  static final class Busy {
    private static final int PIECE = 1000;

    private Busy() {}

    public static void main(String[] arguments) {
      var room = HeapRoom.ofProcess();
      long before = committed();
      var live = pieces(4 * MIB);
      long busy = fill();
      room.look();
      System.out.println(before / MIB + " " + busy / MIB + " " + committed() / MIB);
      fill(); // the ratios are as before: it may grow again
      System.out.println(committed() / MIB + " " + live.size());
    }

    /** Objects that are old before they are garbage. */
    private static long fill() {
      var pieces = pieces(60 * MIB);
      return pieces.isEmpty() ? 0 : committed();
    }

    private static List<byte[]> pieces(long bytes) {
      var pieces = new ArrayList<byte[]>();
      for (long made = 0; made < bytes; made += PIECE) {
        pieces.add(new byte[PIECE]);
      }
      return pieces;
    }

    private static long committed() {
      return Runtime.getRuntime().totalMemory();
    }
  }

  @Test
  @Timeout(60)
  void heapOfARealProcessShrinksAndMayGrowAgain(@TempDir Path directory) throws Exception {
    var output = directory.resolve("output");
    var process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "@src/main/dist/conf/jvm.options",
                "-cp",
                System.getProperty("java.class.path"),
                Busy.class.getName())
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start();
    assertThat(process.waitFor(50, TimeUnit.SECONDS)).isTrue();
    var text = Files.readString(output, UTF_8);
    assertThat(process.exitValue()).as(text).isZero();
    var numbers =
        Files.readAllLines(output, UTF_8).stream()
            .filter(line -> line.matches("[0-9 ]+"))
            .flatMap(line -> List.of(line.split(" ")).stream())
            .map(Integer::valueOf)
            .toList();
    assertThat(numbers.get(1)).as("busy: %s", text).isGreaterThan(70);
    assertThat(numbers.get(2)).as("behind it: %s", text).isLessThan(numbers.getFirst() + 16);
    assertThat(numbers.get(3)).as("busy again: %s", text).isGreaterThan(70);
  }
}
