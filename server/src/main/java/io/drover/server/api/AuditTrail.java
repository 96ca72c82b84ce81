package io.drover.server.api;

import io.drover.server.account.AuditLog;
import io.drover.server.account.Principal;
import io.drover.server.store.RandomText;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import org.eclipse.jetty.http.MetaData;
import org.eclipse.jetty.server.HttpStream;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.util.Callback;
import org.jspecify.annotations.Nullable;

/**
 * Notes in the audit log what changes something, what is refused, and all that goes into a cluster,
 * when its answer begins: a shell or a watch is there before it is over. What agents send is noted
 * only if it is refused.
 */
final class AuditTrail {
  /** The status of what ended before an answer, as some web servers write it. */
  static final int NO_ANSWER = 499;

  private static final String NOTE = AuditTrail.class.getName();

  /** Under which a cluster's id is the next part of a path, or the first half of it. */
  private static final List<String> OF_CLUSTERS =
      List.of(
          ClusterEntrance.CLUSTERS,
          "/v3/clusters/",
          "/v1/management.cattle.io.clusters/",
          MemberApi.MEMBERS + "/");

  private static final Set<String> OF_AGENTS =
      Set.of("/v3/connect", "/v3/connect/register", "/v3/reports");
  private static final Set<String> ACTIONS =
      Set.of("login", "logout", "changepassword", "setpassword", "generateKubeconfig");
  private static final Set<String> READING = Set.of("GET", "HEAD", "OPTIONS");
  private static final Set<Integer> REFUSALS = Set.of(401, 403, 429);

  private final AuditLog audit;

  AuditTrail(AuditLog audit) {
    this.audit = audit;
  }

  /** What becomes known of a request while it is served, by its own thread. */
  private static final class Note {
    final String requestId = RandomText.requestId();
    volatile Optional<Principal> who = Optional.empty();
    volatile String cluster = "";
  }

  /**
   * Takes note of a request that has just come.
   *
   * @return its id
   */
  String begin(Request request) {
    var note = new Note();
    var path = Objects.requireNonNullElse(request.getHttpURI().getPath(), "/");
    note.cluster = cluster(path);
    request.setAttribute(NOTE, note);
    var address = Request.getRemoteAddr(request);
    var method = request.getMethod();
    var action = action(request.getHttpURI().getQuery());
    var isWritten = new AtomicBoolean();
    request.addHttpStreamWrapper(
        stream ->
            new HttpStream.Wrapper(stream) {
              @Override
              public void send(
                  MetaData.Request asked,
                  MetaData.@Nullable Response answer,
                  boolean last,
                  ByteBuffer content,
                  Callback callback) {
                if (answer != null && (answer.getStatus() >= 200 || answer.getStatus() == 101)) {
                  write(answer.getStatus());
                }
                super.send(asked, answer, last, content, callback);
              }

              @Override
              public void failed(Throwable cause) {
                write(NO_ANSWER);
                super.failed(cause);
              }

              private void write(int status) {
                if (isNoted(method, path, status, note) && isWritten.compareAndSet(false, true)) {
                  audit.write(
                      new AuditLog.Deed(
                          note.requestId,
                          note.who,
                          address,
                          method,
                          withoutToken(path),
                          action,
                          note.cluster,
                          status));
                }
              }
            });
    return note.requestId;
  }

  /** Who makes a request, once that is known. */
  static void who(Request request, Principal who) {
    if (request.getAttribute(NOTE) instanceof Note note) {
      note.who = Optional.of(who);
    }
  }

  /** Which cluster a request is about, if its path does not say it. */
  static void cluster(Request request, String id) {
    if (request.getAttribute(NOTE) instanceof Note note) {
      note.cluster = id;
    }
  }

  private static boolean isNoted(String method, String path, int status, Note note) {
    if (path.startsWith(ClusterEntrance.CLUSTERS) || path.equals(OidcApi.CALLBACK)) {
      return true;
    }
    // Who is no member is told that there is no such thing.
    boolean isRefused =
        REFUSALS.contains(status)
            || (status == 404 && note.who.isPresent())
            || isLost(path, status);
    return isRefused || !(READING.contains(method) || OF_AGENTS.contains(path));
  }

  /** Agents, and those who fetch a manifest, are refused by 400. */
  private static boolean isLost(String path, int status) {
    return status == 400 && (OF_AGENTS.contains(path) || path.startsWith(ImportApi.IMPORT));
  }

  private static String cluster(String path) {
    for (var root : OF_CLUSTERS) {
      if (path.startsWith(root)) {
        var rest = path.substring(root.length());
        int end = 0;
        while (end < rest.length() && "/:".indexOf(rest.charAt(end)) < 0) {
          end++;
        }
        return rest.substring(0, end);
      }
    }
    return "";
  }

  private static String action(@Nullable String query) {
    var given =
        query != null && query.startsWith("action=") ? query.substring("action=".length()) : "";
    return ACTIONS.contains(given) ? given : "";
  }

  /** A manifest's name begins with a registration token. */
  static String withoutToken(String path) {
    if (!path.startsWith(ImportApi.IMPORT)) {
      return path;
    }
    int underscore = path.lastIndexOf('_');
    return ImportApi.IMPORT + "{token}" + (underscore < 0 ? "" : path.substring(underscore));
  }
}
