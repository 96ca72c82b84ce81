package io.drover.agent.gateway.policy;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What the query of a list decides: whether it is a watch, and whether it is of one object. Go
 * leaves out pairs that it does not like, and the whole query if there are too many; here neither
 * is resolved.
 *
 * @param name of {@code fieldSelector=metadata.name=…}, or empty
 * @param problem why it is not resolved; null if it is
 */
record ListQuery(boolean watch, String name, @Nullable String problem) {
  /** Pairs; Go forgets the query of more than 10,000. */
  static final int MAX_PARAMETERS = 1000;

  private static final String NAME_FIELD = "metadata.name";

  /** What decides something, or makes the API server refuse what else there is. */
  private static final Set<String> DECISIVE =
      Set.of("watch", "fieldSelector", "labelSelector", "limit", "timeoutSeconds");

  private static ListQuery not(String problem) {
    return new ListQuery(false, "", problem);
  }

  static ListQuery parse(String query) {
    var values = new HashMap<String, String>();
    String wrong = read(query, values);
    if (wrong != null) {
      return not(wrong);
    }
    String watch = values.getOrDefault("watch", "0");
    // Go folds more letters than ASCII has: "fal\u017fe" is false to it.
    if (!watch.chars().allMatch(c -> c > ' ' && c < 0x7f)) {
      return not("the value of watch is neither true nor false");
    }
    boolean isWatch = !watch.equals("0") && !watch.equalsIgnoreCase("false");
    for (String number : new String[] {"limit", "timeoutSeconds"}) {
      if (!isNumber(values.getOrDefault(number, "0"))) {
        return not("the value of " + number + " is no number");
      }
    }
    return selected(isWatch, values);
  }

  private static boolean isNumber(String text) {
    return !text.isEmpty()
        && text.length() <= 18 // fits 63 bits
        && text.chars().allMatch(c -> c >= '0' && c <= '9');
  }

  /** Returns what is wrong, or null. */
  private static @Nullable String read(String query, Map<String, String> values) {
    int count = 0;
    int from = 0;
    while (from <= query.length() && !query.isEmpty()) {
      int end = query.indexOf('&', from);
      String pair = query.substring(from, end < 0 ? query.length() : end);
      from = end < 0 ? query.length() + 1 : end + 1;
      if (++count > MAX_PARAMETERS) {
        return "the query has more than " + MAX_PARAMETERS + " parameters";
      }
      if (pair.indexOf(';') >= 0) {
        return "the query has a semicolon, which some take for a separator";
      }
      int equals = pair.indexOf('=');
      String key = decoded(equals < 0 ? pair : pair.substring(0, equals));
      String value = decoded(equals < 0 ? "" : pair.substring(equals + 1));
      if (key == null || value == null) {
        return "the query has a parameter that cannot be decoded";
      }
      for (String decisive : DECISIVE) {
        if (decisive.equalsIgnoreCase(key)) {
          if (!decisive.equals(key)) {
            return "the query has " + decisive + " with other capital letters";
          }
          if (values.put(key, value) != null) {
            return "the query has " + key + " more than once";
          }
        }
      }
    }
    return null;
  }

  private static @Nullable String decoded(String text) {
    var bytes = ByteBuffer.allocate(text.length());
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '%') {
        int high = i + 2 < text.length() ? Character.digit(text.charAt(i + 1), 16) : -1;
        int low = i + 2 < text.length() ? Character.digit(text.charAt(i + 2), 16) : -1;
        if (high < 0 || low < 0) {
          return null;
        }
        bytes.put((byte) ((high << 4) | low));
        i += 2;
      } else {
        bytes.put((byte) (c == '+' ? ' ' : c));
      }
    }
    try {
      return UTF_8.newDecoder().decode(bytes.flip()).toString();
    } catch (CharacterCodingException _) {
      return null;
    }
  }

  private static ListQuery selected(boolean watch, Map<String, String> values) {
    String selector = values.getOrDefault("fieldSelector", "");
    if (selector.indexOf('\\') >= 0) {
      return not("the field selector has a backslash");
    }
    String name = "";
    boolean found = false;
    for (String term : selector.split(",", -1)) {
      if (term.isEmpty()) {
        continue; // as the API server does
      }
      int equals = term.indexOf('=');
      if (equals < 0) {
        return not("the field selector has a term without =");
      }
      boolean isNot = equals > 0 && term.charAt(equals - 1) == '!';
      boolean isDouble = !isNot && term.startsWith("==", equals);
      String field = term.substring(0, isNot ? equals - 1 : equals);
      String value = term.substring(isDouble ? equals + 2 : equals + 1);
      if (field.indexOf('!') >= 0 || value.indexOf('=') >= 0) {
        return not("the field selector has a term that is not understood");
      }
      if (!isNot && field.equals(NAME_FIELD)) {
        if (found) {
          return not("the field selector has " + NAME_FIELD + " more than once");
        }
        found = true;
        name = value;
      } else if (field.strip().equalsIgnoreCase(NAME_FIELD) && !field.equals(NAME_FIELD)) {
        return not("the field selector has " + NAME_FIELD + " in other letters");
      }
    }
    if (name.isEmpty()) {
      return new ListQuery(watch, "", null);
    }
    if (!name.chars().allMatch(c -> c > ' ' && c < 0x7f && "/%;?#".indexOf(c) < 0)
        || name.equals(".")
        || name.equals("..")) {
      return not("the field selector has a name that is none");
    }
    // Of a label selector that it does not understand the API server makes a list without a name.
    String labels = values.getOrDefault("labelSelector", "");
    return labels.chars().allMatch(ListQuery::isOfLabels)
        ? new ListQuery(watch, name, null)
        : not("the label selector has a character that none has");
  }

  private static boolean isOfLabels(int c) {
    return (c >= 'a' && c <= 'z')
        || (c >= 'A' && c <= 'Z')
        || (c >= '0' && c <= '9')
        || " -._/,=!()<>".indexOf(c) >= 0;
  }
}
