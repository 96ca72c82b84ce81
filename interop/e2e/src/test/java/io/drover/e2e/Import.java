package io.drover.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What a pod of the import manifest's Deployment would get.
 *
 * @param environment as in the Deployment, nothing added
 * @param credentials the mounted Secret
 * @param serviceAccount the mounted token of the pod's service account, and the API server's CA
 */
record Import(Map<String, String> environment, Path credentials, Path serviceAccount) {
  static final String NAMESPACE = "cattle-system";

  Import {
    environment = Map.copyOf(environment);
  }

  /** Applies a manifest as it is and reads back what the API server made of it. */
  static Import apply(Kubectl admin, byte[] manifest, Path clusterCa, Path directory)
      throws IOException, InterruptedException {
    Files.createDirectories(directory);
    var file = Files.write(directory.resolve("import.yaml"), manifest);
    admin.run("apply", "-f", file.toString());
    return read(admin, clusterCa, directory);
  }

  /** Reads what is there. */
  static Import read(Kubectl admin, Path clusterCa, Path directory)
      throws IOException, InterruptedException {
    var pod =
        admin
            .json("-n", NAMESPACE, "get", "deployment", "cattle-cluster-agent", "-o", "json")
            .at("/spec/template/spec");
    var environment = new LinkedHashMap<String, String>();
    for (var variable : pod.at("/containers/0/env")) {
      environment.put(variable.path("name").asText(), variable.path("value").asText());
    }

    var credentials = Files.createDirectories(directory.resolve("credentials"));
    var secret = pod.at("/volumes/0/secret/secretName").asText();
    var data = admin.json("-n", NAMESPACE, "get", "secret", secret, "-o", "json").path("data");
    for (var entry : data.properties()) {
      write(credentials.resolve(entry.getKey()), entry.getValue());
    }

    var serviceAccount = Files.createDirectories(directory.resolve("service-account"));
    var account = pod.path("serviceAccountName").asText();
    var token = admin.run("-n", NAMESPACE, "create", "token", account, "--duration=24h").strip();
    Files.writeString(serviceAccount.resolve("token"), token);
    Files.write(serviceAccount.resolve("ca.crt"), Files.readAllBytes(clusterCa));
    return new Import(environment, credentials, serviceAccount);
  }

  private static void write(Path file, JsonNode base64) throws IOException {
    Files.write(file, Base64.getDecoder().decode(base64.asText("")));
  }

  String token() throws IOException {
    return Files.readString(credentials.resolve("token"), UTF_8);
  }

  void replaceToken(String token) throws IOException {
    Files.writeString(credentials.resolve("token"), token, UTF_8);
  }
}
