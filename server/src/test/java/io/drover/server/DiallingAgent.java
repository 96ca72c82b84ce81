package io.drover.server;

import static java.nio.charset.StandardCharsets.US_ASCII;

import io.drover.proto.handshake.ConnectParams;
import io.drover.proto.tunnel.Message.Close;
import io.drover.proto.tunnel.Message.Connect;
import io.drover.proto.tunnel.Message.Data;
import io.drover.proto.tunnel.Message.Pause;
import io.drover.proto.tunnel.Message.Resume;
import io.drover.proto.tunnel.MessageCodec;
import io.drover.server.tunnel.RawAgent;
import java.io.Closeable;
import java.io.IOException;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/** A small agent that works: both tunnels, real dials, obeys Pause, answers {@code /ping}. */
final class DiallingAgent implements Closeable {
  /** What the agent's own API was asked by others than the server itself. */
  final BlockingQueue<String> toSteve = new LinkedBlockingQueue<>();

  private final RawAgent cluster;
  private final RawAgent steve;
  private final Map<Long, Socket> sockets = new ConcurrentHashMap<>();
  private final Set<Long> paused = ConcurrentHashMap.newKeySet();
  private final ScheduledExecutorService pings =
      Executors.newSingleThreadScheduledExecutor(Thread.ofPlatform().daemon().factory());

  private DiallingAgent(RawAgent cluster, RawAgent steve) {
    this.cluster = cluster;
    this.steve = steve;
  }

  static DiallingAgent start(
      TestServer server, TestServer.NewCluster imported, ConnectParams params) throws IOException {
    return start(server, server, imported, params);
  }

  /** The tunnels may end at different ones of several servers, as a balancer may have it. */
  static DiallingAgent start(
      TestServer ofCluster,
      TestServer ofSteve,
      TestServer.NewCluster imported,
      ConnectParams params)
      throws IOException {
    var agent =
        new DiallingAgent(
            ofCluster.connectCluster(imported, params), ofSteve.connectSteve(imported));
    Thread.ofVirtual().name("agent-cluster").start(agent::serveCluster);
    Thread.ofVirtual().name("agent-steve").start(agent::serveSteve);
    var _ = agent.pings.scheduleAtFixedRate(agent::ping, 0, 1, TimeUnit.SECONDS);
    return agent;
  }

  private void ping() {
    try {
      cluster.frame(RawAgent.PING, true);
      steve.frame(RawAgent.PING, true);
    } catch (IOException e) {
      pings.shutdown();
    }
  }

  private void serveSteve() {
    try {
      while (true) {
        if (steve.receive() instanceof Data(var id, var payload)) {
          var asked = US_ASCII.decode(payload.duplicate()).toString();
          if (!asked.startsWith("GET /ping ")) {
            toSteve.add(asked);
          }
          var answer = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npong";
          steve.send(new Data(id, ByteBuffer.wrap(answer.getBytes(US_ASCII))));
        }
      }
    } catch (IOException e) {
      // The test is over.
    }
  }

  private void serveCluster() {
    try {
      while (true) {
        var frame = cluster.read();
        if (frame.opcode() == RawAgent.PING) {
          cluster.frame(RawAgent.PONG, true);
        }
        if (frame.opcode() != RawAgent.BINARY) {
          continue;
        }
        switch (MessageCodec.decode(frame.payload())) {
          case Connect(var id, _, var address) -> dial(id, address);
          case Data(var id, var payload) -> {
            var socket = sockets.get(id);
            if (socket != null) {
              byte[] bytes = new byte[payload.remaining()];
              payload.duplicate().get(bytes);
              write(id, socket, bytes);
            }
          }
          case Close(var id, _) -> {
            var socket = sockets.remove(id);
            if (socket != null) {
              socket.close();
            }
          }
          case Pause(var id) -> paused.add(id);
          case Resume(var id) -> {
            synchronized (paused) {
              paused.remove(id);
              paused.notifyAll();
            }
          }
          default -> throw new IOException("unexpected message");
        }
      }
    } catch (IOException e) {
      // The test is over.
    }
  }

  private void dial(long id, String address) throws IOException {
    int colon = address.lastIndexOf(':');
    try {
      var socket =
          new Socket(
              address.substring(0, colon),
              Integer.parseInt(address, colon + 1, address.length(), 10));
      socket.setTcpNoDelay(true);
      sockets.put(id, socket);
      Thread.ofVirtual().name("agent-stream-" + id).start(() -> copy(id, socket));
    } catch (IOException e) {
      cluster.send(new Close(id, "dial tcp " + address + ": connect: connection refused"));
    }
  }

  /** What one target does not take, the other streams are not ended for. */
  private void write(long id, Socket socket, byte[] bytes) throws IOException {
    try {
      socket.getOutputStream().write(bytes);
    } catch (IOException e) {
      socket.close();
      if (sockets.remove(id, socket)) {
        cluster.send(new Close(id, "write tcp: broken pipe"));
      }
    }
  }

  private void copy(long id, Socket socket) {
    byte[] bytes = new byte[32 * 1024];
    try {
      while (true) {
        int count = socket.getInputStream().read(bytes);
        if (count < 0) {
          break;
        }
        synchronized (paused) {
          while (paused.contains(id) && sockets.containsKey(id)) {
            paused.wait(100);
          }
        }
        cluster.send(new Data(id, ByteBuffer.wrap(bytes, 0, count)));
      }
      cluster.send(new Close(id, Close.END_OF_FILE));
    } catch (IOException e) {
      // The stream is over.
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      sockets.remove(id);
    }
  }

  int dialled() {
    return sockets.size();
  }

  boolean hasPaused() {
    return !paused.isEmpty();
  }

  @Override
  public void close() throws IOException {
    pings.shutdownNow();
    cluster.close();
    steve.close();
    for (var socket : sockets.values()) {
      socket.close();
    }
  }
}
