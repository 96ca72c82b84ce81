package io.drover.agent.gateway.policy;

import com.fasterxml.jackson.core.JsonFactory;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;

/**
 * Whether a request may go on, and why.
 *
 * @param request with the verb that decided: {@code create}, if an update may not make what is not
 *     there
 * @param rule which one decided, for people; {@code default} if none did; empty if the request is
 *     not resolved
 * @param index of that rule in the policy or its preset, from 1 on; 0 if none did
 * @param line where it stands in the policy; 0 if nowhere
 * @param name of that rule; may be empty
 * @param reason for people; may be empty
 * @param contact whom to ask; may be empty
 */
public record Decision(
    Requester requester,
    RequestInfo request,
    Outcome outcome,
    String rule,
    int index,
    int line,
    String name,
    String reason,
    String contact) {

  /** What becomes of a request. */
  public enum Outcome {
    ALLOWED,
    /** Allowed, though a rule denies it: to be recorded as such. */
    BREAK_GLASS,
    DENIED,
    /** Refused, since it is not certain what it is. */
    UNRESOLVED
  }

  /** HTTP status of a refusal. */
  public static final int STATUS = 403;

  private static final JsonFactory JSON = new JsonFactory();

  /** Whether the request may go on. */
  public boolean allowed() {
    return switch (outcome) {
      case ALLOWED, BREAK_GLASS -> true;
      case DENIED, UNRESOLVED -> false;
    };
  }

  /** One sentence, in the API server's own form: who cannot do what, why, and whom to ask. */
  public String message() {
    var text = new StringBuilder();
    switch (request) {
      case RequestInfo.Resource resource -> {
        if (!allowed()) {
          text.append(title(resource)).append(" is forbidden: ");
        }
        text.append(requester.title());
        text.append(cannot()).append(resource.verb()).append(" resource \"");
        text.append(resource.combined()).append("\" in API group \"");
        text.append(resource.group()).append('"');
        if (resource.namespace().isEmpty()) {
          text.append(" at the cluster scope");
        } else {
          text.append(" in the namespace \"").append(resource.namespace()).append('"');
        }
      }
      case RequestInfo.NonResource url -> {
        text.append(allowed() ? "" : "forbidden: ").append(requester.title()).append(cannot());
        text.append(url.verb()).append(" path \"").append(url.path()).append('"');
      }
      case RequestInfo.Unresolved unresolved ->
          text.append("forbidden: the request is not understood for certain: ")
              .append(unresolved.reason());
    }
    if (!rule.isEmpty()) {
      text.append(": by the gateway's policy, ").append(rule);
    }
    if (!reason.isEmpty()) {
      text.append(": ").append(reason);
    }
    if (!contact.isEmpty() && !allowed()) {
      text.append("; ask ").append(contact);
    }
    return text.toString();
  }

  private String cannot() {
    return allowed() ? " can " : " cannot ";
  }

  /** As the API server names what is forbidden. */
  private static String title(RequestInfo.Resource request) {
    String type =
        request.group().isEmpty() ? request.resource() : request.resource() + "." + request.group();
    return request.name().isEmpty() ? type : type + " \"" + request.name() + "\"";
  }

  /**
   * Kubernetes' {@code Status} of a refusal, as JSON: the body to answer with {@value #STATUS} and
   * {@code application/json}.
   */
  public String status() {
    if (allowed()) {
      throw new IllegalStateException("what is allowed has no such status");
    }
    var text = new StringWriter();
    try (var json = JSON.createGenerator(text)) {
      json.writeStartObject();
      json.writeStringField("kind", "Status");
      json.writeStringField("apiVersion", "v1");
      json.writeObjectFieldStart("metadata");
      json.writeEndObject();
      json.writeStringField("status", "Failure");
      json.writeStringField("message", message());
      json.writeStringField("reason", "Forbidden");
      json.writeObjectFieldStart("details");
      if (request instanceof RequestInfo.Resource resource) {
        if (!resource.name().isEmpty()) {
          json.writeStringField("name", resource.name());
        }
        if (!resource.group().isEmpty()) {
          json.writeStringField("group", resource.group());
        }
        json.writeStringField("kind", resource.resource());
      }
      json.writeEndObject();
      json.writeNumberField("code", STATUS);
      json.writeEndObject();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return text.toString();
  }
}
