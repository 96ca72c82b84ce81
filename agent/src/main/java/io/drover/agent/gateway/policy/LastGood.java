package io.drover.agent.gateway.policy;

import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;

/**
 * What somebody writes anew now and then, as it was when it was last understood. A new text that is
 * not understood changes nothing, and is told once. Any thread; reading neither waits nor locks.
 *
 * @param <T> what is made of a text; immutable
 */
public final class LastGood<T> {
  /** From a text to what it says. */
  @FunctionalInterface
  public interface Parser<T> {
    T parse(String text) throws PolicyException;
  }

  /** What is in force, and what it was made of. */
  private record Taken<T>(T value, String text) {}

  private final String name;
  private final Logger log;
  private final Parser<T> parser;
  private final Function<T, String> summary;
  private volatile Taken<T> taken;

  // Guarded by this: what was handed over last, and what is wrong with it.
  private @Nullable String told;
  private List<String> problems = List.of();

  /**
   * With something to begin with.
   *
   * @param name for people, such as {@code policy}
   * @param log of whoever asks
   * @param first in force until there is another
   * @param summary one line for people
   */
  public LastGood(String name, Logger log, T first, Parser<T> parser, Function<T, String> summary) {
    this.name = name;
    this.log = log;
    this.taken = new Taken<>(first, "");
    this.parser = parser;
    this.summary = summary;
  }

  /** What is in force. */
  public T value() {
    return taken.value();
  }

  /** What that was made of; empty: it is what there was to begin with. */
  public String text() {
    return taken.text();
  }

  /**
   * Takes a new text. The same again is nothing new.
   *
   * @return what is wrong with it: then the last good one stays in force; empty if it is taken
   */
  public synchronized List<String> reload(String newText) {
    if (newText.equals(told)) {
      return problems;
    }
    told = newText;
    try {
      var fresh = parser.parse(newText);
      taken = new Taken<>(fresh, newText);
      problems = List.of();
      log.info("{} in force: {}", name, summary.apply(fresh));
    } catch (PolicyException e) {
      problems = e.problems();
      log.warn(
          "{} refused, the last good one stays in force: inForce={} problems={}",
          name,
          summary.apply(taken.value()),
          e.getMessage());
    }
    return problems;
  }
}
