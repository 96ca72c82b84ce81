package io.drover.server.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.drover.server.cert.ServerCertificate;
import io.drover.server.store.ClusterSpec;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ClusterInputTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  private static ClusterSpec read(String json) throws Exception {
    return ClusterInput.read(JSON.readTree(json));
  }

  @Test
  void nameIsEnough() throws Exception {
    assertThat(read("{\"name\":\"a\"}")).isEqualTo(ClusterSpec.named("a"));
    assertThat(read("{\"name\":\"a\",\"importedConfig\":null,\"agentEnvVars\":null,\"x\":1}"))
        .isEqualTo(ClusterSpec.named("a"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "'name':1 | name | must be text",
        "'name':'A' | name | must be 1 to 63 of",
        "'importedConfig':[] | importedConfig | must be an object",
        "'importedConfig':{'privateRegistryURL':'https://r'} | importedConfig.privateRegistryURL"
            + " | without https://",
        "'importedConfig':{'privateRegistryURL':'a b'} | importedConfig.privateRegistryURL |"
            + " such as registry.example.org:5000",
        "'importedConfig':{'privateCA':'x'} | importedConfig.privateCA | BEGIN CERTIFICATE",
        "'importedConfig':{'privateCA':'-----BEGIN EC PRIVATE KEY-----'} |"
            + " importedConfig.privateCA | take the key out",
        "'agentImageOverride':'a b' | agentImageOverride | must be an image, such as",
        "'agentImageOverride':'a:b:c' | agentImageOverride | must be an image, such as",
        "'agentEnvVars':{} | agentEnvVars | must be a list of at most 100",
        "'agentEnvVars':['A=1'] | agentEnvVars[0] | must be {name, value}",
        "'agentEnvVars':[{'name':'A'},{'name':'1A'}] | agentEnvVars[1].name | not a digit first",
        "'agentEnvVars':[{'name':'A','value':1}] | agentEnvVars[0].value | must be text",
        "'agentEnvVars':[{'name':'A','value':'a\\nb'}] | agentEnvVars[0].value | one line",
        "'agentEnvVars':[{'name':'A','valueFrom':{}}] | agentEnvVars[0].valueFrom | give a value",
        "'agentEnvVars':[{'name':'A'},{'name':'A'}] | agentEnvVars[1].name | is there twice: A",
      })
  void wrongFieldIsNamedWithItsRemedy(String fields, String field, String problem) {
    var json = ("{'name':'a'," + fields + "}").replace('\'', '"');

    assertThatThrownBy(() -> read(json))
        .isInstanceOfSatisfying(
            InvalidFieldException.class,
            e -> {
              assertThat(e.field()).isEqualTo(field);
              assertThat(e.problem()).startsWith(field + " ").contains(problem);
            });
  }

  @Test
  void variablesHaveLimits() throws Exception {
    var variable = "{\"name\":\"A%s\",\"value\":\"%s\"}";
    var all = new StringBuilder();
    for (int i = 0; i < ClusterInput.MAX_ENV_VARS; i++) {
      all.append(variable.formatted(i, "")).append(',');
    }

    assertThat(
            read(("{\"name\":\"a\",\"agentEnvVars\":[" + all + "]}").replace(",]", "]"))
                .agentEnvVars())
        .hasSize(ClusterInput.MAX_ENV_VARS);
    assertThatThrownBy(
            () ->
                read(
                    "{\"name\":\"a\",\"agentEnvVars\":[" + all + variable.formatted("", "") + "]}"))
        .hasMessageContaining("at most 100");
    var tooLong = "x".repeat(ClusterInput.MAX_ENV_VALUE_CHARACTERS + 1);
    assertThatThrownBy(
            () ->
                read("{\"name\":\"a\",\"agentEnvVars\":[" + variable.formatted("", tooLong) + "]}"))
        .hasMessageContaining("at most 4096 characters");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "agent",
        "a/b:1",
        "registry.example.org:5000/a/b:v1.0-x",
        "[::1]",
        "r.test/a@sha256:",
      })
  void imagesAreReferences(String image) throws Exception {
    var json = "{\"name\":\"a\",\"agentImageOverride\":\"" + image + "\"}";
    if (List.of("[::1]", "r.test/a@sha256:").contains(image)) {
      assertThatThrownBy(() -> read(json)).isInstanceOf(InvalidFieldException.class);
    } else {
      assertThat(read(json).agentImageOverride()).isEqualTo(image);
    }
  }

  @Test
  void authoritiesAreTakenAsTheyAre(@TempDir Path directory) throws Exception {
    var pem = ServerCertificate.open(directory, List.of("a")).authorityPem();
    var body = JSON.createObjectNode().put("name", "a");
    body.putObject("importedConfig").put("privateCA", pem.replace("\n", "\r\n") + "\r\n");

    assertThat(ClusterInput.read(body).privateCa()).isEqualTo(pem);
  }
}
