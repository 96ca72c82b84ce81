package io.drover.server.tunnel;

import io.drover.server.tunnel.SessionKey.Tunnel;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import javax.net.SocketFactory;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.websocket.core.Configuration.ConfigurationCustomizer;
import org.eclipse.jetty.websocket.core.FrameHandler;
import org.eclipse.jetty.websocket.core.WebSocketComponents;
import org.eclipse.jetty.websocket.core.server.ServerUpgradeRequest;
import org.eclipse.jetty.websocket.core.server.ServerUpgradeResponse;
import org.eclipse.jetty.websocket.core.server.WebSocketMappings;
import org.eclipse.jetty.websocket.core.server.WebSocketNegotiator;

/** Sessions behind a real port, without TLS and without any check of who connects. */
public final class TunnelHarness implements AutoCloseable {
  public static final SessionKey KEY = new SessionKey(Tunnel.CLUSTER, "c-bcdfg");

  /** All but the silence short, so that limits are reached within a test. */
  static final Timing FAST =
      new Timing(
          Timing.STANDARD.healthy(),
          Timing.STANDARD.silence(),
          Duration.ofMillis(300),
          Duration.ofMillis(200),
          Duration.ofMillis(10),
          Duration.ofMillis(80),
          Duration.ofMillis(300));

  /** A short silence, for agents that do nothing else. */
  static final Timing IMPATIENT =
      new Timing(
          Timing.STANDARD.healthy(),
          Duration.ofSeconds(2),
          FAST.stall(),
          FAST.syncGrace(),
          FAST.firstProbe(),
          FAST.lastProbe(),
          FAST.linger());

  public final Sessions sessions;
  final URI url;
  private final Server jetty = new Server();
  private final BlockingQueue<SessionKey> changes = new LinkedBlockingQueue<>();

  private TunnelHarness(Timing timing) throws Exception {
    sessions = new Sessions(timing);
    sessions.onChange(changes::add);
    var connector = new ServerConnector(jetty);
    connector.setHost("127.0.0.1");
    jetty.addConnector(connector);
    var components = new WebSocketComponents();
    jetty.addBean(components);
    var mappings = new WebSocketMappings(components);
    jetty.setHandler(
        new Handler.Abstract() {
          @Override
          public boolean handle(Request request, Response response, Callback callback) {
            return mappings.upgrade(new Negotiator(), request, response, callback, null);
          }
        });
    jetty.start();
    url = URI.create("http://127.0.0.1:" + connector.getLocalPort());
  }

  private final class Negotiator extends ConfigurationCustomizer implements WebSocketNegotiator {
    @Override
    public FrameHandler negotiate(
        ServerUpgradeRequest request, ServerUpgradeResponse response, Callback callback) {
      return sessions.accept(KEY, null);
    }
  }

  public static TunnelHarness start() throws Exception {
    return new TunnelHarness(FAST);
  }

  static TunnelHarness start(Timing timing) throws Exception {
    return new TunnelHarness(timing);
  }

  /** A new agent whose session is there. */
  public RawAgent connect() throws IOException, InterruptedException {
    var agent =
        RawAgent.connect(
            SocketFactory.getDefault(), url, "/", List.copyOf(RawAgent.websocketFields()));
    awaitChange();
    return agent;
  }

  /** Waits until a session came or went. */
  void awaitChange() throws InterruptedException {
    if (changes.poll(20, TimeUnit.SECONDS) == null) {
      throw new AssertionError("no session came or went");
    }
  }

  public ServerSession session() {
    return sessions.newest(KEY).orElseThrow();
  }

  TunnelStream open() throws IOException {
    return session().open("tcp", "10.43.0.1:443");
  }

  @Override
  public void close() {
    sessions.close();
    try {
      jetty.stop();
    } catch (Exception e) { // Jetty declares no less
      throw new IllegalStateException(e);
    }
  }
}
