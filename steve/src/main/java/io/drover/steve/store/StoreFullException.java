package io.drover.steve.store;

/** There is no room left: whoever filled the store closes it, and passes lists through. */
public final class StoreFullException extends Exception {
  private static final long serialVersionUID = 1;

  StoreFullException(String message) {
    super(message, null, false, false);
  }
}
