package io.drover.agent.gateway;

import io.drover.steve.http.Fields;
import java.util.ArrayList;
import java.util.Locale;
import java.util.regex.Pattern;

/**
 * Asks for an answer that can be read on its way: in JSON, neither compressed nor as another
 * protocol.
 */
final class JsonOnly {
  private static final String JSON = "application/json";

  /** What JSON is one of. */
  private static final Pattern ANY = Pattern.compile("(?i)(\\*|application)/\\*");

  private JsonOnly() {}

  /**
   * The same request, with what it accepts.
   *
   * @throws RefusedException if that is nothing of it
   */
  static RequestHead of(RequestHead head) throws RefusedException {
    if (!head.upgrade().isEmpty()) {
      throw RefusedException.badRequest("tokens are not answered by another protocol than HTTP");
    }
    var fields = new Fields();
    for (var field : head.fields().all()) {
      var name = field.name().toLowerCase(Locale.ROOT);
      if (!name.equals("accept") && !name.equals("accept-encoding")) {
        fields.add(field.name(), field.value());
      }
    }
    return head.with(fields.add("Accept", accepted(head.fields())));
  }

  private static String accepted(Fields asked) throws RefusedException {
    var kept = new ArrayList<String>();
    boolean isAsked = false;
    for (String value : asked.every("Accept")) {
      for (String item : value.split(",", -1)) {
        String range = item.strip();
        int semicolon = range.indexOf(';');
        String type = (semicolon < 0 ? range : range.substring(0, semicolon)).strip();
        isAsked |= !range.isEmpty();
        if (type.equalsIgnoreCase(JSON)) {
          kept.add(range);
        } else if (ANY.matcher(type).matches()) {
          kept.add(JSON + (semicolon < 0 ? "" : range.substring(semicolon)));
        }
      }
    }
    if (!isAsked) {
      return JSON;
    }
    if (kept.isEmpty()) {
      throw new RefusedException(
          406, "NotAcceptable", "the gateway answers tokens in application/json only");
    }
    return String.join(",", kept);
  }

  /** Whether an answer, or a body, is such. */
  static boolean isJson(Fields fields) {
    var types = fields.every("Content-Type");
    return types.size() == 1
        && types.getFirst().split(";", 2)[0].strip().equalsIgnoreCase(JSON)
        && !fields.has("Content-Encoding");
  }
}
