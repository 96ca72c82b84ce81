package io.drover.agent.kube;

import io.drover.agent.reason.Problem;
import java.net.ConnectException;
import java.net.NoRouteToHostException;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.net.http.HttpTimeoutException;
import java.nio.channels.UnresolvedAddressException;
import java.util.concurrent.TimeoutException;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/**
 * Why a request got no answer, in words. What the JDK's HTTP client throws often has no message,
 * and says what happened by its class alone, a few causes down.
 */
final class Unanswered {
  /** As many causes are looked at; more would be a loop. */
  private static final int MAX_CAUSES = 32;

  private Unanswered() {}

  /** One line; a certificate's fault in the words of whoever checked it. */
  static String why(Throwable failure) {
    @Nullable Throwable cause = failure;
    String last = failure.toString();
    for (int i = 0; i < MAX_CAUSES && cause != null; i++) {
      @Nullable String known = known(cause);
      if (known != null) {
        return known;
      }
      if (cause.getMessage() != null) {
        last = cause.toString();
      }
      cause = cause.getCause();
    }
    return last;
  }

  private static @Nullable String known(Throwable cause) {
    return switch (cause) {
      case UnknownHostException unknown -> "no such host: " + unknown.getMessage();
      case UnresolvedAddressException _ -> "no such host";
      case NoRouteToHostException _ -> "no route to host";
      // With a message it is another failure to connect, such as an unreachable network.
      case ConnectException refused ->
          refused.getMessage() == null ? "connection refused" : refused.getMessage();
      case HttpTimeoutException late -> "no answer in time: " + late.getMessage();
      case SocketTimeoutException late -> "no answer in time: " + late.getMessage();
      case TimeoutException _ -> "no answer in time";
      case SSLException tls -> "tls: " + Problem.of(tls).message();
      default -> null;
    };
  }
}
