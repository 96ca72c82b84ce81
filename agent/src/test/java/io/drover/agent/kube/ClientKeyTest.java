package io.drover.agent.kube;

import static org.assertj.core.api.Assertions.assertThat;

import java.security.KeyPairGenerator;
import java.util.Base64;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ClientKeyTest {
  @ParameterizedTest
  @ValueSource(strings = {"RSA", "EC"})
  void tellsTheAlgorithmOfAPkcs8Key(String algorithm) throws Exception {
    var key = KeyPairGenerator.getInstance(algorithm).generateKeyPair().getPrivate();
    var pem =
        "-----BEGIN PRIVATE KEY-----\n"
            + Base64.getMimeEncoder().encodeToString(key.getEncoded())
            + "\n-----END PRIVATE KEY-----\n";

    assertThat(ClientKey.algorithm(pem)).contains(algorithm);
  }

  @Test
  void leavesOtherFormsToTheClient() {
    assertThat(ClientKey.algorithm("")).isEmpty();
    assertThat(ClientKey.algorithm("-----BEGIN EC PRIVATE KEY-----\nMA==\n")).isEmpty();
    assertThat(
            ClientKey.algorithm("-----BEGIN PRIVATE KEY-----\nMA==\n-----END PRIVATE KEY-----\n"))
        .isEmpty();
  }
}
