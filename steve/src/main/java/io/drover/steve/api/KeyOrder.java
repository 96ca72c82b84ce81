package io.drover.steve.api;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.steve.query.Field;
import io.drover.steve.query.Query;
import io.drover.steve.query.SortKey;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Kubernetes lists by keys, {@code namespace/name}, and can count what is behind the first of them.
 * Pages of all namespaces go by namespace first, which is nearly the same: {@code a-b/x} comes
 * before {@code a/x} as a key, and behind it on a page. One thread.
 */
final class KeyOrder {
  /** Rows up to the end of the page. Behind that, all may as well be read. */
  static final int MAX_ROWS = 1000;

  /** Namespaces that are looked into, since they might belong before the last row. */
  static final int MAX_NAMESPACES = 4;

  private static final Field NAMESPACE = Field.parse("metadata.namespace");
  private static final Field NAME = Field.parse("metadata.name");

  private final boolean byNamespace;
  private final boolean caseless;
  private final Set<String> before = new HashSet<>();
  private String namespace = "";
  private String last = "";
  private boolean kept = true;

  private KeyOrder(boolean byNamespace, boolean caseless) {
    this.byNamespace = byNamespace;
    this.caseless = caseless;
  }

  /**
   * The order that a query asks for, before the first row; null: another one, or not the first rows
   * of all there are.
   *
   * @param mixed whether its objects are of more than one namespace
   */
  static @Nullable KeyOrder of(Query query, boolean mixed) {
    boolean isPlain =
        query.filters().isEmpty()
            && query.projects() == null
            && query.tally() == null
            && query.revision().isEmpty();
    boolean isPage = query.page().size() > 0 && query.page().to(Integer.MAX_VALUE) <= MAX_ROWS;
    if (!query.dialect().hasColumns() || !isPlain || !isPage) {
      return null;
    }
    var sort = query.sort();
    if (sort.isEmpty()) {
      return new KeyOrder(false, false);
    }
    boolean isAscending = sort.stream().noneMatch(SortKey::descending);
    var fields = sort.stream().map(SortKey::field).toList();
    boolean isOrder =
        fields.equals(List.of(NAMESPACE, NAME)) || (!mixed && fields.equals(List.of(NAME)));
    return isAscending && isOrder ? new KeyOrder(mixed, query.dialect().caseless()) : null;
  }

  /** The next row, as Kubernetes sends it. */
  void next(ObjectNode object) {
    var metadata = object.path("metadata");
    String in = metadata.path("namespace").asText("");
    String key = in + "/" + metadata.path("name").asText("");
    kept &= last.compareTo(key) < 0;
    last = key;
    if (!in.equals(namespace)) {
      namespace = in;
      before.addAll(before(in));
    }
  }

  /** Those that belong before a namespace, and whose keys come behind it. */
  private static Set<String> before(String namespace) {
    var before = new TreeSet<String>();
    for (int i = 1; i < namespace.length(); i++) {
      if (namespace.charAt(i) < '/') {
        before.add(namespace.substring(0, i));
      }
    }
    return before;
  }

  /**
   * Whether all rows came in the order of their keys, and what comes behind them belongs there, but
   * for what is in {@link #namespacesBefore}.
   */
  boolean isKept() {
    // Behind a small letter no capital one comes that belongs before it.
    boolean isPlain = !(caseless && last.chars().anyMatch(c -> c >= 'A' && c <= 'Z'));
    boolean isHalfOvertaken = byNamespace && before.contains(namespace);
    return kept && isPlain && !isHalfOvertaken;
  }

  /** Namespaces that belong before the one of the last row, and whose keys come behind it. */
  Set<String> namespacesBefore() {
    return byNamespace ? before(namespace) : Set.of();
  }
}
