package io.drover.steve.query;

import io.drover.steve.query.Comparison.Operator;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * One filter of the selector grammar: conditions behind commas, of which any will do.
 *
 * <pre>
 *   filter      = [ requirement { "," requirement } ]
 *   requirement = key | "!" key | key operator value | key ("in" | "notin") "(" values ")"
 *   operator    = "=" "==" "!=" "~" "!~" "&lt;" "&gt;" "lt" "gt" "contains" "notcontains"
 * </pre>
 *
 * The texts of its errors are stock's, since they are shown to people who may look for them.
 */
final class SelectorParser {
  /** Values in one list. The dashboard sends as many as there are namespaces. */
  static final int MAX_VALUES = 5000;

  private enum Kind {
    WORD,
    QUOTED,
    /** An operator, a comma or a parenthesis, as its text says. */
    SYMBOL,
    END,
    BAD
  }

  private record Token(Kind kind, String text) {
    boolean is(String symbol) {
      return kind == Kind.SYMBOL && text.toLowerCase(Locale.ROOT).equals(symbol);
    }
  }

  private static final Set<String> SYMBOLS =
      Set.of(")", ",", "!", "==", "=", "~", ">", "<", "!=", "!~", "(");

  /** Words that are operators wherever one can stand. */
  private static final Set<String> WORDS = Set.of("in", "notin", "contains", "notcontains");

  private static final Map<String, Operator> OPERATORS =
      Map.ofEntries(
          Map.entry("in", Operator.IN),
          Map.entry("notin", Operator.NOT_IN),
          Map.entry("=", Operator.EQUAL),
          Map.entry("==", Operator.EQUAL),
          Map.entry("!=", Operator.NOT_EQUAL),
          Map.entry("~", Operator.PART),
          Map.entry("!~", Operator.NOT_PART),
          Map.entry("<", Operator.LESS),
          Map.entry(">", Operator.GREATER),
          Map.entry("lt", Operator.LESS),
          Map.entry("gt", Operator.GREATER),
          Map.entry("contains", Operator.ELEMENT),
          Map.entry("notcontains", Operator.NOT_ELEMENT));

  private static final Pattern LABEL =
      Pattern.compile("metadata.labels(?:\\.\\w[-a-zA-Z0-9_./]*|\\[.*])");

  private static final Pattern INTEGER = Pattern.compile("[+-]?\\d{1,18}");

  private final Columns columns;
  private final String text;
  private int at;

  /** The next token, not yet taken. */
  private Token next;

  private SelectorParser(String text, Columns columns) {
    this.text = text;
    this.columns = columns;
    next = scan();
  }

  static List<Condition> parse(String filter, Columns columns) throws QueryException {
    return new SelectorParser(filter, columns).filter();
  }

  private List<Condition> filter() throws QueryException {
    var conditions = new ArrayList<Condition>();
    if (next.kind == Kind.END) {
      return conditions;
    }
    if (!beginsRequirement()) {
      throw found(next, ", expected: !, identifier, or 'end of string'");
    }
    while (true) {
      if (conditions.size() == Query.MAX_CONDITIONS) {
        throw QueryException.tooMuch("conditions", Query.MAX_CONDITIONS);
      }
      conditions.add(requirement());
      var separator = take();
      if (separator.kind == Kind.END) {
        return conditions;
      }
      if (!separator.is(",")) {
        throw found(separator, ", expected: ',' or 'end of string'");
      }
      if (!beginsRequirement()) {
        throw found(next, ", expected: identifier after ','");
      }
    }
  }

  private boolean beginsRequirement() {
    return isWord(next) || next.is("contains") || next.is("!");
  }

  private Comparison requirement() throws QueryException {
    var key = take();
    boolean negated = key.is("!");
    if (negated) {
      key = take();
    }
    if (!isWord(key)) {
      throw found(key, ", expected: identifier");
    }
    if (negated || next.kind == Kind.END || next.is(",")) {
      if (!LABEL.matcher(key.text).matches()) {
        throw QueryException.syntax(
            "existence tests are valid only for labels; not valid for field '" + key.text + "'");
      }
      return comparison(key, negated ? Operator.NOT_EXISTS : Operator.EXISTS, Set.of());
    }
    var operator = operator(take());
    var values =
        operator == Operator.IN || operator == Operator.NOT_IN ? values() : Set.of(value(operator));
    return comparison(key, operator, values);
  }

  private Comparison comparison(Token key, Operator operator, Set<String> values) {
    var field = Field.parse(key.text);
    return new Comparison(field, operator, columns.isNumber(field), values);
  }

