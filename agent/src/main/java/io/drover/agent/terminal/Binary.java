package io.drover.agent.terminal;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.List;

/** Amounts of bytes, in powers of 1024. */
public final class Binary {
  private static final BigDecimal STEP = BigDecimal.valueOf(1024);
  private static final List<String> UNITS = List.of("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei");

  private Binary() {}

  /** In the largest unit of which there is one, with one decimal at most, such as {@code 1.5Gi}. */
  public static String text(BigDecimal bytes) {
    int unit = 0;
    var amount = bytes;
    while (unit < UNITS.size() - 1 && amount.abs().compareTo(STEP) >= 0) {
      amount = amount.divide(STEP);
      unit++;
    }
    var rounded = amount.setScale(1, RoundingMode.HALF_UP).stripTrailingZeros();
    return rounded.toPlainString() + UNITS.get(unit);
  }
}
