package io.drover.steve.api;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.steve.kube.Json;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.Base64;
import java.util.zip.GZIPInputStream;

/** The chart that Helm packs into a Secret or a ConfigMap: left out, or unpacked. */
final class HelmRelease {
  /** Unpacked. A Secret holds 1 MiB. */
  static final int MAX_BYTES = 16 * 1024 * 1024;

  private static final String RELEASE = "release";

  private HelmRelease() {}

  /** Does nothing to what is no release. */
  static void trim(ObjectNode object, boolean wanted) {
    String kind = object.path("kind").asText("");
    boolean isSecret = kind.equals("Secret");
    if ((isSecret || kind.equals("ConfigMap"))
        && object.at("/metadata/labels/owner").asText("").equals("helm")
        && object.get("data") instanceof ObjectNode data
        && data.has(RELEASE)) {
      String packed = data.remove(RELEASE).asText("");
      if (wanted) {
        try {
          data.set(RELEASE, unpack(packed, isSecret));
        } catch (IOException | IllegalArgumentException _) {
          data.put(RELEASE, packed); // Helm itself cannot read it either
        }
      }
    }
  }

  private static ObjectNode unpack(String packed, boolean secret) throws IOException {
    byte[] text = Base64.getDecoder().decode(packed);
    byte[] zipped = secret ? Base64.getDecoder().decode(text) : text;
    try (var in = new GZIPInputStream(new ByteArrayInputStream(zipped))) {
      byte[] json = in.readNBytes(MAX_BYTES + 1);
      if (json.length > MAX_BYTES) {
        throw new IOException("the release is longer than " + MAX_BYTES + " bytes");
      }
      return Json.object(new ByteArrayInputStream(json));
    }
  }
}
