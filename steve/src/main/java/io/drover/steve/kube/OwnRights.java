package io.drover.steve.kube;

import java.net.HttpURLConnection;
import java.util.Optional;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The first right that we ourselves lack, as the API server has said: not what it refuses to a
 * user. It is known until the same is allowed. Any thread; nothing blocks.
 */
final class OwnRights {
  /** Of what the API server says. */
  static final int MAX_CHARACTERS = 300;

  /** As an authorizer refuses. What admission plugins and quotas say has other words. */
  private static final Pattern REFUSED = Pattern.compile("\\bcannot (\\S+) (?:resource|path) .*");

  private static final String IMPERSONATE = "impersonate";

  private static final Logger log = LoggerFactory.getLogger(OwnRights.class);

  // Guarded by this; empty: nothing is missing.
  private String refused = "";
  private String missing = "";

  // Guarded by this: the last that was told to the log.
  private String told = "";

  /**
   * A request was refused.
   *
   * @param asked such as {@code GET /api/v1/pods}, without a query
   * @param as in whose name: then it is for want of a right of ours only if we may not impersonate
   */
  void refused(String asked, Optional<User> as, Refusal why) {
    boolean forbidden = why.status() == HttpURLConnection.HTTP_FORBIDDEN;
    var found = REFUSED.matcher(why.getMessage());
    if (forbidden && found.find() && (as.isEmpty() || found.group(1).equals(IMPERSONATE))) {
      String right = found.group();
      note(key(asked, as), right.substring(0, Math.min(right.length(), MAX_CHARACTERS)));
    } else if (forbidden || why.status() == HttpURLConnection.HTTP_NOT_FOUND) {
      allowed(asked, as); // refused by somebody who is asked later than the authorizer
    }
  }

  private static String key(String asked, Optional<User> as) {
    return as.map(user -> IMPERSONATE + " " + user.name()).orElse(asked);
  }

  private void note(String what, String right) {
    synchronized (this) {
      if (!refused.isEmpty()) {
        return;
      }
      refused = what;
      missing = "the agent's own account " + right;
      if (told.equals(missing)) {
        return;
      }
      told = missing;
    }
    log.warn("a right is missing: feature=explorer reason=Forbidden: {}", right);
  }

  /** A request was not refused. */
  synchronized void allowed(String asked, Optional<User> as) {
    if (refused.equals(key(asked, as))) {
      forget();
    }
  }

  /** Nobody looks, so that nobody would notice that it is allowed by now. */
  synchronized void forget() {
    refused = "";
    missing = "";
  }

  /** What we may not; empty: nothing is known to be missing. */
  synchronized Optional<String> missing() {
    return missing.isEmpty() ? Optional.empty() : Optional.of(missing);
  }
}
