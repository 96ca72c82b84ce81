package io.drover.proto.report;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import java.util.List;
import java.util.Objects;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * An amount of a resource, such as {@code 250m} CPUs or {@code 16Gi} bytes, with the arithmetic of
 * Kubernetes: exact to a billionth, and written in the manner in which it was read.
 *
 * <p>Source: {@code Quantity} of {@code k8s.io/apimachinery/pkg/api/resource}, whose answers {@code
 * quantities.json} holds. Its oddities are kept, so that our reports read as the stock agent's;
 * each is named where it stands.
 *
 * <p>Two are equal if they are the same amount and are written the same. The order is of amounts
 * alone: {@code 1Ki} and {@code 1024} are neither equal nor one less than the other.
 */
public final class Quantity implements Comparable<Quantity> {
  /**
   * Of a text that is read, in characters. Ours: Kubernetes has no limit, a Go agent would hang.
   */
  static final int MAX_LENGTH = 1024;

  /** Of a decimal exponent that is read, up or down. Ours, as above: an exponent costs digits. */
  static final int MAX_EXPONENT = 1000;

  /** None at all. It has no manner of its own: what is added to it decides. */
  public static final Quantity ZERO = new Quantity(BigDecimal.ZERO, Format.DECIMAL_SI);

  private static final Pattern SYNTAX =
      Pattern.compile(
          "(?<sign>[+-]?)(?<whole>[0-9]*+)(?:\\.(?<fraction>[0-9]*+))?+"
              + "(?<suffix>[eEinumkKMGTP]*+[+-]?[0-9]*+)");

  // Each a thousand, or 1024, times the one before it.
  private static final List<String> DECIMAL_SUFFIXES =
      List.of("n", "u", "m", "", "k", "M", "G", "T", "P", "E");
  private static final List<String> BINARY_SUFFIXES =
      List.of("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei");

  /** Decimal places: a billionth, the suffix n, is the finest. */
  private static final int PLACES = 9;

  private static final BigDecimal MAX_BINARY = BigDecimal.valueOf(Long.MAX_VALUE);
  private static final BigDecimal KIBI = BigDecimal.valueOf(1024);

  private enum Format {
    /** 12k: twelve thousand. */
    DECIMAL_SI,
    /** 12Ki: twelve times 1024. */
    BINARY_SI,
    /** 12e3. */
    DECIMAL_EXPONENT
  }

  private final BigDecimal amount; // without trailing zeros
  private final Format format;

  private Quantity(BigDecimal amount, Format format) {
    this.amount = amount.stripTrailingZeros();
    this.format = format;
  }

  /**
   * Reads a quantity as {@code ParseQuantity} does. What is finer than a billionth is rounded away
   * from zero; with a binary suffix it is at most 2<sup>63</sup>-1, on either side of zero.
   *
   * @throws IllegalArgumentException if it is none, or longer than {@value #MAX_LENGTH} characters,
   *     or with an exponent beyond {@value #MAX_EXPONENT}; the message names it
   */
  public static Quantity parse(String text) {
    if (text.length() > MAX_LENGTH) {
      throw new IllegalArgumentException(
          "not a quantity, over %d characters: '%s…'".formatted(MAX_LENGTH, text.substring(0, 40)));
    }
    var parts = SYNTAX.matcher(text);
    if (text.isEmpty() || !parts.matches()) {
      throw notAQuantity(text);
    }
    var suffix = parts.group("suffix");
    int decimal = DECIMAL_SUFFIXES.indexOf(suffix);
    int binary = BINARY_SUFFIXES.indexOf(suffix);
    Format format;
    BigDecimal unit;
    if (decimal >= 0) {
      format = Format.DECIMAL_SI;
      unit = BigDecimal.ONE.scaleByPowerOfTen(3 * decimal - PLACES);
    } else if (binary >= 0) {
      format = Format.BINARY_SI;
      unit = KIBI.pow(binary);
    } else {
      format = Format.DECIMAL_EXPONENT;
      unit = BigDecimal.ONE.scaleByPowerOfTen(exponentOf(suffix, text));
    }

    var whole = parts.group("whole");
    var fraction = Objects.requireNonNullElse(parts.group("fraction"), "");
    // Kubernetes reads no digits as zero, but for Pi, Ei and what is finer than a billionth.
    if (whole.isEmpty() && fraction.isEmpty() && (binary >= 5 || unit.scale() > PLACES)) {
      throw notAQuantity(text);
    }
    var digits = new BigInteger("0" + whole + fraction);
    var amount = new BigDecimal(digits, fraction.length()).multiply(unit);
    if (amount.scale() > PLACES) {
      amount = amount.setScale(PLACES, RoundingMode.UP);
    }
    if (format == Format.BINARY_SI) {
      amount = amount.min(MAX_BINARY);
      if (amount.signum() > 0 && amount.compareTo(BigDecimal.ONE) < 0) {
        format = Format.DECIMAL_SI;
      }
    }
    return new Quantity(parts.group("sign").equals("-") ? amount.negate() : amount, format);
  }

