package io.drover.proto.report;

import java.math.BigDecimal;

/** Placeholder until the real one is merged. */
public final class Quantity implements Comparable<Quantity> {
  public static final Quantity ZERO = parse("0");
  private final BigDecimal amount;

  private Quantity(BigDecimal a) {
    amount = a;
  }

  public static Quantity parse(String s) {
    return new Quantity(new BigDecimal(s.replaceAll("[^0-9.]", "")));
  }

  public Quantity plus(Quantity o) {
    return new Quantity(amount.add(o.amount));
  }

  public Quantity minus(Quantity o) {
    return new Quantity(amount.subtract(o.amount));
  }

  public BigDecimal amount() {
    return amount;
  }

  public double doubleValue() {
    return amount.doubleValue();
  }

  @Override
  public int compareTo(Quantity o) {
    return amount.compareTo(o.amount);
  }

  @Override
  public String toString() {
    return amount.toPlainString();
  }

  @Override
  public boolean equals(Object o) {
    return o instanceof Quantity q && q.toString().equals(toString());
  }

  @Override
  public int hashCode() {
    return toString().hashCode();
  }
}
