package io.drover.steve.query;

import java.util.regex.Pattern;

/**
 * How a server's dashboard asks for lists. It looks at its server's feature flag only, and speaks
 * the same to every cluster.
 *
 * @param limited whether {@code limit} and {@code continue} mean something
 * @param caseless whether sorting ignores the case of ASCII letters
 */
public record Dialect(Syntax syntax, boolean limited, boolean caseless) {
  /** What a filter looks like, and what {@code a=b} means in it. */
  public enum Syntax {
    /** A contains b. Read from the objects themselves. */
    CLASSIC,
    /** A contains b, and is b if it stands in quotes. */
    EARLY_SQL,
    /** A is b; further operators. */
    SELECTORS
  }

  public static final Dialect CLASSIC = new Dialect(Syntax.CLASSIC, true, false);

  /** Server 2.9 and 2.10. */
  static final Dialect EARLY_SQL = new Dialect(Syntax.EARLY_SQL, true, false);

  /** Server 2.11. */
  static final Dialect FIRST_SELECTORS = new Dialect(Syntax.SELECTORS, true, false);

  /** Server 2.12 to 2.14. */
  static final Dialect SELECTORS = new Dialect(Syntax.SELECTORS, false, false);

  /** Server 2.15 and newer. */
  public static final Dialect NEWEST = new Dialect(Syntax.SELECTORS, false, true);

  private static final Pattern VERSION = Pattern.compile("v?2\\.(\\d{1,3})\\b.*");
  private static final int NEWEST_MINOR = 15;

  /** Since when types are described one by one; and since when there is the flag. */
  private static final int DEFINITIONS_SINCE = 9;

  /** Since when the flag is on where nobody says otherwise. */
  private static final int ON_BY_DEFAULT_SINCE = 12;

  /**
   * From what the server tells its agents.
   *
   * @param features {@code CATTLE_FEATURES}: {@code name=true,name=false,...}
   * @param serverVersion {@code CATTLE_SERVER_VERSION}; one that is no release counts as the newest
   */
  public static Dialect of(String features, String serverVersion) {
    int minor = minor(serverVersion);
    if (minor < DEFINITIONS_SINCE || !cached(features, minor >= ON_BY_DEFAULT_SINCE)) {
      return CLASSIC;
    }
    return switch (minor) {
      case 9, 10 -> EARLY_SQL;
      case 11 -> FIRST_SELECTORS;
      case 12, 13, 14 -> SELECTORS;
      default -> NEWEST;
    };
  }

  private static int minor(String serverVersion) {
    var version = VERSION.matcher(serverVersion);
    return version.matches() ? Integer.parseInt(version.group(1)) : NEWEST_MINOR;
  }

  /** Whether a server's dashboard does not know how to ask of what fields a type is made. */
  public static boolean isWithoutDefinitions(String serverVersion) {
    return minor(serverVersion) < DEFINITIONS_SINCE;
  }

  private static boolean cached(String features, boolean otherwise) {
    for (var feature : features.split(",", -1)) {
      var name = feature.strip();
      if (name.startsWith("ui-sql-cache=")) {
        return Boolean.parseBoolean(name.substring("ui-sql-cache=".length()));
      }
    }
    return otherwise;
  }

  /** Whether queries look at columns. */
  public boolean hasColumns() {
    return syntax != Syntax.CLASSIC;
  }
}
