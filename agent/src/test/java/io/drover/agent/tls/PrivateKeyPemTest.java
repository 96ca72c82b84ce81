package io.drover.agent.tls;

import static io.drover.agent.reason.ReasonIs.reason;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.drover.agent.config.Secret;
import io.drover.agent.reason.Reason;
import java.io.IOException;
import java.security.PrivateKey;
import java.security.interfaces.ECPrivateKey;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PrivateKeyPemTest {
  private static final Secret NONE = new Secret("");
  private static final Secret PASSWORD = new Secret(TestKeys.PASSWORD);

  private static Secret pem(String name) throws IOException {
    return new Secret(TestKeys.pem(name));
  }

  /** Java's own comparison goes by the form of an EC key, which may name its curve twice. */
  private static void assertSame(PrivateKey read, PrivateKey expected) {
    if (expected instanceof ECPrivateKey expectedEc) {
      assertThat(read)
          .isInstanceOfSatisfying(
              ECPrivateKey.class,
              readEc -> {
                assertThat(readEc.getS()).isEqualTo(expectedEc.getS());
                assertThat(readEc.getParams().getOrder())
                    .isEqualTo(expectedEc.getParams().getOrder());
              });
    } else {
      assertThat(read).isEqualTo(expected);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"rsa", "ec", "ec521"})
  void plainKeysAreReadInBothForms(String name) throws Exception {
    var key = TestKeys.pair(name).getPrivate();

    assertSame(PrivateKeyPem.read(pem(name + "-pkcs8"), NONE), key);
    assertSame(PrivateKeyPem.read(pem(name + "-traditional"), NONE), key);
    var windows = TestKeys.pem(name + "-traditional").replace("\n", "\r\n");
    assertSame(PrivateKeyPem.read(new Secret("text before\r\n" + windows), NONE), key);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "rsa-pkcs8-aes-128-cbc",
        "rsa-pkcs8-aes-256-cbc",
        "rsa-pkcs8-sha512",
        "rsa-pkcs8-des-ede3-cbc",
        "rsa-pkcs8-pbe-sha1-3des",
        "ec-pkcs8-aes-128-cbc",
        "ec-pkcs8-aes-256-cbc",
        "ec521-pkcs8-aes-256-cbc",
        "rsa-traditional-aes-128-cbc",
        "rsa-traditional-aes-256-cbc",
        "rsa-traditional-des-ede3-cbc",
        "ec-traditional-aes-128-cbc",
        "ec-traditional-aes-192-cbc",
        "ec-traditional-aes-256-cbc",
        "ec521-traditional-des-ede3-cbc"
      })
  void encryptedKeysAreOpenedByTheirPassword(String name) throws Exception {
    var key = TestKeys.pair(name.replaceFirst("-.*", "")).getPrivate();

    assertSame(PrivateKeyPem.read(pem(name), PASSWORD), key);
    assertThatThrownBy(() -> PrivateKeyPem.read(pem(name), new Secret("wrong")))
        .has(reason(Reason.CERTIFICATE_UNUSABLE))
        .hasMessageContaining("password does not open the key")
        .hasMessageNotContaining("wrong");
    assertThatThrownBy(() -> PrivateKeyPem.read(pem(name), NONE))
        .has(reason(Reason.CERTIFICATE_UNUSABLE))
        .hasMessageContaining("there is no password");
  }

  @Test
  void anotherCipherIsSaid() throws Exception {
    var seed = TestKeys.pem("rsa-traditional-aes-128-cbc").replace("AES-128-CBC", "SEED-CBC");

    assertThatThrownBy(() -> PrivateKeyPem.read(new Secret(seed), PASSWORD))
        .has(reason(Reason.CERTIFICATE_UNUSABLE));
  }

  /** Lines of a header are separated by semicolons. */
  @ParameterizedTest
  @CsvSource({
    "CERTIFICATE, '', MAA=",
    "EC PRIVATE KEY, '', MAA=",
    "EC PRIVATE KEY, '', ''",
    "EC PRIVATE KEY, '', MIL//w==",
    "EC PRIVATE KEY, '', MAUCgQIB/w==",
    "RSA PRIVATE KEY, '', MAA=",
    "PRIVATE KEY, '', MAA=",
    "ENCRYPTED PRIVATE KEY, '', MAA=",
    "RSA PRIVATE KEY, 'Proc-Type: 4,ENCRYPTED;', MAA=",
    "RSA PRIVATE KEY, 'Proc-Type: 4,ENCRYPTED;DEK-Info: AES-128-CBC,00;', MAA=",
    "RSA PRIVATE KEY, 'Proc-Type: 4,ENCRYPTED;DEK-Info: AES-128-CBC,000;', MAA="
  })
  void whatIsNoKeyIsSaid(String label, String headers, String base64) {
    var pem =
        "-----BEGIN %1$s-----\n%2$s\n%3$s\n-----END %1$s-----\n"
            .formatted(label, headers.replace(";", "\n"), base64);

    assertThatThrownBy(() -> PrivateKeyPem.read(new Secret(pem), PASSWORD))
        .has(reason(Reason.CERTIFICATE_UNUSABLE));
  }

  @Test
  void nothingAtAllIsNoKey() {
    assertThatThrownBy(() -> PrivateKeyPem.read(NONE, PASSWORD))
        .has(reason(Reason.CERTIFICATE_UNUSABLE))
        .hasMessageContaining("no key in PEM form");
  }
}
