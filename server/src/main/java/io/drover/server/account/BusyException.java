package io.drover.server.account;

/** The server has too much to do; the same may work later. */
public final class BusyException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  BusyException(String message) {
    super(message);
  }
}
