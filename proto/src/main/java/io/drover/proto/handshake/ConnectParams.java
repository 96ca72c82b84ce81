package io.drover.proto.handshake;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.Base64;

/**
 * How the server reaches the cluster's API server, once it is inside the cluster tunnel.
 *
 * @param address host and port of the API server as seen by the agent; an IPv6 host in brackets
 * @param token the service-account token that the server uses for all its requests: a secret
 * @param caCert the API server's CA, as PEM
 */
public record ConnectParams(String address, String token, String caCert) {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** The header's value: base64 of {@code {"cluster":{"address":…,"caCert":…,"token":…}}}. */
  public String toHeader() {
    var cluster = JSON.createObjectNode();
    cluster.put("address", address);
    cluster.put("caCert", Base64.getEncoder().encodeToString(caCert.getBytes(UTF_8)));
    cluster.put("token", token);
    var params = JSON.createObjectNode().set("cluster", cluster).toString();
    return Base64.getEncoder().encodeToString(params.getBytes(UTF_8));
  }

  /**
   * Reads the header's value.
   *
   * @throws IllegalArgumentException if it is not such a header; the message is what Rancher's
   *     server answers
   */
  public static ConnectParams fromHeader(String header) {
    var cluster = clusterOf(header);
    var address = required(cluster, "address");
    var token = required(cluster, "token");
    var caCert = required(cluster, "caCert");
    return new ConnectParams(address, token, new String(Base64.getDecoder().decode(caCert), UTF_8));
  }

  private static JsonNode clusterOf(String header) {
    if (header.isEmpty()) {
      throw new IllegalArgumentException("unexpected end of JSON input");
    }
    JsonNode params;
    try {
      params = JSON.readTree(new String(Base64.getDecoder().decode(header), UTF_8));
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("invalid JSON: " + e.getOriginalMessage(), e);
    }
    var cluster = params.path("cluster");
    if (!cluster.isObject()) {
      throw new IllegalArgumentException("missing node or cluster registration info");
    }
    return cluster;
  }

  private static String required(JsonNode cluster, String field) {
    var value = cluster.path(field).asText("");
    if (value.isEmpty()) {
      throw new IllegalArgumentException("invalid input, " + field + " empty");
    }
    return value;
  }

  /** Without the token. */
  @Override
  public String toString() {
    return "ConnectParams[address=" + address + ", token=***]";
  }
}
