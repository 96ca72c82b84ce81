package io.drover.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.net.URLEncoder;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;

/** Secrets that are looked for where none may be, in every form in which they may come there. */
final class Canaries {
  /** Half a secret is one, too, if it is so long: shorter ones may be words. */
  private static final int MIN_HALF = 12;

  private final Map<String, Set<String>> forms = new LinkedHashMap<>();

  /** Looks for {@code secret}, and calls it by {@code name}. */
  void add(String name, String secret) {
    if (secret.length() < MIN_HALF) {
      throw new IllegalArgumentException(name + " is too short to be told from a word");
    }
    var all = new LinkedHashSet<String>();
    forms(secret, all);
    if (secret.length() >= 2 * MIN_HALF) {
      forms(secret.substring(0, secret.length() / 2), all);
      forms(secret.substring(secret.length() / 2), all);
    }
    forms.put(name, all);
  }

  private static void forms(String secret, Set<String> all) {
    all.add(secret);
    var encoded = URLEncoder.encode(secret, UTF_8);
    all.add(encoded);
    all.add(encoded.replace("+", "%20"));
    all.add(lowerCaseHex(encoded));
    all.add(secret.replace("\\", "\\\\").replace("\"", "\\\"")); // as in JSON
    all.add(secret.replace("/", "\\/"));
    for (var encoder : List.of(Base64.getEncoder(), Base64.getUrlEncoder())) {
      for (int before = 0; before < 3; before++) {
        all.add(inTheMiddleOfBase64(encoder, before, secret));
      }
    }
  }

  private static String lowerCaseHex(String urlEncoded) {
    return Pattern.compile("%[0-9A-F]{2}")
        .matcher(urlEncoded)
        .replaceAll(found -> found.group().toLowerCase(Locale.ROOT));
  }

  /** What does not depend on what stands before and after it, {@code before} bytes modulo 3. */
  private static String inTheMiddleOfBase64(Base64.Encoder encoder, int before, String secret) {
    byte[] bytes = ("x".repeat(before) + secret).getBytes(UTF_8);
    var text = encoder.withoutPadding().encodeToString(bytes);
    int whole = bytes.length / 3 * 4;
    int start = before == 0 ? 0 : 4;
    return text.substring(start, whole);
  }

  Set<String> names() {
    return Set.copyOf(forms.keySet());
  }

  /** Every text that would be found, by the name of its secret. */
  Map<String, Set<String>> forms() {
    return Map.copyOf(forms);
  }

  /** Names of the secrets that are in {@code text}, whole or by halves. */
  List<String> in(String text) {
    var found = new ArrayList<String>();
    forms.forEach(
        (name, all) -> {
          if (all.stream().anyMatch(text::contains)) {
            found.add(name);
          }
        });
    return found;
  }
}
