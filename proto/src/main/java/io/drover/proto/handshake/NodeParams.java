package io.drover.proto.handshake;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonFactory;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.util.Base64;

/**
 * How a node names itself when it opens a tunnel of its own. A server finds its machine object by
 * this name; what it knows of the node's roles, labels and taints comes from Kubernetes. Source:
 * Rancher's {@code pkg/agent/node/node.go} up to v2.11.
 *
 * @param hostname the node's name in Kubernetes
 */
public record NodeParams(String hostname) {
  /** The header's value: base64 of {@code {"node":{"requestedHostname":…,…}}}. */
  public String toHeader() {
    var text = new StringWriter();
    try (var json = new JsonFactory().createGenerator(text)) {
      json.writeStartObject();
      json.writeObjectFieldStart("node");
      json.writeStringField("requestedHostname", hostname);
      json.writeBooleanField("etcd", false);
      json.writeBooleanField("controlPlane", false);
      json.writeBooleanField("worker", false);
      json.writeEndObject();
      json.writeEndObject();
    } catch (IOException e) {
      throw new UncheckedIOException(e); // a string takes everything
    }
    return Base64.getEncoder().encodeToString(text.toString().getBytes(UTF_8));
  }
}
