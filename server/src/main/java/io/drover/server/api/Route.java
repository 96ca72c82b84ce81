package io.drover.server.api;

import io.drover.server.account.Principal;
import java.io.IOException;
import java.util.Optional;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;

/**
 * Something that is served.
 *
 * @param path where
 * @param withParts whether it is served below as well
 * @param handling by whom
 */
public record Route(String path, boolean withParts, Handling handling) {
  /** Answers a request before it returns. */
  @FunctionalInterface
  public interface Handling {
    /**
     * Answers, in the request's own thread.
     *
     * @param rest what follows the route's path in that of the request
     * @throws RefusedException to have it answered with that
     */
    void handle(Request request, Response response, Callback callback, String rest)
        throws IOException, RefusedException;
  }

  /** As {@link Handling}, of a request by somebody who is known. */
  @FunctionalInterface
  interface ForSomebody {
    void handle(Request request, Response response, Callback callback, Principal who, String rest)
        throws IOException, RefusedException;
  }

  /** At one path. */
  public static Route at(String path, Handling handling) {
    return new Route(path, false, handling);
  }

  /** At a path and below it. */
  public static Route from(String path, Handling handling) {
    return new Route(path, true, handling);
  }

  /** What follows in a path; empty: the path is another's. */
  Optional<String> rest(String asked) {
    var below = path.endsWith("/") ? path : path + "/";
    return asked.equals(path) || (withParts && asked.startsWith(below))
        ? Optional.of(asked.substring(path.length()))
        : Optional.empty();
  }
}
