package io.drover.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.time.Duration;
import java.util.Base64;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/** A kubectl shell as the dashboard opens one: what is typed in it, and what it says. */
final class ShellSession implements AutoCloseable {
  private static final Duration LIMIT = Duration.ofSeconds(60);

  /** For the pod to run. */
  private static final Duration OPEN_LIMIT = Duration.ofMinutes(3);

  /** Of all that is made for one. */
  static final String LABEL = "drover.io/shell";

  private static final String PROTOCOL = "base64.channel.k8s.io";
  private static final String PATH = "/v1/management.cattle.io.clusters/local?link=shell";

  private final HttpClient client = HttpClient.newHttpClient();
  private final LinkedBlockingQueue<String> said = new LinkedBlockingQueue<>();
  private final StringBuilder all = new StringBuilder();
  private final WebSocket socket;

  private ShellSession(InetSocketAddress to, String user) throws InterruptedException {
    try {
      socket =
          client
              .newWebSocketBuilder()
              .subprotocols(PROTOCOL)
              .header("Impersonate-User", user)
              .header("Impersonate-Group", "system:authenticated")
              .buildAsync(URI.create("ws:/" + to + PATH), new Heard())
              .get(OPEN_LIMIT.toSeconds(), TimeUnit.SECONDS);
    } catch (ExecutionException | TimeoutException e) {
      client.shutdownNow();
      throw new AssertionError("no shell: " + e.getMessage(), e);
    }
  }

  /**
   * Opens one.
   *
   * @param to where the steve tunnel is reached
   */
  static ShellSession open(InetSocketAddress to, String user) throws InterruptedException {
    return new ShellSession(to, user);
  }

  private final class Heard implements WebSocket.Listener {
    private final StringBuilder message = new StringBuilder();

    @Override
    public @Nullable CompletionStage<?> onText(WebSocket from, CharSequence part, boolean last) {
      message.append(part);
      if (last) {
        // The first letter is the channel: 1 is what the shell says.
        if (message.length() > 1 && message.charAt(0) == '1') {
          said.add(new String(Base64.getDecoder().decode(message.substring(1)), UTF_8));
        }
        message.setLength(0);
      }
      from.request(1);
      return null;
    }
  }

  /** Types a line. */
  void type(String line) {
    String coded = Base64.getEncoder().encodeToString((line + "\n").getBytes(UTF_8));
    try {
      socket.sendText("0" + coded, true).join();
    } catch (CompletionException e) {
      throw new AssertionError("the shell has ended", e);
    }
  }

  /** Waits until something has been said; returns all that was. */
  String await(String text) throws InterruptedException {
    long end = System.nanoTime() + LIMIT.toNanos();
    while (all.indexOf(text) < 0) {
      String more = said.poll(end - System.nanoTime(), TimeUnit.NANOSECONDS);
      if (more == null) {
        throw new AssertionError("not said: " + text + " but:\n" + all);
      }
      all.append(more);
    }
    return all.toString();
  }

  /** Makes a namespace in which the user may make things, as nowhere else. */
  static void allow(Kubectl admin, String namespace, String user)
      throws IOException, InterruptedException {
    admin.run("create", "namespace", namespace);
    admin.run(
        "-n", namespace, "create", "rolebinding", "shell", "--clusterrole=edit", "--user=" + user);
  }

  /** Waits until nothing that was made for shells is left. */
  static void awaitNothing(Kubectl admin) throws InterruptedException {
    Await.that(
        "of shells nothing is left",
        LIMIT,
        () ->
            admin
                .run(
                    "get",
                    "pods,serviceaccounts,clusterroles,clusterrolebindings",
                    "-A",
                    "-l",
                    LABEL,
                    "-o",
                    "name")
                .isBlank());
  }

  /** As a browser whose window is closed. */
  @Override
  public void close() {
    socket.abort();
    client.shutdownNow();
  }
}
