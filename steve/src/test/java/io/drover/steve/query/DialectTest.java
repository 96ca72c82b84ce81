package io.drover.steve.query;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DialectTest {
  private static final Map<String, Dialect> DIALECTS =
      Map.of(
          "classic", Dialect.CLASSIC,
          "early", Dialect.EARLY_SQL,
          "first", Dialect.FIRST_SELECTORS,
          "selectors", Dialect.SELECTORS,
          "newest", Dialect.NEWEST);

  @ParameterizedTest(name = "{0} with {1}")
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          v2.8.5      | ''                                  | classic
          v2.8.5      | ui-sql-cache=true                   | classic
          v2.9.3      | ui-sql-cache=true                   | early
          v2.9.3      | ''                                  | classic
          v2.10.3     | fleet=false,ui-sql-cache=true       | early
          v2.10.3     | ui-sql-cache=false                  | classic
          v2.11.3     | ui-sql-cache=true                   | first
          v2.11.3     | fleet=false                         | classic
          v2.12.1     | ui-sql-cache=true                   | selectors
          v2.12.1     | ''                                  | selectors
          v2.12.1     | fleet=false, ui-sql-cache=false     | classic
          v2.14.0-rc1 | ui-sql-cache=true                   | selectors
          2.15.0      | ui-sql-cache=true,turtles=false     | newest
          v2.15.0     | ui-sql-cache=odd                    | classic
          v2.99.0     | ''                                  | newest
          v2.15-head  | ui-sql-cache=true                   | newest
          dev         | ui-sql-cache=true                   | newest
          dev         | ui-sql-cache=false                  | classic
          ''          | ''                                  | newest
          """)
  void isTheOneOfTheServersDashboard(String version, String features, String dialect) {
    assertThat(Dialect.of(features, version)).isEqualTo(DIALECTS.get(dialect));
  }
}
