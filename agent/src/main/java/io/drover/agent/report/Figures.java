package io.drover.agent.report;

import io.drover.agent.terminal.Binary;
import io.drover.proto.report.Quantity;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** How amounts of resources are put for people; {@code –} is one that is not known. */
final class Figures {
  private Figures() {}

  static String withShare(
      String name, @Nullable Map<String, Quantity> amounts, Map<String, Quantity> of) {
    if (amounts == null || !amounts.containsKey(name)) {
      return "–";
    }
    return amount(name, amounts) + " " + "%4s".formatted(share(name, amounts, of));
  }

  static String share(
      String name, @Nullable Map<String, Quantity> amounts, Map<String, Quantity> of) {
    if (amounts == null || !amounts.containsKey(name) || !of.containsKey(name)) {
      return "–";
    }
    double there = of.get(name).doubleValue();
    return there <= 0 ? "–" : Math.round(100 * amounts.get(name).doubleValue() / there) + "%";
  }

  static String amount(String name, @Nullable Map<String, Quantity> amounts) {
    Quantity amount = amounts == null ? null : amounts.get(name);
    return amount == null
        ? "–"
        : switch (name) {
          case "memory", "ephemeral-storage" -> Binary.text(amount.amount());
          case "cpu" -> plain(amount.amount(), 2);
          default -> amount.toString();
        };
  }

  private static String plain(BigDecimal amount, int places) {
    var rounded = amount.setScale(places, RoundingMode.HALF_UP).stripTrailingZeros();
    return rounded.toPlainString();
  }
}
