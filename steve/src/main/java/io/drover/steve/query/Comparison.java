package io.drover.steve.query;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * A column's text compared with others.
 *
 * @param numeric whether the column holds numbers, so that 1 is 1.0
 * @param values one, or several for IN and NOT_IN, or none for the tests of existence
 */
public record Comparison(Field field, Operator operator, boolean numeric, Set<String> values)
    implements Condition {
  enum Operator {
    EQUAL,
    NOT_EQUAL,
    /** Any case of ASCII letters. */
    PART,
    NOT_PART,
    IN,
    NOT_IN,
    LESS,
    GREATER,
    /** One of the elements that | separates. */
    ELEMENT,
    NOT_ELEMENT,
    EXISTS,
    NOT_EXISTS;

    /** What holds whenever this one does not. */
    private Operator opposite() {
      return switch (this) {
        case EQUAL -> NOT_EQUAL;
        case NOT_EQUAL -> EQUAL;
        case PART -> NOT_PART;
        case NOT_PART -> PART;
        case IN -> NOT_IN;
        case NOT_IN -> IN;
        case ELEMENT -> NOT_ELEMENT;
        case NOT_ELEMENT -> ELEMENT;
        case EXISTS -> NOT_EXISTS;
        case NOT_EXISTS -> EXISTS;
        case LESS, GREATER -> throw new IllegalStateException("has none: " + this);
      };
    }
  }

  public Comparison {
    values = Set.copyOf(values);
  }

  /**
   * Whether the condition holds of an object with this text.
   *
   * @param text null if the object does not have the label. Any other column that is missing is
   *     empty
   */
  public boolean accepts(@Nullable String text) {
    return switch (operator) {
      case NOT_EQUAL, NOT_PART, NOT_IN, NOT_ELEMENT, NOT_EXISTS ->
          text == null || !accepts(operator.opposite(), text);
      case EQUAL, PART, IN, ELEMENT, EXISTS, LESS, GREATER ->
          text != null && accepts(operator, text);
    };
  }

  /** The same of a column that is no label, in UTF-8: quick where each object has its own text. */
  public Predicate<byte[]> ofColumn() {
    return switch (operator) {
      case PART -> new Part(value())::isIn;
      case NOT_PART -> Predicate.not(new Part(value())::isIn);
      default -> text -> accepts(new String(text, StandardCharsets.UTF_8));
    };
  }

  private boolean accepts(Operator positive, String text) {
    return switch (positive) {
      case EXISTS -> true;
      case EQUAL, IN -> values.contains(text) || (numeric && isAnyNumber(text));
      case ELEMENT -> List.of(text.split("\\|", -1)).stream().anyMatch(values::contains);
      case PART -> new Part(value()).isIn(text.getBytes(StandardCharsets.UTF_8));
      case LESS -> compare(text) < 0;
      case GREATER -> compare(text) > 0;
      case NOT_EQUAL, NOT_PART, NOT_IN, NOT_ELEMENT, NOT_EXISTS ->
          throw new IllegalStateException("not positive: " + positive);
    };
  }

  private String value() {
    return values.iterator().next();
  }

  private boolean isAnyNumber(String text) {
    double number = Order.number(text);
    return values.stream().anyMatch(value -> Order.number(value) == number);
  }

  /** By value wherever both are numbers: nobody who asks for 5 &lt; 20 means letters. */
  private int compare(String text) {
    double number = Order.number(text);
    if (Double.isNaN(number)) {
      return text.isEmpty() ? 0 : text.compareTo(value());
    }
    return Double.compare(number, Order.number(value()));
  }
}
