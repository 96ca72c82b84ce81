package io.drover.server.api;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.node.TextNode;
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

/**
 * The objects that make a cluster ours when they are applied to it: {@code charts/drover}, as an
 * end-to-end test renders it. Names are those of rancher {@code pkg/systemtemplate}, v2.15.0.
 */
final class Manifest {
  private static final Pattern PLACEHOLDER = Pattern.compile("\\$\\{([a-zA-Z0-9]+)}");
  private static final String TEMPLATE = template();

  private Manifest() {}

  static String render(Installation installation, String serverUrl, Secret token) {
    var values =
        Map.of(
            "server", TextNode.valueOf(serverUrl).toString(), // JSON's quotes are YAML's, too
            "caChecksum", TextNode.valueOf(installation.caChecksum()).toString(),
            "image", TextNode.valueOf(installation.agentImage()).toString(),
            "version", TextNode.valueOf(installation.version()).toString(),
            "installId", TextNode.valueOf(installation.installId()).toString(),
            "credentials", credentialsName(serverUrl, token),
            "urlBase64", base64(serverUrl),
            "tokenBase64", base64(token.value()));
    return PLACEHOLDER
        .matcher(TEMPLATE)
        .replaceAll(
            found -> Matcher.quoteReplacement(Objects.requireNonNull(values.get(found.group(1)))));
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
