package io.drover.steve.http2;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.drover.steve.http.Fields;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.HexFormat;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class FieldBlockTest {
  private static final int INPUTS = 100_000;

  private static Fields read(String hex) throws IOException {
    return FieldBlock.read(HexFormat.of().parseHex(hex.replace(" ", "")));
  }

  /** Source: the examples in RFC 7541, appendix C. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "82|:method=GET",
        "be|",
        "400a637573746f6d2d6b65790d637573746f6d2d686561646572|custom-key=custom-header",
        "040c2f73616d706c652f70617468|:path=/sample/path",
        "100870617373776f726406736563726574|password=secret",
        "418cf1e3c2e5f23a6ba0ab90f4ff|:authority=www.example.com",
        "5886a8eb10649cbf|cache-control=no-cache",
        "408825a849e95ba97d7f8925a849e95bb8e8b4bf|custom-key=custom-value",
        "4882 6402|:status=302",
        "4803 333037|:status=307",
        "5885 aec3771a4b|cache-control=private",
        "6196 d07abe941054d444a8200595040b8166e082a62d1bff|date=Mon, 21 Oct 2013 20:13:21 GMT",
        "6e91 9d29ad171863c78f0b97c8e9ae82ae43d3|location=https://www.example.com",
        "77ad 94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007"
            + "|set-cookie=foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
        "20 88|:status=200"
      })
  void readsWhatTheStandardSays(String hex, String field) throws Exception {
    if (field == null) {
      assertThatThrownBy(() -> read(hex)).as("it is not remembered").hasMessageContaining("entry");
      return;
    }
    assertThat(read(hex).all())
        .extracting(read -> read.name() + "=" + read.value())
        .containsExactly(field);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "80", // entry 0
        "ffffffffffffffff7f", // a number without end
        "21", // room for one byte
        "0001", // a name that is cut off
        "000161", // and a value
        "0001617f80", // a length that is cut off
        "00 01 61 81 ff", // a code that is nothing but ones
        "00 01 61 81 00", // a zero that is too much
        "00 01 61 84 ffffffff" // the code that may not be there
      })
  void whatIsNoneIsNotUnderstood(String hex) {
    assertThatThrownBy(() -> read(hex))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("not understood");
  }

  @Test
  void readsWhatItWrites() throws Exception {
    var long127 = "x".repeat(127);
    var long20000 = "\u00fcy".repeat(10_000);
    var block =
        FieldBlock.get(
            true, "/a", new Fields().add("HOST", "h").add("A", long127).add("b", long20000));

    assertThat(FieldBlock.read(block).all())
        .extracting(field -> field.name() + "=" + field.value())
        .containsExactly(
            ":method=GET",
            ":scheme=https",
            ":authority=h",
            ":path=/a",
            "a=" + long127,
            "b=" + long20000);
  }

  @Test
  void fieldsAreNoMoreThanTheLimit() throws Exception {
    var most = "88".repeat(FieldBlock.MAX_FIELDS);
    assertThat(read(most).all()).hasSize(FieldBlock.MAX_FIELDS);
    assertThatThrownBy(() -> read(most + "88")).hasMessageContaining("too many");
  }

  @Test
  void whateverComesIsReadOrNotUnderstood() {
    var random = new Random(1);
    for (int i = 0; i < INPUTS; i++) {
      byte[] bytes = new byte[random.nextInt(40)];
      random.nextBytes(bytes);
      try {
        FieldBlock.read(bytes);
      } catch (IOException e) {
        assertThat(e).hasMessageContaining("not understood");
      }
    }
  }

  @Test
  void ringKeepsBytesInOrderAndNoMoreThanItMay() {
    var ring = new ByteRing(1_000);
    var random = new Random(2);
    var put = new ByteArrayOutputStream();
    var taken = new ByteArrayOutputStream();
    byte[] piece = new byte[700];
    for (int i = 0; i < 10_000; i++) {
      int length = random.nextInt(piece.length);
      if (random.nextBoolean()) {
        random.nextBytes(piece);
        boolean fits = ring.put(piece, 3, Math.max(0, length - 3));
        assertThat(fits).isEqualTo(put.size() - taken.size() + Math.max(0, length - 3) <= 1_000);
        if (fits) {
          put.write(piece, 3, Math.max(0, length - 3));
        }
      } else {
        byte[] into = new byte[length];
        taken.write(into, 0, ring.take(into, 0, length));
      }
      assertThat(ring.count()).isEqualTo(put.size() - taken.size());
    }
    byte[] rest = new byte[1_000];
    taken.write(rest, 0, ring.take(rest, 0, rest.length));
    assertThat(taken.toString(ISO_8859_1)).isEqualTo(put.toString(ISO_8859_1));
  }
}
