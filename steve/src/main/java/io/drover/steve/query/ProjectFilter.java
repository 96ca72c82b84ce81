package io.drover.steve.query;

import static java.util.stream.Collectors.toSet;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Namespaces, and projects for all of theirs.
 *
 * @param wanted whether objects must be in one of them, or in none
 */
public record ProjectFilter(boolean wanted, Set<String> names) {
  private static final String PARAMETER = "projectsornamespaces";

  public ProjectFilter {
    names = Set.copyOf(names);
  }

  static @Nullable ProjectFilter parse(Map<String, List<String>> parameters) throws QueryException {
    var wanted = Query.first(parameters, PARAMETER);
    // What looks like an operator in the request is the end of the parameter's name.
    var names = wanted.isEmpty() ? Query.first(parameters, PARAMETER + "!") : wanted;
    if (names.isEmpty()) {
      return null;
    }
    // Nothing between two commas is no project, or it would be that of all who have none.
    var all = Arrays.stream(names.split(",", -1)).filter(name -> !name.isEmpty()).collect(toSet());
    if (all.size() > SelectorParser.MAX_VALUES) {
      throw QueryException.tooMuch("projects and namespaces", SelectorParser.MAX_VALUES);
    }
    return new ProjectFilter(!wanted.isEmpty(), all);
  }

  /**
   * Whether objects of a namespace pass.
   *
   * @param project null if there is no such namespace
   */
  public boolean accepts(String namespace, @Nullable String project) {
    boolean named = project != null && (names.contains(namespace) || names.contains(project));
    return named == wanted;
  }
}
