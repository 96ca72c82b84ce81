package io.drover.steve.access;

/**
 * Where something is allowed.
 *
 * @param namespace or {@link #ALL}; always that for objects outside of namespaces
 * @param name of an object, or {@link #ALL}
 */
public record Access(String namespace, String name) {
  /** Whatever there is. */
  public static final String ALL = "*";

  /** Everything. */
  public static final Access EVERYWHERE = new Access(ALL, ALL);

  /** Whether it is enough for an object. Asking for {@link #ALL} asks for all of them. */
  public boolean grants(String inNamespace, String called) {
    return (namespace.equals(ALL) || namespace.equals(inNamespace))
        && (name.equals(ALL) || name.equals(called));
  }
}