  private static int exponentOf(String suffix, String text) {
    if (suffix.startsWith("e") || suffix.startsWith("E")) {
      try {
        int exponent = Integer.parseInt(suffix.substring(1));
        if (Math.abs((long) exponent) <= MAX_EXPONENT) {
          return exponent;
        }
      } catch (NumberFormatException _) {
        // Neither is it one then.
      }
    }
    throw notAQuantity(text);
  }

  private static IllegalArgumentException notAQuantity(String text) {
    return new IllegalArgumentException("not a quantity: '" + text + "'");
  }

  /** The greater amount; the first if they are the same. */
  public static Quantity max(Quantity first, Quantity second) {
    return second.compareTo(first) > 0 ? second : first;
  }

  /**
   * The sum, exact and without a limit, in the manner of this one; of the other if this is zero.
   */
  public Quantity plus(Quantity other) {
    return new Quantity(amount.add(other.amount), formatWith(other));
  }

  /** The difference, which may be negative, in the manner that the sum would have. */
  public Quantity minus(Quantity other) {
    return new Quantity(amount.subtract(other.amount), formatWith(other));
  }

  private Format formatWith(Quantity other) {
    return amount.signum() == 0 ? other.format : format;
  }

  /** Exact, in the resource's unit: CPUs, bytes, pods. */
  public BigDecimal amount() {
    return amount;
  }

  /** The nearest double, for metrics: infinite if there is none. */
  public double doubleValue() {
    return amount.doubleValue();
  }

  /**
   * The canonical form: no fraction, and the largest suffix that allows it. Binary suffixes only
   * for whole amounts of 1024 or more.
   *
   * <p>As in Kubernetes, a suffix that does not exist is left out: {@code 1000E} reads {@code 1}.
   * And a binary {@code 1025000} has none, so that it is decimal for whoever reads it: {@code
   * 1025k}.
   */
  @Override
  public String toString() {
    if (amount.signum() == 0) {
      return "0";
    }
    return switch (format) {
      case BINARY_SI -> amount.scale() <= 0 && amount.abs().compareTo(KIBI) >= 0 ? binary() : si();
      case DECIMAL_SI -> si();
      case DECIMAL_EXPONENT -> number() + (exponent() == 0 ? "" : "e" + exponent());
    };
  }

  private String binary() {
    var bytes = amount.toBigIntegerExact();
    int power = bytes.getLowestSetBit() / 10;
    return bytes.shiftRight(10 * power) + suffix(BINARY_SUFFIXES, power);
  }

  private String si() {
    return number() + suffix(DECIMAL_SUFFIXES, (exponent() + PLACES) / 3);
  }

  /**
   * The largest multiple of three that leaves the amount whole; {@link #number} is what it leaves.
   */
  private int exponent() {
    return 3 * Math.floorDiv(-amount.scale(), 3);
  }

  private String number() {
    return amount.scaleByPowerOfTen(-exponent()).toPlainString();
  }

  private static String suffix(List<String> suffixes, int index) {
    return index < suffixes.size() ? suffixes.get(index) : "";
  }

  @Override
  public int compareTo(Quantity other) {
    return amount.compareTo(other.amount);
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof Quantity that
        && amount.equals(that.amount)
        && toString().equals(that.toString());
  }

  @Override
  public int hashCode() {
    return toString().hashCode();
  }
}
