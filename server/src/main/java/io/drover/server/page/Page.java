package io.drover.server.page;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;

/** The files of the page. Any thread. */
public final class Page {
  /** Where all of them are but the first one, which is {@code /}. */
  public static final String PREFIX = "/page/";

  /** Nothing from elsewhere, nothing inline, in nobody's frame. */
  static final String POLICY =
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
          + "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

  private static final String FIRST = "index.html";
  private static final List<String> FILES =
      List.of(
          FIRST,
          "account.js",
          "api.js",
          "changes.js",
          "chart.js",
          "cluster-parts.js",
          "cluster.js",
          "clusters.js",
          "dom.js",
          "explorer.js",
          "form.js",
          "format.js",
          "history.js",
          "importer.js",
          "login.js",
          "main.js",
          "manage.js",
          "mark.svg",
          "members.js",
          "shell.js",
          "style.css");

  /** The terminal of the shell, out of the jars that Maven brings. */
  private static final Map<String, String> LIBRARIES =
      Map.of(
          "xterm.js", "/META-INF/resources/webjars/xterm/4.9.0/lib/xterm.js",
          "xterm.css", "/META-INF/resources/webjars/xterm/4.9.0/css/xterm.css",
          "xterm-addon-fit.js",
              "/META-INF/resources/webjars/xterm-addon-fit/0.3.0/lib/xterm-addon-fit.js");

  private static final Map<String, String> TYPES =
      Map.of(
          "html", "text/html; charset=utf-8",
          "js", "text/javascript; charset=utf-8",
          "css", "text/css; charset=utf-8",
          "svg", "image/svg+xml");

  private final Map<String, File> files;

  private Page(Map<String, File> files) {
    this.files = Map.copyOf(files);
  }

  /** A file; its content is only read. */
  private record File(String type, ByteBuffer content, String tag) {}

  /** Reads them all. */
  public static Page load() {
    var files = new HashMap<String, File>();
    for (var name : FILES) {
      files.put(name.equals(FIRST) ? "/" : PREFIX + name, read(name, name));
    }
    LIBRARIES.forEach((name, resource) -> files.put(PREFIX + name, read(name, resource)));
    return new Page(files);
  }

  private static File read(String name, String resource) {
    try (var in = Objects.requireNonNull(Page.class.getResourceAsStream(resource), resource)) {
      byte[] content = in.readAllBytes();
      var tag =
          HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content), 0, 16);
      var type = Objects.requireNonNull(TYPES.get(name.substring(name.lastIndexOf('.') + 1)));
      return new File(type, ByteBuffer.wrap(content).asReadOnlyBuffer(), '"' + tag + '"');
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // every Java has it
    }
  }

  /** Whether a request is for one of them: what is at {@code /} is for programs, too. */
  public boolean isAsked(Request request) {
    var path = request.getHttpURI().getPath();
    return path.startsWith(PREFIX) || (path.equals("/") && wantsHtml(request));
  }

  private static boolean wantsHtml(Request request) {
    return request.getHeaders().getValuesList(HttpHeader.ACCEPT).stream()
        .anyMatch(accepted -> accepted.contains("text/html"));
  }

  /** Answers such a request. */
  public void handle(Request request, Response response, Callback callback) {
    var file = files.get(request.getHttpURI().getPath());
    boolean isHead = request.getMethod().equals("HEAD");
    if (file == null || !(isHead || request.getMethod().equals("GET"))) {
      response.setStatus(file == null ? 404 : 405);
      response.write(true, null, callback);
      return;
    }
    var fields = response.getHeaders();
    fields.put(HttpHeader.CONTENT_TYPE, file.type());
    fields.put("Content-Security-Policy", POLICY);
    fields.put(HttpHeader.ETAG, file.tag());
    fields.put(HttpHeader.CACHE_CONTROL, "no-cache"); // asked for again, and mostly not sent again
    fields.put(HttpHeader.VARY, "Accept");
    if (file.tag().equals(request.getHeaders().get(HttpHeader.IF_NONE_MATCH))) {
      response.setStatus(304);
      response.write(true, null, callback);
      return;
    }
    fields.put(HttpHeader.CONTENT_LENGTH, file.content().remaining());
    response.write(true, isHead ? null : file.content().slice(), callback);
  }
}
