package io.drover.server.api;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import io.drover.server.store.ClusterSpec;
import io.drover.server.store.EnvVar;
import java.io.ByteArrayInputStream;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashSet;
import java.util.List;
import java.util.regex.Pattern;

/** What a client says of a cluster that it wants. Fields that are not known are passed over. */
final class ClusterInput {
  /** The longest cluster name, in characters. */
  static final int MAX_NAME_CHARACTERS = 63;

  /** The longest registry or image, in characters. */
  static final int MAX_IMAGE_CHARACTERS = 255;

  /** Variables for the agent. */
  static final int MAX_ENV_VARS = 100;

  /** The longest value of one, in characters. */
  static final int MAX_ENV_VALUE_CHARACTERS = 4096;

  private static final Pattern NAME = Pattern.compile("[a-z0-9]([-a-z0-9]*[a-z0-9])?");
  private static final Pattern ENV_NAME = Pattern.compile("[A-Za-z_][A-Za-z0-9_]*");
  private static final String HOST = "[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?(:[0-9]{1,5})?";
  private static final String PATH = "[a-z0-9]([-a-z0-9._]*[a-z0-9])?";
  private static final Pattern REGISTRY = Pattern.compile(HOST + "(/" + PATH + ")*");
  private static final Pattern IMAGE =
      Pattern.compile(
          "("
              + HOST
              + "/)?"
              + PATH
              + "(/"
              + PATH
              + ")*(:[\\w][\\w.-]{0,127})?(@sha256:[0-9a-f]{64})?");

  private static final Base64.Encoder BASE64 = Base64.getMimeEncoder(64, new byte[] {'\n'});

  private ClusterInput() {}

  /** Checks all of it. */
  static ClusterSpec read(JsonNode body) throws InvalidFieldException {
    var name = text(body, "name", "name");
    if (!NAME.matcher(name).matches() || name.length() > MAX_NAME_CHARACTERS) {
      throw new InvalidFieldException(
          "name", "must be 1 to " + MAX_NAME_CHARACTERS + " of a-z, 0-9 and -, not - at an end");
    }
    var imported = body.path("importedConfig");
    if (!imported.isMissingNode() && !imported.isNull() && !imported.isObject()) {
      throw new InvalidFieldException("importedConfig", "must be an object");
    }
    return new ClusterSpec(
        name, registry(imported), image(body), authorities(imported), envVars(body));
  }

  private static String text(JsonNode parent, String field, String path)
      throws InvalidFieldException {
    var value = parent.path(field);
    if (value.isMissingNode() || value.isNull()) {
      return "";
    } else if (!value.isTextual()) {
      throw new InvalidFieldException(path, "must be text");
    }
    return value.asText();
  }

  private static String registry(JsonNode imported) throws InvalidFieldException {
    var path = "importedConfig.privateRegistryURL";
    var registry = text(imported, "privateRegistryURL", path).replaceAll("/+$", "");
    if (!registry.isEmpty()
        && (!REGISTRY.matcher(registry).matches() || registry.length() > MAX_IMAGE_CHARACTERS)) {
      throw new InvalidFieldException(
          path, "must be HOST[:PORT][/PATH] without https://, such as registry.example.org:5000/a");
    }
    return registry;
  }

  private static String image(JsonNode body) throws InvalidFieldException {
    var image = text(body, "agentImageOverride", "agentImageOverride");
    if (!image.isEmpty()
        && (!IMAGE.matcher(image).matches() || image.length() > MAX_IMAGE_CHARACTERS)) {
      throw new InvalidFieldException(
          "agentImageOverride", "must be an image, such as registry.example.org/drover-agent:1.0");
    }
    return image;
  }

  private static String authorities(JsonNode imported) throws InvalidFieldException {
    var path = "importedConfig.privateCA";
    var pem = text(imported, "privateCA", path).replace("\r", "").strip();
    if (pem.isEmpty()) {
      return "";
    }
    // All of it goes into a ConfigMap that everybody in the cluster may read.
    if (pem.contains("PRIVATE KEY")) {
      throw new InvalidFieldException(path, "must hold certificates only; take the key out");
    }
    try {
      var found =
          CertificateFactory.getInstance("X.509")
              .generateCertificates(new ByteArrayInputStream(pem.getBytes(UTF_8)));
      if (!found.isEmpty()) {
        var whole = new StringBuilder(); // without what stands beside and between them
        for (var certificate : found) {
          whole.append("-----BEGIN CERTIFICATE-----\n");
          whole.append(BASE64.encodeToString(certificate.getEncoded()));
          whole.append("\n-----END CERTIFICATE-----\n");
        }
        return whole.toString().strip();
      }
    } catch (CertificateException e) {
      // Said below, as for none.
    }
    throw new InvalidFieldException(
        path, "must be certificates as PEM, each from -----BEGIN CERTIFICATE----- to its end");
  }

  private static List<EnvVar> envVars(JsonNode body) throws InvalidFieldException {
    var field = "agentEnvVars";
    var array = body.path(field);
    if (array.isMissingNode() || array.isNull()) {
      return List.of();
    } else if (!array.isArray() || array.size() > MAX_ENV_VARS) {
      throw new InvalidFieldException(
          field, "must be a list of at most " + MAX_ENV_VARS + " {name, value}");
    }
    var names = new HashSet<String>();
    var vars = new ArrayList<EnvVar>();
    for (int i = 0; i < array.size(); i++) {
      var variable = envVar(array.path(i), field + "[" + i + "]");
      if (!names.add(variable.name())) {
        throw new InvalidFieldException(
            field + "[" + i + "].name", "is there twice: " + variable.name());
      }
      vars.add(variable);
    }
    return vars;
  }

  private static EnvVar envVar(JsonNode json, String path) throws InvalidFieldException {
    if (!json.isObject()) {
      throw new InvalidFieldException(path, "must be {name, value}");
    }
    var name = text(json, "name", path + ".name");
    if (!ENV_NAME.matcher(name).matches() || name.length() > MAX_IMAGE_CHARACTERS) {
      throw new InvalidFieldException(
          path + ".name", "must be letters, digits and _, not a digit first");
    }
    var value = text(json, "value", path + ".value");
    if (value.length() > MAX_ENV_VALUE_CHARACTERS || value.chars().anyMatch(c -> c < ' ')) {
      throw new InvalidFieldException(
          path + ".value",
          "must be one line of at most " + MAX_ENV_VALUE_CHARACTERS + " characters");
    } else if (json.has("valueFrom")) {
      throw new InvalidFieldException(path + ".valueFrom", "is not supported: give a value");
    }
    return new EnvVar(name, value);
  }
}
