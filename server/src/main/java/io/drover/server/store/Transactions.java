package io.drover.server.store;

import org.jdbi.v3.core.HandleCallback;

/** Runs work in a transaction: all of it or nothing. Any thread. */
interface Transactions {
  <T, X extends Exception> T run(HandleCallback<T, X> work) throws X;
}
