package io.drover.agent.gateway.audit;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import io.drover.agent.gateway.policy.AuditPolicy;
import io.drover.agent.gateway.policy.Decision;
import io.drover.agent.gateway.policy.RequestInfo;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Collection;
import java.util.Locale;
import java.util.Optional;

/**
 * One event of {@code audit.k8s.io/v1}, with the fields in the order in which kube-apiserver writes
 * them. Source: apiserver v0.37.1 {@code pkg/apis/audit/v1/types.go}.
 *
 * @param id the same in all events of a request, and in those of the API server
 * @param verdict what the gateway itself has to say
 * @param taped of its session, if it is one
 */
record AuditEvent(
    AuditPolicy.Level level,
    Stage stage,
    String id,
    Asked asked,
    RequestInfo info,
    Who who,
    Verdict verdict,
    int code,
    Bodies bodies,
    Taped taped,
    Instant received,
    Instant now) {
  /** When it is written. */
  enum Stage {
    /** The answer has begun, and may go on for long. */
    RESPONSE_STARTED("ResponseStarted"),
    RESPONSE_COMPLETE("ResponseComplete");

    private final String text;

    Stage(String text) {
      this.text = text;
    }

    String text() {
      return text;
    }
  }

  /**
   * What the gateway decides.
   *
   * @param allowed whether the request went on to the API server
   * @param decision the policy's; empty: none was asked
   * @param reason of an answer of the gateway's own, as in {@code metav1.StatusReason}; empty: the
   *     answer is the API server's
   * @param message of that answer; empty: as above
   */
  record Verdict(boolean allowed, Optional<Decision> decision, String reason, String message) {}

  /**
   * What is recorded of both.
   *
   * @param leftOut why there is neither, though a rule would have them; empty: nothing is against
   *     it
   */
  record Bodies(JsonBody request, JsonBody answer, String leftOut) {
    static final Bodies NONE = new Bodies(JsonBody.NOTHING, JsonBody.NOTHING, "");

    boolean areThere() {
      return !request.text().isEmpty() || !answer.text().isEmpty();
    }

    /** The same, if there is no room for them. */
    Bodies withoutRoom() {
      return new Bodies(without(request), without(answer), leftOut);
    }

    private static JsonBody without(JsonBody body) {
      return body.text().isEmpty() ? body : JsonBody.NO_ROOM;
    }
  }

  /** Of a text in an annotation, in characters. */
  static final int MAX_TEXT = 2_048;

  /**
   * What is recorded of a session.
   *
   * @param file empty: nothing
   * @param cutShort why not all; empty: all of it
   */
  record Taped(String file, String cutShort) {
    static final Taped NOT = new Taped("", "");
  }

  private static final String PREFIX = "gateway.drover.io/";

  /** Source: apiserver {@code plugin/pkg/audit/truncate}. */
  private static final String TRUNCATED = "audit.k8s.io/truncated";

  private static final int FIRST_FAILURE = 400;

  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ss.SSSSSS'Z'", Locale.ROOT)
          .withZone(ZoneOffset.UTC);

  private static final JsonFactory JSON = new JsonFactory();

  /** As the API server names it; HTTP's method in small letters where it is not understood. */
  static String verb(Asked asked, RequestInfo info) {
    return switch (info) {
      case RequestInfo.Resource resource -> resource.verb();
      case RequestInfo.NonResource url -> url.verb();
      case RequestInfo.Unresolved _ -> asked.method().toLowerCase(Locale.ROOT);
    };
  }

  /** JSON on one line, with its end. */
  byte[] line() {
    var bytes = new ByteArrayOutputStream(1024);
    try (var json = JSON.createGenerator(bytes)) {
      write(json);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    bytes.writeBytes("\n".getBytes(UTF_8));
    return bytes.toByteArray();
  }

  private void write(JsonGenerator json) throws IOException {
    json.writeStartObject();
    json.writeStringField("kind", "Event");
    json.writeStringField("apiVersion", "audit.k8s.io/v1");
    json.writeStringField("level", level.text());
    json.writeStringField("auditID", id);
    json.writeStringField("stage", stage.text);
    json.writeStringField("requestURI", asked.target());
    json.writeStringField("verb", verb(asked, info));
    json.writeObjectFieldStart("user");
    writeUser(json, who.user(), who.groups());
    json.writeEndObject();
    if (who.impersonated().isPresent()) {
      var requester = who.impersonated().get();
      json.writeObjectFieldStart("impersonatedUser");
      writeUser(json, requester.user(), requester.groups());
      json.writeEndObject();
    }
    writeList(json, "sourceIPs", asked.sources());
    writeText(json, "userAgent", asked.shownUserAgent());
    if (info instanceof RequestInfo.Resource resource) {
      writeObject(json, resource);
    }
    writeStatus(json);
    writeBody(json, "requestObject", bodies.request());
    writeBody(json, "responseObject", bodies.answer());
    json.writeStringField("requestReceivedTimestamp", TIME.format(received));
    json.writeStringField("stageTimestamp", TIME.format(now));
    writeAnnotations(json);
    json.writeEndObject();
  }

  private static void writeUser(JsonGenerator json, String name, Collection<String> groups)
      throws IOException {
    writeText(json, "username", name);
    writeList(json, "groups", groups.stream().sorted().toList());
  }

  private static void writeObject(JsonGenerator json, RequestInfo.Resource resource)
      throws IOException {
    json.writeObjectFieldStart("objectRef");
    json.writeStringField("resource", resource.resource());
    writeText(json, "namespace", resource.namespace());
    writeText(json, "name", resource.name());
    writeText(json, "apiGroup", resource.group());
    writeText(json, "apiVersion", resource.version());
    writeText(json, "subresource", resource.subresource());
    json.writeEndObject();
  }

  private void writeStatus(JsonGenerator json) throws IOException {
    json.writeObjectFieldStart("responseStatus");
    json.writeObjectFieldStart("metadata");
    json.writeEndObject();
    if (!verdict.reason().isEmpty() && code >= FIRST_FAILURE) {
      json.writeStringField("status", "Failure");
      writeText(json, "message", cut(verdict.message()));
      json.writeStringField("reason", verdict.reason());
    }
    json.writeNumberField("code", code);
    json.writeEndObject();
  }

  private static void writeBody(JsonGenerator json, String name, JsonBody body) throws IOException {
    if (!body.text().isEmpty()) {
      json.writeFieldName(name);
      json.writeRawValue(body.text());
    }
  }

  private void writeLeftOut(JsonGenerator json) throws IOException {
    writeLeftOut(json, "bodies", bodies.leftOut());
    writeLeftOut(json, "request-object", bodies.request().leftOut());
    writeLeftOut(json, "response-object", bodies.answer().leftOut());
    if (bodies.request().equals(JsonBody.TOO_LONG) || bodies.answer().equals(JsonBody.TOO_LONG)) {
      json.writeStringField(TRUNCATED, "true");
    }
  }

  private static void writeLeftOut(JsonGenerator json, String name, String why) throws IOException {
    if (!why.isEmpty()) {
      json.writeStringField(PREFIX + name, "left out: " + why);
    }
  }

  private void writeAnnotations(JsonGenerator json) throws IOException {
    json.writeObjectFieldStart("annotations");
    json.writeStringField(PREFIX + "decision", verdict.allowed() ? "allow" : "forbid");
    if (verdict.decision().isPresent()) {
      var decision = verdict.decision().get();
      writeText(json, PREFIX + "rule", cut(decision.rule()));
      writeText(json, PREFIX + "reason", cut(why(decision)));
      if (decision.outcome() == Decision.Outcome.BREAK_GLASS) {
        json.writeStringField(
            PREFIX + "break-glass",
            cut("let through, although it is denied by " + decision.rule()));
      }
    } else if (!verdict.allowed()) {
      writeText(json, PREFIX + "reason", cut(verdict.message()));
    }
    writeLeftOut(json);
    writeText(json, PREFIX + "recording", taped.file());
    writeText(json, PREFIX + "recording-cut-short", cut(taped.cutShort()));
    json.writeEndObject();
  }

  private static String why(Decision decision) {
    return decision.request() instanceof RequestInfo.Unresolved(var reason)
        ? reason
        : decision.reason();
  }

  private static String cut(String text) {
    return text.length() > MAX_TEXT ? text.substring(0, MAX_TEXT) + "…" : text;
  }

  /** As Go does it with {@code omitempty}. */
  private static void writeText(JsonGenerator json, String name, String value) throws IOException {
    if (!value.isEmpty()) {
      json.writeStringField(name, value);
    }
  }

  private static void writeList(JsonGenerator json, String name, Collection<String> values)
      throws IOException {
    if (!values.isEmpty()) {
      json.writeArrayFieldStart(name);
      for (String value : values) {
        json.writeString(value);
      }
      json.writeEndArray();
    }
  }
}
