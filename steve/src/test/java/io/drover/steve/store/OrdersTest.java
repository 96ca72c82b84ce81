package io.drover.steve.store;

import static org.assertj.core.api.Assertions.assertThat;

import io.drover.steve.query.Field;
import io.drover.steve.query.Order;
import io.drover.steve.query.SortKey;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class OrdersTest {
  private static final int ROWS = Orders.MIN_ROWS;
  private static final List<SortKey> BY_NAME = sort("name", false);
  private static final List<SortKey> FROM_BEHIND = sort("name", true);

  private final Budget budget = new Budget(16 * 1024 * 1024);
  private final Random random = new Random(5);
  private final Orders orders = new Orders(Space.inMemory(budget));
  private final String[] names = new String[ROWS];
  private Texts texts;
  private Ints column;
  private Table table;
  private long takenByTable;

  @BeforeEach
  void fill() throws StoreFullException {
    var space = Space.inMemory(budget);
    var part = space.part();
    texts = new Texts(space);
    column = new Ints(part, ROWS);
    var none = new Ints(part, ROWS);
    table = new Table(texts, List.of(column, none), Map.of("name", 0), 0, 0, 1, 1);
    for (int row = 0; row < ROWS; row++) {
      name(row);
    }
    takenByTable = budget.usedBytes();
  }

  private void name(int row) throws StoreFullException {
    names[row] = "row-" + random.nextLong();
    column.set(row, texts.number(names[row]));
  }

  private static List<SortKey> sort(String column, boolean descending) {
    return List.of(new SortKey(Field.parse(column), descending, new Order(Order.Kind.TEXT, false)));
  }

  private void sortAll() {
    while (orders.sortOn(table)) {
      Thread.onSpinWait();
    }
  }

  private List<String> names(List<SortKey> sort) {
    var rows = orders.rows(sort, table, ROWS);
    return rows == null ? List.of() : Arrays.stream(rows).mapToObj(row -> names[row]).toList();
  }

  private List<String> sorted() {
    return Arrays.stream(names).filter(name -> !name.isEmpty()).sorted().toList();
  }

  @Test
  void anOrderIsThereOnceItIsSorted() {
    assertThat(names(BY_NAME)).isEmpty();
    assertThat(orders.begin()).isTrue();
    for (int piece = 0; piece < ROWS / SortedRows.PIECE_ROWS - 1; piece++) {
      assertThat(orders.sortOn(table)).isTrue();
    }

    // What is left is no more than a page does by itself.
    assertThat(names(BY_NAME)).isEqualTo(sorted());
    sortAll();
    assertThat(names(BY_NAME)).isEqualTo(sorted());
    assertThat(names(FROM_BEHIND)).isEmpty();
    assertThat(orders.begin()).isTrue();
    sortAll();
    assertThat(names(FROM_BEHIND)).isEqualTo(sorted().reversed());
  }

  @Test
  void someChangesAreSortedInByTheNextPage() throws Exception {
    names(BY_NAME);
    orders.begin();
    sortAll();
    for (int i = 0; i < SortedRows.PIECE_ROWS; i++) {
      change(i);
    }
    column.set(7, 0); // it is gone
    names[7] = "";

    assertThat(names(BY_NAME)).isEqualTo(sorted());
    assertThat(orders.begin()).isFalse();
  }

  @Test
  void manyChangesAreSortedInBesides() throws Exception {
    names(BY_NAME);
    orders.begin();
    sortAll();
    for (int i = 0; i <= SortedRows.PIECE_ROWS; i++) {
      change(i);
    }

    assertThat(names(BY_NAME)).isEmpty();
    assertThat(orders.begin()).isTrue();
    sortAll();
    assertThat(names(BY_NAME)).isEqualTo(sorted());
  }

  private void change(int row) throws StoreFullException {
    name(row);
    orders.changed(row);
  }

  @Test
  void oneIsSortedAtATime() {
    names(BY_NAME);
    names(FROM_BEHIND);
    assertThat(orders.begin()).isTrue();
    assertThat(orders.begin()).isFalse();
    sortAll();

    assertThat(names(BY_NAME)).isNotEmpty();
    assertThat(names(FROM_BEHIND)).isEmpty();
    assertThat(orders.begin()).isTrue();
  }

  @Test
  void oneThatNobodyWantsMakesRoomForAnother() {
    var kept = new ArrayList<List<SortKey>>();
    for (int i = 0; i < Orders.MAX_ORDERS; i++) {
      var sort = new ArrayList<>(FROM_BEHIND);
      for (int more = 0; more < i; more++) {
        sort.addAll(FROM_BEHIND);
      }
      kept.add(sort);
      names(sort);
      orders.begin();
      sortAll();
    }
    long full = budget.usedBytes();
    for (int page = 0; page < Orders.UNWANTED_PAGES - Orders.MAX_ORDERS + 1; page++) {
      assertThat(names(BY_NAME)).isEmpty();
      assertThat(orders.begin()).isFalse();
    }
    for (var sort : kept.subList(1, kept.size())) {
      assertThat(names(sort)).isNotEmpty();
    }

    assertThat(names(BY_NAME)).isEmpty();
    assertThat(orders.begin()).isTrue();
    sortAll();
    assertThat(names(BY_NAME)).isEqualTo(sorted());
    assertThat(names(kept.getFirst())).isEmpty();
    assertThat(budget.usedBytes()).isEqualTo(full);
  }

  @Test
  void withoutRoomPagesDoWithout() throws Exception {
    budget.take(16 * 1024 * 1024 - takenByTable);

    assertThat(names(BY_NAME)).isEmpty();
    assertThat(orders.begin()).isFalse();
    assertThat(orders.letGo()).isFalse();
  }

  @Test
  void allAreForgottenForTheirMemory() {
    names(BY_NAME);
    orders.begin();
    assertThat(orders.sortOn(table)).isTrue();
    assertThat(budget.usedBytes()).isGreaterThan(takenByTable);

    assertThat(orders.letGo()).isTrue();

    assertThat(budget.usedBytes()).isEqualTo(takenByTable);
    assertThat(orders.sortOn(table)).isFalse();
    assertThat(orders.letGo()).isFalse();
  }
}
