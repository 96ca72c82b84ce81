package io.drover.agent.gateway.standin;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What passes by, and what is replaced on its way; beside a model that knows the whole document.
 */
class MemberTextsTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String ACCOUNT = "kubernetes.io/service-account.name";
  private static final String TYPE = "kubernetes.io/service-account-token";

  private final StandIns standIns = new StandIns(StandIns.newKey());

  private byte[] passed(byte[] json, Random pieces) throws IOException {
    var passed = new ByteArrayOutputStream();
    try (var out = standIns.answer(passed)) {
      for (int from = 0; from < json.length; ) {
        int count = Math.min(json.length - from, 1 + pieces.nextInt(40));
        out.write(json, from, count);
        from += count;
      }
    }
    return passed.toByteArray();
  }

  private String passed(String json) throws IOException {
    return new String(passed(json.getBytes(UTF_8), new Random(1)), UTF_8);
  }

  private String standIn(String token) {
    return Base64.getEncoder().encodeToString(standIns.of(token.getBytes(UTF_8)).getBytes(UTF_8));
  }

  private static String data(String token) {
    return Base64.getEncoder().encodeToString(token.getBytes(UTF_8));
  }

  /** As the API server writes it. */
  static String secret(String name, String token) {
    return ("{\"kind\":\"Secret\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"%s\","
            + "\"namespace\":\"n\",\"annotations\":{\"%s\":\"u\"},\"managedFields\":[{\"fieldsV1\":"
            + "{\"f:data\":{\".\":{},\"f:token\":{}}}}]},\"data\":{\"ca.crt\":\"Q0E=\","
            + "\"namespace\":\"bg==\",\"token\":\"%s\"},\"type\":\"%s\"}")
        .formatted(name, ACCOUNT, data(token), TYPE);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "%s",
        "{\"kind\":\"SecretList\",\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[%s,{},%s]}",
        "{\"type\":\"ADDED\",\"object\":%s}\n{\"type\":\"MODIFIED\",\"object\":%s}\n",
        "{\"kind\":\"Table\",\"metadata\":{},\"rows\":[{\"cells\":[\"t\",3,\"token\"],\"object\":%s}]}",
        "{\"type\":\"ADDED\",\"object\":{\"kind\":\"Table\",\"rows\":[{\"object\":%s}]}}\n",
      })
  void tokensAreReplacedWhereverTheirSecretIs(String shape) throws IOException {
    var json = shape.replace("%s", secret("t", "real"));

    assertThat(passed(json)).isEqualTo(json.replace(data("real"), standIn("real")));
  }

  @Test
  void tokenThatWasAskedForIsReplaced() throws IOException {
    var json =
        "{\"kind\":\"TokenRequest\",\"spec\":{\"token\":\"x\"},\"status\":{\"token\":\"real\"}}";

    assertThat(passed(json)).isEqualTo(json.replace("real", standIns.of("real".getBytes(UTF_8))));
  }

  @Test
  void whatIsNoTokenOfAnAccountStays() throws IOException {
    for (String json :
        List.of(
            secret("t", "real").replace(ACCOUNT, "other"),
            secret("t", ""),
            secret("t", "real").replace("\"token\"", "\"tokens\""),
            "{\"metadata\":{},\"data\":{\"token\":\"YQ==\"}}",
            "{\"metadata\":{\"annotations\":{\"%s\":\"u\"}},\"data\":{\"token\":null}}"
                .formatted(ACCOUNT))) {
      assertThat(passed(json)).isEqualTo(json);
    }
  }

  @Test
  void tokenWhoseSecretIsNotKnownYetIsReplaced() throws IOException {
    var json = "{\"data\":{\"token\":\"%s\"},\"metadata\":{}}".formatted(data("real"));

    assertThat(passed(json)).isEqualTo(json.replace(data("real"), standIn("real")));
  }

  @Test
  void namesAreUnderstoodHoweverTheyAreWritten() throws IOException {
    var json = secret("t", "real").replace("\"token\":", "\"tok\\u0065n\"\n :\t");
    var value = data("real");
    var odd =
        json.replace(value, "\\u00" + Integer.toHexString(value.charAt(0)) + value.substring(1));

    assertThat(passed(odd)).isEqualTo(json.replace(value, standIn("real")));
  }

  @Test
  void standInThatSomebodyHasWrittenStays() throws IOException {
    var json = secret("t", standIns.of("real".getBytes(UTF_8)));

    assertThat(passed(json)).isEqualTo(json);
  }

  @Test
  void ownSecretIsWithheld() throws IOException {
    var own =
        "{\"metadata\":{\"name\":\"drover-gateway\",\"namespace\":\"%s\"},"
            + "\"data\":{\"ca.crt\":\"a\",\"ca.key\":\"b\",\"stand-ins.key\":\"c\",\"token\":\"d\"}}";
    var withheld = StandIns.WITHHELD_DATA;

    assertThat(passed(own.formatted("cattle-system")))
        .isEqualTo(
            own.formatted("cattle-system")
                .replace("\"b\"", "\"" + withheld + "\"")
                .replace("\"c\"", "\"" + withheld + "\"")
                .replace("\"d\"", "\"" + withheld + "\""));
    assertThat(passed(own.formatted("other")))
        .as("the key that opens stand-ins, wherever it was copied to")
        .isEqualTo(own.formatted("other").replace("\"c\"", "\"" + withheld + "\""));
  }

  @Test
  void lastAppliedHasNoTokenEither() throws IOException {
    for (String member : List.of("data", "stringData")) {
      var applied =
          "{\"apiVersion\":\"v1\",\"%s\":{\"a\":\"b\",\"token\":\"%s\"},\"kind\":\"Secret\",\"metadata\":{},\"type\":\"%s\"}\n"
              .formatted(member, member.equals("data") ? data("real") : "real", TYPE);

      var said =
          JSON.readTree(passed(annotated(applied)))
              .at("/metadata/annotations")
              .path(TokensOut.LAST_APPLIED);

      assertThat(said.asText())
          .isEqualTo(
              member.equals("data")
                  ? applied.replace(data("real"), standIn("real"))
                  : applied.replace("\"real\"", "\"" + standIns.of("real".getBytes(UTF_8)) + "\""));
    }
    var opaque = annotated("{\"data\":{\"token\":\"YQ==\"},\"type\":\"Opaque\"}");
    assertThat(passed(opaque)).isEqualTo(opaque);
    for (String odd :
        List.of(
            "no JSON",
            "{\"type\":\"a\",\"type\":\"b\"}",
            "{\"metadata\":{\"name\":\"drover-gateway\"}}")) {
      assertThat(passed(annotated(odd))).contains("\":\"withheld\"}").doesNotContain("type");
    }
  }

  private static String annotated(String applied) throws IOException {
    return "{\"metadata\":{\"annotations\":{\"%s\":%s}}}"
        .formatted(TokensOut.LAST_APPLIED, JSON.writeValueAsString(applied));
  }

  @Test
  void tokensAreReplacedUpToALimitAndWithheldBeyond() throws IOException {
    var most = "x".repeat(StandIns.MAX_TOKEN_BYTES);
    assertThat(passed(secret("t", most))).contains(standIn(most));
    assertThat(passed(secret("t", most + "x")))
        .contains("\"token\":\"" + StandIns.WITHHELD_DATA + "\"");
    assertThat(passed("{\"status\":{\"token\":\"" + most + "x\"}}")).contains(":\"withheld\"");
    var held = "x".repeat(MemberTexts.MAX_HELD_BYTES);
    assertThat(passed("{\"status\":{\"token\":\"" + held + "x\"},\"a\":\"b\"}"))
        .isEqualTo("{\"status\":{\"token\":\"withheld\"},\"a\":\"b\"}");
    assertThat(passed(secret("t", "?").replace(data("?"), "*"))).contains(StandIns.WITHHELD_DATA);
  }

  @Test
  void lastAppliedIsLookedAtUpToALimit() throws IOException {
    var opaque = "{\"type\":\"Opaque\",\"x\":\"%s\"}";
    int rest = annotated(opaque.formatted("")).length() - annotated("").length();
    var most = annotated(opaque.formatted("x".repeat(MemberTexts.MAX_HELD_BYTES - rest)));

    assertThat(passed(most)).isEqualTo(most);
    assertThat(passed(most.replace("xx", "xxx"))).contains(":\"withheld\"");
  }

  @Test
  void longKeysAndTextsPass() throws IOException {
    var json =
        "{\"%s\":\"%s\",\"data\":{\"other\":\"%s\"}}"
            .formatted(
                "k".repeat(MemberTexts.MAX_KEY_BYTES + 1),
                "v".repeat(100_000),
                "w".repeat(2_000_000));

    assertThat(passed(json)).isEqualTo(json);
  }

  @Test
  void depthHasALimit() throws IOException {
    int most = MemberTexts.MAX_DEPTH;
    assertThat(passed("[".repeat(most) + "]".repeat(most))).hasSize(2 * most);
    assertThatThrownBy(() -> passed("[".repeat(most + 1))).hasMessageContaining("deeper");
  }

  @Test
  void whatIsCutOffIsNotTakenForTheWhole() throws IOException {
    var json = secret("t", "real");
    assertThat(passed(json)).isNotEmpty();
    for (int length = 1; length < json.length(); length++) {
      var part = json.substring(0, length);
      assertThatThrownBy(() -> passed(part)).as(part).isInstanceOf(EOFException.class);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"}", "{]", "[}", ",", ":", "{\"a\":[}"})
  void whatIsNoJsonIsNotPassedOn(String text) {
    assertThatThrownBy(() -> passed(text)).isInstanceOf(IOException.class);
  }

  /** 3,000 documents in pieces of 1 to 40 bytes. */
  @Test
  void anyDocumentPassesAsItIsButForTheTokens() throws IOException {
    for (int seed = 0; seed < 3_000; seed++) {
      var random = new Random(seed);
      var tokens = new ArrayList<String>();
      var document = document(random, 0, tokens);
      var text =
          random.nextBoolean()
              ? JSON.writeValueAsString(document)
              : JSON.writerWithDefaultPrettyPrinter().writeValueAsString(document);
      var expected = text;
      for (String token : tokens) {
        expected = expected.replace(data(token), standIn(token));
      }

      var passed = new String(passed(text.getBytes(UTF_8), random), UTF_8);

      assertThat(passed).as("seed %d", seed).isEqualTo(expected);
      assertThat(JSON.readTree(passed)).isNotNull();
      for (String token : tokens) {
        assertThat(passed).doesNotContain(data(token));
      }
    }
  }

  /** 200,000 of them: passed on, or refused as what they are. */
  @Test
  void anyBytesEndWell() {
    var alphabet = "{}[]:,\"\\ab\u0000\n 1\u00ff".getBytes(ISO_8859_1);
    var texts = List.of("\"data\":", "\"token\":\"", "\"metadata\":{", "\"annotations\":{");
    var random = new Random(7);
    int whole = 0;
    for (int i = 0; i < 200_000; i++) {
      var bytes = new ByteArrayOutputStream();
      for (int length = random.nextInt(30); length > 0; length--) {
        if (random.nextInt(6) == 0) {
          bytes.writeBytes(texts.get(random.nextInt(texts.size())).getBytes(ISO_8859_1));
        } else {
          bytes.write(alphabet[random.nextInt(alphabet.length)]);
        }
      }
      try {
        passed(bytes.toByteArray(), random);
        whole++;
      } catch (IOException _) {
        // Neither is a fault.
      }
    }
    assertThat(whole).isPositive();
  }

  private static final String[] WORDS = {
    "data",
    "token",
    "status",
    "metadata",
    "items",
    "object",
    "rows",
    "type",
    "a\"b",
    "\\",
    "\u00e9\ud83d\ude00",
    "\u0000\n",
    "",
    "{",
    "]}",
    "name",
    "annotations",
    "ca.crt"
  };

  /** With Secrets of accounts in it here and there, whose tokens are added to the list. */
  private static JsonNode document(Random random, int depth, List<String> tokens) {
    int kind = random.nextInt(depth > 5 ? 6 : 10);
    return switch (kind) {
      case 0 -> JSON.getNodeFactory().nullNode();
      case 1 -> JSON.getNodeFactory().booleanNode(random.nextBoolean());
      case 2 -> JSON.getNodeFactory().numberNode(random.nextLong());
      case 3 -> JSON.getNodeFactory().numberNode(random.nextDouble());
      case 4, 5 -> JSON.getNodeFactory().textNode(WORDS[random.nextInt(WORDS.length)]);
      case 6 -> {
        ArrayNode list = JSON.createArrayNode();
        for (int i = random.nextInt(5); i > 0; i--) {
          list.add(document(random, depth + 1, tokens));
        }
        yield list;
      }
      case 7 -> secret(random, tokens);
      default -> {
        ObjectNode object = JSON.createObjectNode();
        for (int i = random.nextInt(5); i > 0; i--) {
          // Not such as make a Secret of it.
          var word = WORDS[random.nextInt(WORDS.length)] + (random.nextBoolean() ? "_" : "\\");
          object.set(word, document(random, depth + 1, tokens));
        }
        yield object;
      }
    };
  }

  private static ObjectNode secret(Random random, List<String> tokens) {
    boolean isOfAccount = random.nextBoolean();
    var token = "token " + random.nextLong();
    var secret = JSON.createObjectNode();
    secret.put("kind", "Secret");
    var metadata = secret.putObject("metadata");
    metadata.put("name", WORDS[random.nextInt(WORDS.length)]);
    var annotations = metadata.putObject("annotations");
    for (int i = random.nextInt(3); i > 0; i--) {
      annotations.put(WORDS[random.nextInt(WORDS.length)], WORDS[random.nextInt(WORDS.length)]);
    }
    if (isOfAccount) {
      annotations.put(ACCOUNT, "u");
      tokens.add(token);
    }
    var content = secret.putObject("data");
    content.put("ca.crt", data("ca"));
    content.put("token", data(token));
    content.put("zone", data("z"));
    secret.put("type", isOfAccount ? TYPE : "Opaque");
    return secret;
  }
}
