package io.drover.proto.report;

import static java.util.stream.Collectors.groupingBy;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class QuantityTest {
  /**
   * One answer of Kubernetes: {@code quantities_test.go} in {@code interop/cluster/kubernetes}
   * wrote it, and holds it against the library.
   *
   * @param is the canonical form of the result; null if a text in {@code of} is no quantity
   * @param amount its exact value; null as above
   */
  record Vector(
      String operation, List<String> of, @Nullable String is, @Nullable BigDecimal amount) {
    Quantity result() {
      var quantities = of.stream().map(Quantity::parse).toList();
      return switch (operation) {
        case "parse" -> quantities.getFirst();
        case "sum" -> quantities.stream().reduce(Quantity.ZERO, Quantity::plus);
        case "difference" -> quantities.stream().reduce(Quantity::minus).orElseThrow();
        case "max" -> Quantity.max(quantities.getFirst(), quantities.getLast());
        default -> throw new IllegalStateException(operation);
      };
    }
  }

  static List<Vector> vectors() throws IOException {
    try (var in = QuantityTest.class.getResourceAsStream("quantities.json")) {
      return List.of(new ObjectMapper().readValue(in, Vector[].class));
    }
  }

  @Test
  void allVectorsAreThere() throws IOException {
    var byOperation = vectors().stream().collect(groupingBy(Vector::operation));
    assertThat(vectors()).hasSize(426);
    assertThat(byOperation).containsOnlyKeys("parse", "sum", "difference", "max");
  }

  @ParameterizedTest
  @MethodSource("vectors")
  void agreesWithKubernetes(Vector vector) {
    if (vector.is() == null) {
      assertThatIllegalArgumentException().isThrownBy(vector::result);
      return;
    }
    assertThat(vector.result()).hasToString(vector.is());
    assertThat(vector.result().amount()).isEqualByComparingTo(vector.amount());
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "1x", "1e", "Pi", "1e1001", "1e-1001", "1e2147483648"})
  void refusalsNameTheText(String text) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Quantity.parse(text))
        .withMessage("not a quantity: '" + text + "'");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"1e999999999", "1e-999999999", "0e999999999", "1e4294967296", "e2147483647"})
  @Timeout(10)
  void exponentsThatWouldFillTheMemoryAreRefused(String text) {
    assertThatIllegalArgumentException().isThrownBy(() -> Quantity.parse(text));
  }

  @ParameterizedTest
  @ValueSource(strings = {"9", "0", ".", "k", "-", "x"})
  @Timeout(10)
  void textsThatAreTooLongAreRefusedUnread(String character) {
    var text = character.repeat(10_000_000);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Quantity.parse(text))
        .withMessage("not a quantity, over 1024 characters: '%s…'".formatted(character.repeat(40)));
  }

  @Test
  void theLimitsThemselvesAreAccepted() {
    assertThat(Quantity.parse("0".repeat(Quantity.MAX_LENGTH - 1) + "7")).hasToString("7");
    assertThat(Quantity.parse("1e1000")).hasToString("10e999");
    assertThat(Quantity.parse("1e-1000")).hasToString("1e-9");
    assertThat(Quantity.parse("0." + "0".repeat(1000) + "1e-1000").plus(Quantity.parse("1e1000")))
        .hasToString("1" + "0".repeat(1008) + "1e-9")
        .satisfies(sum -> assertThat(sum.doubleValue()).isInfinite());
  }

  @Test
  void anyTextIsAQuantityOrRefused() {
    var random = new Random(20_270_113);
    var alphabet = "0123456789..+-eEinumkKMGTP x";
    for (int i = 0; i < 50_000; i++) {
      var text = new StringBuilder();
      for (int length = random.nextInt(12); length > 0; length--) {
        text.append(alphabet.charAt(random.nextInt(alphabet.length())));
      }
      try {
        assertThat(Quantity.parse(text.toString()).toString())
            .matches("-?[0-9]+(e-?[0-9]+|[a-zA-Z]i?)?");
      } catch (IllegalArgumentException e) {
        assertThat(e).hasMessage("not a quantity: '" + text + "'");
      }
    }
  }

  @Test
  void sumsAreThoseOfTheAmounts() {
    var random = new Random(20_270_114);
    for (int i = 0; i < 10_000; i++) {
      var a = random(60, random);
      var b = random(60, random);
      assertThat(a.plus(b).amount()).isEqualByComparingTo(a.amount().add(b.amount()));
      assertThat(a.plus(b).amount()).isEqualTo(b.plus(a).amount());
      assertThat(a.plus(b).minus(b).amount()).isEqualTo(a.amount());
      assertThat(a.minus(b).amount()).isEqualTo(b.minus(a).amount().negate());
      assertThat(a.plus(Quantity.ZERO)).isEqualTo(a);
      assertThat(Quantity.ZERO.plus(a)).isEqualTo(a);
      assertThat(Quantity.max(a, b).amount()).isEqualTo(a.amount().max(b.amount()));
      assertThat(a.compareTo(b)).isEqualTo(a.amount().compareTo(b.amount()));
    }
  }

  @Test
  void whatIsWrittenIsReadBackAsTheSameAmount() {
    var random = new Random(20_270_115);
    for (int i = 0; i < 10_000; i++) {
      var sum = random(38, random).plus(random(38, random));
      assertThat(Quantity.parse(sum.toString())).isEqualByComparingTo(sum);
    }
  }

  // As in Kubernetes: the first has no suffix, so that it is decimal when read; of the second, what
  // is read is capped, and sums are not; the third would need a suffix that does not exist.
  @ParameterizedTest
  @CsvSource({
    "1Ki, 1023976, 1025000, 1025k",
    "7Ei, 1Ei, 8Ei, 9223372036854775807",
    "999E, 1E, 1, 1"
  })
  void butMayBeWrittenOtherwiseThen(String a, String b, String written, String again) {
    var sum = Quantity.parse(a).plus(Quantity.parse(b));
    assertThat(sum).hasToString(written);
    assertThat(Quantity.parse(written)).hasToString(again).isNotEqualTo(sum);
  }

  @ParameterizedTest
  @CsvSource({"1024Ki, 1Mi", "1000m, 1", "512, 0.5Ki", "0Ki, 0e3", "1e4, 10e3", "0.1n, 1n"})
  void whatIsWrittenTheSameIsEqual(String a, String b) {
    assertThat(Quantity.parse(a)).isEqualTo(Quantity.parse(b));
    assertThat(Quantity.parse(a)).hasSameHashCodeAs(Quantity.parse(b));
  }

  // Of the last, both are written 1.
  @ParameterizedTest
  @CsvSource({"1Ki, 1024", "1k, 1e3", "1, 2", "1000E, 1"})
  void otherwiseItIsNot(String a, String b) {
    assertThat(Quantity.parse(a)).isNotEqualTo(Quantity.parse(b));
  }

  @ParameterizedTest
  @CsvSource({"250m, 0.25", "1.1Ki, 1126.4", "9007199254740993, 9007199254740992", "-1n, -1e-9"})
  void metricsGetTheNearestDouble(String text, double value) {
    assertThat(Quantity.parse(text).doubleValue()).isEqualTo(value);
  }

  private static Quantity random(int bits, Random random) {
    var digits = new BigInteger(random.nextInt(1, bits), random);
    var suffixes = List.of("n", "u", "m", "", "k", "e-9", "e-4", "e2", "e7", "Ki", "Mi");
    var suffix = suffixes.get(random.nextInt(suffixes.size()));
    return Quantity.parse((random.nextBoolean() ? "-" : "") + digits + suffix);
  }
}