  private static Operator operator(Token token) throws QueryException {
    var operator = OPERATORS.get(token.text.toLowerCase(Locale.ROOT));
    // "lt" and "gt" are words like any other, and only in lower case.
    var isWord = token.kind == Kind.WORD && (token.text.equals("lt") || token.text.equals("gt"));
    if (operator == null || (token.kind != Kind.SYMBOL && !isWord)) {
      throw found(token, ", expected: in, notin, =, ==, !=, ~, !~, gt, lt");
    }
    return operator;
  }

  private String value(Operator operator) throws QueryException {
    if (next.kind == Kind.END || next.is(",")) {
      throw QueryException.syntax("found end of a query string, expected: a comparison value");
    }
    var value = take();
    if (!isWord(value) && value.kind != Kind.QUOTED) {
      throw found(value, ", expected: identifier");
    }
    if ((operator == Operator.LESS || operator == Operator.GREATER)
        && !INTEGER.matcher(value.text).matches()) {
      throw QueryException.syntax(
          "values[0]: Invalid value: \""
              + value.text
              + "\": for 'Gt', 'Lt' operators, the value must be an integer");
    }
    return value.text;
  }

  /** In parentheses. Between two commas, and where there is nothing else, is the empty text. */
  private Set<String> values() throws QueryException {
    var open = take();
    if (!open.is("(")) {
      throw found(open, " expected: '('");
    }
    if (next.is(")")) {
      take();
      return Set.of("");
    }
    if (!isWord(next) && !next.is("contains") && !next.is(",")) {
      throw found(next, ", expected: ',', ')' or identifier");
    }
    var values = new LinkedHashSet<String>();
    boolean empty = true;
    while (true) {
      var token = take();
      if (isWord(token) && empty) {
        values.add(token.text);
        empty = false;
        if (!next.is(",") && !next.is(")")) {
          throw found(next, ", expected: ',' or ')'");
        }
      } else if (token.is(",") || token.is(")")) {
        if (empty) {
          values.add("");
        }
        empty = true;
        if (token.is(")")) {
          return values;
        }
      } else {
        throw found(token, ", expected: ',', or identifier");
      }
      if (values.size() > MAX_VALUES) {
        throw QueryException.tooMuch("values in a filter", MAX_VALUES);
      }
    }
  }

  /** Where a key or a value can stand, these two operators are words. */
  private static boolean isWord(Token token) {
    return token.kind == Kind.WORD || token.is("in") || token.is("notin");
  }

  private static QueryException found(Token token, String rest) {
    return QueryException.syntax("found '" + token.text + "'" + rest);
  }

  private Token take() {
    var taken = next;
    if (taken.kind != Kind.END) {
      next = scan();
    }
    return taken;
  }

  private Token scan() {
    while (at < text.length() && isSpace(text.charAt(at))) {
      at++;
    }
    if (at == text.length()) {
      return new Token(Kind.END, "");
    }
    char c = text.charAt(at);
    if (isSpecial(c)) {
      int length = at + 2 <= text.length() && SYMBOLS.contains(text.substring(at, at + 2)) ? 2 : 1;
      at += length;
      return new Token(Kind.SYMBOL, text.substring(at - length, at));
    }
    if (Character.isLetterOrDigit(c) || c == '_') {
      return word();
    }
    at++;
    return c == '"' || c == '\''
        ? quoted(c)
        : new Token(Kind.BAD, "unexpected character '" + c + "'");
  }

  private Token word() {
    int from = at;
    while (at < text.length() && !isSpecial(text.charAt(at)) && !isSpace(text.charAt(at))) {
      at++;
    }
    var word = text.substring(from, at);
    var isSymbol = WORDS.contains(word.toLowerCase(Locale.ROOT));
    return new Token(isSymbol ? Kind.SYMBOL : Kind.WORD, word);
  }

  private Token quoted(char quote) {
    var value = new StringBuilder();
    for (; at < text.length(); at++) {
      char c = text.charAt(at);
      if (c == quote) {
        at++;
        return new Token(Kind.QUOTED, value.toString());
      }
      if (c == '\\' && at + 1 < text.length()) {
        at++;
        c = text.charAt(at);
      }
      value.append(c);
    }
    var begin = value.length() > 12 ? value.substring(0, 10) + "..." : value;
    return new Token(Kind.BAD, "unterminated string starting with '" + begin + "'");
  }

  private static boolean isSpecial(char c) {
    return "=!(),><~".indexOf(c) >= 0;
  }

  private static boolean isSpace(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
  }
}
