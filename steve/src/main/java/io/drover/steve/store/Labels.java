package io.drover.steve.store;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * An object's labels as one text: the numbers of its pairs, each of which is a text too. Most
 * objects share their pairs with others, and many the whole set.
 *
 * <p>No other text begins with a zero byte, as these numbers do.
 */
final class Labels {
  /** Between key and value of a pair. */
  private static final char SEPARATOR = '\0';

  private Labels() {}

  static int number(JsonNode labels, Texts texts) throws StoreFullException {
    var sorted = new TreeMap<String, String>();
    labels.properties().forEach(label -> sorted.put(label.getKey(), label.getValue().asText("")));
    var pairs = ByteBuffer.allocate(Integer.BYTES * sorted.size());
    for (var label : sorted.entrySet()) {
      pairs.putInt(texts.number(label.getKey() + SEPARATOR + label.getValue()));
    }
    return texts.number(pairs.array());
  }

  /** The value of a label, null if the set does not have it. */
  static @Nullable String value(int set, String key, Texts texts) {
    int pair = pair(set, key, texts);
    return pair == 0 ? null : texts.text(pair).substring(key.length() + 1);
  }

  /** The pair with that key; 0 if the set has none. */
  static int pair(int set, String key, Texts texts) {
    var pairs = ByteBuffer.wrap(texts.bytes(set));
    var wanted = (key + SEPARATOR).getBytes(StandardCharsets.UTF_8);
    while (pairs.hasRemaining()) {
      int pair = pairs.getInt();
      if (texts.startsWith(pair, wanted)) {
        return pair;
      }
    }
    return 0;
  }

  /** Where in a pair's text the value begins. */
  static int valueAt(String key) {
    return key.getBytes(StandardCharsets.UTF_8).length + 1;
  }

  /** The same set among other texts. */
  static int renumber(int set, Texts from, Texts to) throws StoreFullException {
    var pairs = ByteBuffer.wrap(from.bytes(set));
    var renumbered = ByteBuffer.allocate(pairs.remaining());
    while (pairs.hasRemaining()) {
      renumbered.putInt(to.number(from.bytes(pairs.getInt())));
    }
    return to.number(renumbered.array());
  }
}
