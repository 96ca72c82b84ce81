package io.drover.steve.shell;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import io.drover.steve.LoopbackAccess;
import io.drover.steve.http.Answer;
import io.drover.steve.http.Fields;
import io.drover.steve.http.FrontLimits;
import io.drover.steve.http.HttpFront;
import io.drover.steve.http.Request;
import io.drover.steve.kube.Json;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.channels.Channels;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;

/**
 * An API server as far as shells need one: it keeps what is created until it is deleted, and its
 * pods run at once, if a test does not say otherwise. In a pod everything comes back that is sent.
 */
final class ScriptedApi implements LoopbackAccess, AutoCloseable {
  private static final Set<String> LISTS =
      Set.of(
          "clusterroles",
          "clusterrolebindings",
          "roles",
          "rolebindings",
          "customresourcedefinitions",
          "apiservices");

  /** What was done, as in {@code POST /path}. */
  final LinkedBlockingQueue<String> done = new LinkedBlockingQueue<>();

  /** The head of the last request to be led into a pod. */
  final LinkedBlockingQueue<Fields> execs = new LinkedBlockingQueue<>();

  final Map<String, JsonNode> objects = new ConcurrentHashMap<>();

  /** Of each new pod. */
  volatile String podStatus = "{'phase':'Running'}";

  private final HttpFront front = HttpFront.start("api", FrontLimits.STANDARD, this::answer);
  private final ServerSocket listener;

  ScriptedApi() throws IOException {
    listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    Thread.ofVirtual().start(this::accept);
  }

  private void accept() {
    try {
      while (true) {
        join(listener.accept());
      }
    } catch (IOException _) {
      // It is over.
    }
  }

  /** With a connection of the front, which has no port of its own. */
  private void join(Socket socket) throws IOException {
    var far = front.connect(_ -> {});
    Thread.ofVirtual()
        .start(
            () -> {
              try (socket) {
                socket.getInputStream().transferTo(Channels.newOutputStream(far));
                far.shutdownOutput();
              } catch (IOException _) {
                // One of both is gone.
              }
            });
    Thread.ofVirtual()
        .start(
            () -> {
              try (far;
                  socket) {
                Channels.newInputStream(far).transferTo(socket.getOutputStream());
              } catch (IOException _) {
                // One of both is gone.
              }
            });
  }

  private void answer(Request request, Answer answer) throws IOException {
    String path = request.path();
    if (path.endsWith("/exec")) {
      exec(request, answer);
      return;
    }
    done.add(request.method() + " " + path);
    switch (request.method()) {
      case "POST" -> {
        var object = Json.MAPPER.readTree(request.body());
        object.withObject("/metadata").put("uid", "u-1");
        if (path.endsWith("/pods")) {
          object.withObject("").set("status", json(podStatus));
        }
        objects.put(path + "/" + object.at("/metadata/name").asText(), object);
        send(answer, 201, object);
      }
      case "DELETE" -> send(answer, objects.remove(path) == null ? 404 : 200, json("{}"));
      default -> {
        var list = Json.MAPPER.createObjectNode();
        var items = list.putArray("items");
        objects.forEach(
            (name, object) -> {
              if (name.startsWith(path + "/")) {
                items.add(object);
              }
            });
        var found =
            LISTS.contains(path.substring(path.lastIndexOf('/') + 1)) ? list : objects.get(path);
        send(answer, found == null ? 404 : 200, found == null ? json("{}") : found);
      }
    }
  }

  private static JsonNode json(String text) throws IOException {
    return Json.MAPPER.readTree(text.replace('\'', '"'));
  }

  private static void send(Answer answer, int status, JsonNode body) throws IOException {
    answer.send(status, new Fields(), body.toString().getBytes(UTF_8));
  }

  private void exec(Request request, Answer answer) throws IOException {
    execs.add(request.fields());
    if (!objects.containsKey(request.path().replace("/exec", ""))) {
      send(answer, 404, json("{'reason':'NotFound','message':'no such pod'}"));
      return;
    }
    var agreed =
        answer.upgrade(
            new Fields()
                .add("Upgrade", "websocket")
                .add("Connection", "Upgrade")
                .add("Sec-WebSocket-Accept", "accepted")
                .add("Sec-WebSocket-Protocol", request.fields().first("Sec-WebSocket-Protocol"))
                .add("X-Other", "not told"));
    agreed.out().write("hello ".getBytes(ISO_8859_1));
    agreed.in().transferTo(agreed.out());
  }

  @Override
  public int port() {
    return listener.getLocalPort();
  }

  @Override
  public void close() throws IOException {
    listener.close();
    front.close();
  }
}
