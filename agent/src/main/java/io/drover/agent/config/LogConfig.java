package io.drover.agent.config;

/** What is logged, and how it looks. */
public record LogConfig(Level level, Format format) {

  /** The least that is logged. */
  public enum Level {
    /** Nothing: of a command whose output is its answer. */
    OFF,
    INFO,
    DEBUG,
    TRACE
  }

  /** How a line looks. */
  public enum Format {
    TEXT,
    JSON
  }

  /** For commands that print. */
  public static LogConfig silent() {
    return new LogConfig(Level.OFF, Format.TEXT);
  }

  static LogConfig from(Environment env) {
    return new LogConfig(level(env), env.parse(Setting.DROVER_LOG_FORMAT, LogConfig::format));
  }

  private static Level level(Environment env) {
    if (env.isTrue(Setting.CATTLE_TRACE) || env.isTrue(Setting.RANCHER_TRACE)) {
      return Level.TRACE;
    }
    boolean debug = env.isTrue(Setting.CATTLE_DEBUG) || env.isTrue(Setting.RANCHER_DEBUG);
    return debug ? Level.DEBUG : Level.INFO;
  }

  private static Format format(String text) {
    return switch (text) {
      case "text" -> Format.TEXT;
      case "json" -> Format.JSON;
      default -> throw new IllegalArgumentException("expected text or json");
    };
  }
}
