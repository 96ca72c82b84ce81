package io.drover.steve.query;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/** One of the things that a list is sorted by. */
public record SortKey(Field field, boolean descending, Order order) {
  /** In one request. The dashboard sends three at most. */
  static final int MAX_KEYS = 32;

  private static final Pattern ADDRESS = Pattern.compile("ip\\((.+)\\)");

  /** Two keys were all that the early servers knew. */
  private static final int EARLY_KEYS = 2;

  static List<SortKey> parse(String sort, Dialect dialect, Columns columns) throws QueryException {
    var keys = new ArrayList<SortKey>();
    for (var text : sort.split(",", -1)) {
      boolean descending = text.startsWith("-");
      var name = descending ? text.substring(1) : text;
      if (name.isEmpty()) {
        continue;
      }
      if (keys.size() == MAX_KEYS) {
        throw QueryException.tooMuch("sort keys", MAX_KEYS);
      }
      var address = ADDRESS.matcher(name);
      boolean isAddress = dialect.hasColumns() && address.matches();
      var field = Field.parse(isAddress ? address.group(1) : name);
      var kind =
          isAddress
              ? Order.Kind.ADDRESS
              : columns.isNumber(field) ? Order.Kind.NUMBER : Order.Kind.TEXT;
      keys.add(new SortKey(field, descending, new Order(kind, dialect.caseless())));
    }
    return dialect.syntax() == Dialect.Syntax.EARLY_SQL && keys.size() > EARLY_KEYS
        ? keys.subList(0, EARLY_KEYS)
        : keys;
  }

  /** Objects without a label come behind those that have it; nothing else is missing so. */
  public boolean missingLast() {
    return field.isLabel();
  }
}
