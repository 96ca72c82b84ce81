package io.drover.server.api;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.node.TextNode;
import io.drover.server.store.ClusterSpec;
import io.drover.server.store.EnvVar;
import io.drover.server.store.Secret;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import java.util.HexFormat;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * The objects that make a cluster ours when they are applied to it: {@code charts/drover}, as an
 * end-to-end test renders it. Names are those of rancher {@code pkg/systemtemplate}, v2.15.0.
 */
final class Manifest {
  private static final Pattern PLACEHOLDER = Pattern.compile("\\$\\{([a-zA-Z0-9]+)}");
  private static final Pattern VARIABLE = Pattern.compile(" {8}- name: (\\w+)\n {10}value: (.*)\n");
  private static final String ENV_START = "\n        env:\n";
  private static final String ENV_END = "        ports:\n";
  private static final String VOLUMES = "      volumes:\n";
  private static final String TEMPLATE = template();

  private Manifest() {}

  static String render(
      Installation installation, String serverUrl, Secret token, ClusterSpec spec) {
    var values =
        Map.of(
            "server", quote(serverUrl),
            "caChecksum", quote(installation.caChecksum()),
            "image", quote(installation.agentImageFor(spec)),
            "version", quote(installation.version()),
            "installId", quote(installation.installId()),
            "credentials", credentialsName(serverUrl, token),
            "urlBase64", base64(serverUrl),
            "tokenBase64", base64(token.value()));
    return PLACEHOLDER
        .matcher(withChoices(TEMPLATE, spec))
        .replaceAll(
            found -> Matcher.quoteReplacement(Objects.requireNonNull(values.get(found.group(1)))));
  }

  private static String quote(String text) {
    return TextNode.valueOf(text).toString(); // JSON's quotes are YAML's, too
  }

  /** The agent's image, as a cluster gets it. */
  static String image(String standard, ClusterSpec spec) {
    return mirrored(
        spec, spec.agentImageOverride().isEmpty() ? standard : spec.agentImageOverride());
  }

  /** As the chart does with all its images. */
  private static String mirrored(ClusterSpec spec, String image) {
    var registry = spec.privateRegistryUrl();
    return registry.isEmpty() || image.startsWith(registry + "/") ? image : registry + "/" + image;
  }

  /** As the chart is with these values. */
  private static String withChoices(String template, ClusterSpec spec) {
    int start = template.indexOf(ENV_START) + ENV_START.length();
    int end = template.indexOf(ENV_END, start);
    var text =
        template.substring(0, start)
            + environment(template.substring(start, end), spec)
            + template.substring(end);
    return spec.privateCa().isEmpty() ? text : withAuthorities(text, spec.privateCa());
  }

  /** The API server takes no name twice; of two, the one that was chosen counts. */
  private static String environment(String lines, ClusterSpec spec) {
    var chosen = spec.agentEnvVars().stream().map(EnvVar::name).collect(Collectors.toSet());
    var text = new StringBuilder();
    var variable = VARIABLE.matcher(lines);
    while (variable.find()) {
      var name = variable.group(1);
      if (!chosen.contains(name)) {
        var value =
            switch (name) {
              case "CATTLE_SYSTEM_DEFAULT_REGISTRY" -> quote(spec.privateRegistryUrl());
              case "CATTLE_SHELL_IMAGE" -> mirrored(spec, variable.group(2));
              default -> variable.group(2);
            };
        append(text, name, value);
      }
    }
    for (var each : spec.agentEnvVars()) {
      // Not quoted by the template's placeholders, which it must not have.
      append(text, each.name(), quote(each.value()).replace("$", "\\x24"));
    }
    return text.toString();
  }

  private static void append(StringBuilder text, String name, String value) {
    text.append("        - name: ").append(name).append("\n");
    text.append("          value: ").append(value).append("\n");
  }

  private static String withAuthorities(String text, String pem) {
    int ofSecret = text.indexOf("type: Opaque\n");
    var labels = text.substring(text.lastIndexOf("  labels:\n", ofSecret), ofSecret);
    var configMap =
        """
        ---
        apiVersion: v1
        kind: ConfigMap
        metadata:
          name: drover-ca
          namespace: cattle-system
        %sdata:
          ca.crt: |
        %s"""
            .formatted(labels, pem.strip().indent(4));
    var afterSecret = "  namespace: \"\"\n";
    var mount =
        """
        - name: ca
          mountPath: /etc/kubernetes/ssl/certs
          readOnly: true
        """;
    var volume =
        """
        - name: ca
          configMap:
            name: drover-ca
        """;
    return text.replace(afterSecret, afterSecret + configMap)
            .replace(VOLUMES, mount.indent(8) + VOLUMES)
        + volume.indent(6);
  }

  /** The first 10 hex digits of SHA-256 over URL, token and namespace, which is empty here. */
  private static String credentialsName(String serverUrl, Secret token) {
    try {
      var digest =
          MessageDigest.getInstance("SHA-256")
              .digest((serverUrl + "." + token.value() + ".").getBytes(UTF_8));
      return "cattle-credentials-" + HexFormat.of().formatHex(digest, 0, 5);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // every JDK has SHA-256
    }
  }

  private static String base64(String text) {
    return Base64.getEncoder().encodeToString(text.getBytes(UTF_8));
  }

  private static String template() {
    try (var in = Manifest.class.getResourceAsStream("import.yaml")) {
      return new String(Objects.requireNonNull(in).readAllBytes(), UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
