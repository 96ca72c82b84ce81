package io.drover.steve.kube;

/**
 * Which objects of a type a verb may reach, whatever roles say. As in a list, the namespace is
 * empty for objects outside of namespaces. Immutable.
 */
public interface Reach {
  /** How much of something. */
  enum Extent {
    /** All of it; of a list or watch, one request may ask for all. */
    ALL,
    /** It depends on the object. */
    SOME,
    NONE
  }

  /** Every object there is. */
  Reach ALL = constant(Extent.ALL);

  /** No object. */
  Reach NOTHING = constant(Extent.NONE);

  /** How much of all namespaces together. */
  Extent everywhere();

  /** How much of one namespace. */
  Extent in(String namespace);

  /** Whether one object. Of a list or watch: whether it may be among what is told. */
  boolean one(String namespace, String name);

  /** Whether within a namespace it may depend on the name. */
  boolean isByName();

  private static Reach constant(Extent extent) {
    return new Reach() {
      @Override
      public Extent everywhere() {
        return extent;
      }

      @Override
      public Extent in(String namespace) {
        return extent;
      }

      @Override
      public boolean one(String namespace, String name) {
        return extent == Extent.ALL;
      }

      @Override
      public boolean isByName() {
        return false;
      }
    };
  }
}
