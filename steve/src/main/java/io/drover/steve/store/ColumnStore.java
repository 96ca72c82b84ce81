package io.drover.steve.store;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.steve.query.Columns;
import io.drover.steve.query.Field;
import io.drover.steve.query.Projects;
import io.drover.steve.query.Query;
import io.drover.steve.query.Scope;
import io.drover.steve.query.SortKey;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * The objects of one watched type.
 *
 * <p>One thread fills it; any number of others read, and hold it up for as long as a scan takes: a
 * few milliseconds for 100,000 rows. An order that many rows are asked for is sorted beside that,
 * and kept. Objects come with their {@code metadata.state}, and {@code metadata.fields} as {@link
 * Columns#keepTimes} leaves them, and come back so.
 */
public final class ColumnStore implements AutoCloseable {
  /** Rows that there is room for at first. */
  private static final int FIRST_ROWS = 16;

  /** Of a row, besides its columns: place, length, size. */
  private static final int ROW_BYTES = 8 + 4 + 4;

  /** So much that is dead is not worth moving what lives. */
  private static final long MIN_DEAD_BYTES = 256 * 1024;

  private static final int MIN_DEAD_TEXTS = 4096;

  private final Columns definitions;
  private final Space space;
  private final Background background;
  private final Orders orders;
  private final Space.Part part;
  private final List<Field> fields;
  private final Map<String, Integer> columnNumbers = new HashMap<>();
  private final int idColumn;
  private final int nameColumn;

  /** Where the objects live in none, the column of the id, which no query minds. */
  private final int namespaceColumn;

  /**
   * Fair, or readers that keep coming would keep the one that fills the store waiting for as long
   * as they leave no thread to whoever is in front of it.
   */
  private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock(true);

  // Guarded by lock.
  private Texts texts;
  private Rows rows;
  private @Nullable Packing packing;

  /** A number of {@link #texts} by column and row; the last column is the labels. */
  private final List<Ints> columns;

  private long[] places = new long[FIRST_ROWS];
  private int[] packedLengths = new int[FIRST_ROWS];
  private int[] lengths = new int[FIRST_ROWS];

  /** A row, and one more, by the number of its id; 0 for texts that are no id. */
  private final Ints rowsById;

  private int end;
  private int[] free = new int[FIRST_ROWS];
  private int freeCount;

  private long deadBytes;
  private long liveBytes;
  private int textsAfterCompaction;
  private boolean closed;

  /** resourceVersion of the newest event, or of the list if there was none. */
  private long revision;

  /** An object as a page has found it, whatever becomes of it in the store. */
  public static final class Row {
    private final byte[] packed;
    private final int length;
    private final Packing by;

    private Row(byte[] packed, int length, Packing by) {
      this.packed = packed;
      this.length = length;
      this.by = by;
    }

    /** In UTF-8. */
    public byte[] json() {
      return by.unpack(packed, length);
    }
  }

  /**
   * A part of all that a query asks for, as it was at one moment.
   *
   * @param count of all that it asks for
   * @param size of the store, whosever its objects are
   * @param tallied what the query's tally counted, or null
   */
  public record Page(
      List<Row> rows, int count, int size, long revision, @Nullable JsonNode tallied) {
    public Page {
      rows = List.copyOf(rows);
    }
  }

  /** Does what no page waits for. */
  @FunctionalInterface
  public interface Background {
    /** Repeats a step, in another thread and without haste, until it returns false. */
    void repeat(BooleanSupplier step);
  }

  /** An empty one, in that space. */
  public ColumnStore(Columns definitions, Space space, Background background)
      throws StoreFullException {
    this.definitions = definitions;
    this.space = space;
    this.background = background;
    orders = new Orders(space);
    fields = definitions.fields();
    for (int column = 0; column < fields.size(); column++) {
      columnNumbers.put(fields.get(column).column(), column);
    }
    idColumn = columnOf("id");
    nameColumn = columnOf("metadata.name");
    int namespace = columnOf("metadata.namespace");
    namespaceColumn = namespace < 0 ? fields.size() + 1 : namespace;
    part = space.part();
    try {
      part.take((long) FIRST_ROWS * (ROW_BYTES + Integer.BYTES));
      // Labels, and namespaces that are all empty.
      var empty = new ArrayList<Ints>();
      while (empty.size() < fields.size() + 2) {
        empty.add(new Ints(part, FIRST_ROWS));
      }
      columns = List.copyOf(empty);
      rowsById = new Ints(part, FIRST_ROWS);
      texts = new Texts(space);
    } catch (StoreFullException e) {
      part.release();
      throw e;
    }
    rows = new Rows(space);
  }

  private int columnOf(String name) {
    return columnNumbers.getOrDefault(name, -1);
  }

  private int labelsColumn() {
    return fields.size();
  }

  @Override
  public void close() {
    lock.writeLock().lock();
    try {
      texts.release();
      rows.release();
      orders.letGo();
      part.release();
      closed = true;
      end = 0;
      freeCount = 0;
    } finally {
      lock.writeLock().unlock();
    }
  }

  /** Adds an object of the list that comes before all events. */
  public void load(ObjectNode object) throws StoreFullException {
    store(object, false);
  }

  /** The list is complete. */
  public void loaded(long resourceVersion) {
    lock.writeLock().lock();
    try {
      revision = resourceVersion;
    } finally {
      lock.writeLock().unlock();
    }
  }

  /** An object is new, or has changed. */
  public void put(ObjectNode object) throws StoreFullException {
    store(object, true);
  }

  private void store(ObjectNode object, boolean isEvent) throws StoreFullException {
    requireNoSecret(object);
    var json = object.toString().getBytes(StandardCharsets.UTF_8);
    lock.writeLock().lock();
    try {
      try {
        add(object, json);
      } catch (StoreFullException e) {
        // Objects come before quick pages of them.
        if (!orders.letGo()) {
          throw e;
        }
        add(object, json);
      }
      if (isEvent) {
        revision = resourceVersion(object);
      }
    } finally {
      lock.writeLock().unlock();
    }
  }

  // Guarded by lock.
  private void add(ObjectNode object, byte[] json) throws StoreFullException {
    if (packing == null) {
      packing = new Packing(json);
    }
    compact();
    var packed = packing.pack(json);
    var numbers = numbers(object);
    int id = numbers[idColumn];
    rowsById.grow(texts.count(), part);
    int known = rowsById.get(id) - 1;
    int row = known >= 0 ? known : freeRow();
    long place = rows.add(packed);
    // Nothing fails from here on.
    if (known >= 0) {
      deadBytes += packedLengths[row];
      liveBytes -= packedLengths[row];
    } else if (row == end) {
      end++;
    } else {
      freeCount--;
    }
    for (int column = 0; column < columns.size(); column++) {
      columns.get(column).set(row, numbers[column]);
    }
    places[row] = place;
    packedLengths[row] = packed.length;
    lengths[row] = json.length;
    rowsById.set(id, row + 1);
    liveBytes += packed.length;
    orders.changed(row);
  }

  /** Values of Secrets stay in the API server: whoever fills the store takes them out. */
  private static void requireNoSecret(ObjectNode object) {
    if (object.path("kind").asText("").equals("Secret")) {
      var annotations = object.path("metadata").path("annotations");
      for (var values : List.of(object.path("data"), object.path("stringData"))) {
        for (var value : values) {
          if (!value.asText("").isEmpty()) {
            throw new IllegalArgumentException("a Secret's values");
          }
        }
      }
      if (annotations.has("kubectl.kubernetes.io/last-applied-configuration")) {
        throw new IllegalArgumentException("a Secret's values, in an annotation");
      }
    }
  }

  private static long resourceVersion(ObjectNode object) {
    return object.path("metadata").path("resourceVersion").asLong();
  }

  /** The texts of an object's columns. */
  private int[] numbers(ObjectNode object) throws StoreFullException {
    var numbers = new int[columns.size()];
    for (int column = 0; column < fields.size(); column++) {
      var text = definitions.text(object, fields.get(column));
      numbers[column] = text == null ? 0 : texts.number(text);
    }
    numbers[labelsColumn()] = Labels.number(object.path("metadata").path("labels"), texts);
    return numbers;
  }

  /** A row that is free, or the next one behind all. */
  private int freeRow() throws StoreFullException {
    if (freeCount > 0) {
      return free[freeCount - 1];
    }
    if (end == places.length) {
      int size = end + end / 2;
      for (var column : columns) {
        column.grow(size, part);
      }
      part.take((long) (size - end) * ROW_BYTES);
      places = Arrays.copyOf(places, size);
      packedLengths = Arrays.copyOf(packedLengths, size);
      lengths = Arrays.copyOf(lengths, size);
    }
    return end;
  }

  /**
   * An object is gone.
   *
   * @param namespace empty for an object that lives in none
   */
  public void delete(String namespace, String name, long resourceVersion)
      throws StoreFullException {
    lock.writeLock().lock();
    try {
      var id = namespace.isEmpty() ? name : namespace + "/" + name;
      int number = texts.find(id);
      int row = rowOf(number);
      if (row < 0) {
        return;
      }
      if (freeCount == free.length) {
        part.take(4L * free.length);
        free = Arrays.copyOf(free, 2 * free.length);
      }
      free[freeCount++] = row;
      rowsById.set(number, 0);
      for (var column : columns) {
        column.set(row, 0);
      }
      deadBytes += packedLengths[row];
      liveBytes -= packedLengths[row];
      orders.changed(row);
      revision = resourceVersion;
    } finally {
      lock.writeLock().unlock();
    }
  }

  /** Moves what lives into new memory when most of the old is dead. */
  private void compact() throws StoreFullException {
    if (deadBytes > Math.max(liveBytes, MIN_DEAD_BYTES)) {
      var moved = new Rows(space);
      try {
        var places = this.places.clone();
        for (int row = 0; row < end; row++) {
          if (isLive(row)) {
            places[row] = moved.add(rows.bytes(this.places[row], packedLengths[row]));
          }
        }
        System.arraycopy(places, 0, this.places, 0, end);
      } catch (StoreFullException e) {
        moved.release();
        throw e;
      }
      rows.release();
      rows = moved;
      deadBytes = 0;
    }
    // Texts that no row has are not counted: as many new ones as there were are reason enough.
    if (texts.count() > 2 * textsAfterCompaction + MIN_DEAD_TEXTS) {
      renumber();
      textsAfterCompaction = texts.count();
    }
  }

  private void renumber() throws StoreFullException {
    var fresh = new Texts(space);
    var numbers = new int[texts.count()];
    try {
      for (int column = 0; column < columns.size(); column++) {
        for (int row = 0; row < end; row++) {
          int old = columns.get(column).get(row);
          if (old != 0 && numbers[old] == 0) {
            numbers[old] =
                column == labelsColumn()
                    ? Labels.renumber(old, texts, fresh)
                    : fresh.number(texts.bytes(old));
          }
        }
      }
    } catch (StoreFullException e) {
      fresh.release();
      throw e;
    }
    // Nothing fails from here on.
    for (var column : columns) {
      for (int row = 0; row < end; row++) {
        column.set(row, numbers[column.get(row)]);
      }
    }
    texts.release();
    texts = fresh;
    rowsById.clear();
    for (int row = 0; row < end; row++) {
      if (isLive(row)) {
        rowsById.set(columns.get(idColumn).get(row), row + 1);
      }
    }
  }

  /** The row of an id's number, or -1. */
  private int rowOf(int number) {
    return number < 0 || number >= rowsById.size() ? -1 : rowsById.get(number) - 1;
  }

  private boolean isLive(int row) {
    return columns.get(idColumn).get(row) != 0;
  }

  /**
   * Answers a query.
   *
   * @param scope what its user may see
   * @param maxBytes of the rows, as JSON
   * @return empty if the page is longer than that, or the store is closed
   * @throws IllegalArgumentException if the query's dialect has no columns
   */
  public Optional<Page> page(
      Query query, Scope scope, Projects projects, int maxRows, long maxBytes) {
    if (!query.dialect().hasColumns()) {
      throw new IllegalArgumentException("classic queries are asked of objects");
    }
    var page = found(query, scope, projects, maxRows, maxBytes);
    if (orders.begin()) {
      background.repeat(this::sortOn);
    }
    return page;
  }

  private Optional<Page> found(
      Query query, Scope scope, Projects projects, int maxRows, long maxBytes) {
    lock.readLock().lock();
    try {
      var scan = scan(query.sort());
      scan.keepMatching(query.filters());
      scan.keepVisible(scope);
      if (query.projects() != null) {
        scan.keepInProjects(query.projects(), projects, definitions.areNamespaces());
      }
      int count = scan.count();
      var page = scan.page(query.page().from(count), query.page().to(count), query.sort());
      var tally = query.tally();
      var tallied = tally == null ? null : scan.tallied(page, tally);
      var shown = tally != null && tally.only() ? new int[0] : page;
      long bytes = Arrays.stream(shown).mapToLong(row -> lengths[row]).sum();
      if (closed || shown.length > maxRows || bytes > maxBytes) {
        return Optional.empty();
      }
      var found = Arrays.stream(shown).mapToObj(this::row).toList();
      return Optional.of(new Page(found, count, end - freeCount, revision, tallied));
    } finally {
      lock.readLock().unlock();
    }
  }

  private Row row(int row) {
    return new Row(
        rows.bytes(places[row], packedLengths[row]),
        lengths[row],
        Objects.requireNonNull(packing)); // there was a first object
  }

  // Guarded by lock.
  private Scan scan(List<SortKey> sort) {
    var table = table();
    var sorted = end - freeCount < Orders.MIN_ROWS ? null : orders.rows(sort, table, end);
    return sorted == null ? Scan.unsorted(table, end) : Scan.sorted(table, sorted);
  }

  // Guarded by lock, for as long as it is held.
  private Table table() {
    return new Table(
        texts, columns, columnNumbers, idColumn, nameColumn, namespaceColumn, labelsColumn());
  }

  /** Sorts a piece of an order that a page wanted; returns whether to go on. */
  private boolean sortOn() {
    lock.readLock().lock();
    try {
      return orders.sortOn(table());
    } finally {
      lock.readLock().unlock();
    }
  }

  /** How many rows there are. */
  public int size() {
    lock.readLock().lock();
    try {
      return end - freeCount;
    } finally {
      lock.readLock().unlock();
    }
  }
}
