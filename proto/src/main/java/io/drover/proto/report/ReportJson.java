package io.drover.proto.report;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonSetter;
import com.fasterxml.jackson.annotation.Nulls;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.DeserializationContext;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializerProvider;
import com.fasterxml.jackson.databind.deser.std.StdDeserializer;
import com.fasterxml.jackson.databind.introspect.Annotated;
import com.fasterxml.jackson.databind.introspect.AnnotatedMember;
import com.fasterxml.jackson.databind.introspect.AnnotatedParameter;
import com.fasterxml.jackson.databind.introspect.JacksonAnnotationIntrospector;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.module.SimpleModule;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.ser.std.StdSerializer;
import java.io.IOException;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** A report's JSON. Absent is absent: null is never written. */
public final class ReportJson {
  /** No report is longer, in bytes. What does not fit is cut from its lists, and counted. */
  public static final int MAX_BYTES = 64 * 1024;

  private static final ObjectMapper JSON = mapper();

  private ReportJson() {}

  /** The report as one line of JSON. */
  public static String write(ClusterReport report) {
    return tree(report).toString();
  }

  /** The same, in lines for people. */
  public static String pretty(ClusterReport report) {
    return tree(report).toPrettyString();
  }

  /** The same, as a tree: to be put into another object. */
  public static ObjectNode tree(ClusterReport report) {
    ObjectNode envelope =
        JSON.createObjectNode().put("kind", ClusterReport.KIND).put("schema", ClusterReport.SCHEMA);
    envelope.setAll((ObjectNode) JSON.valueToTree(report));
    return envelope;
  }

  /**
   * Reads what {@link #write} wrote. A newer agent may say more: fields that are not known are
   * skipped, a cause that is not known is {@link Cause#OTHER}, and a confidence {@link
   * Confidence#ASSUMED}, the least there is.
   *
   * @throws IllegalArgumentException if it is no report; the message names what is wrong
   */
  public static ClusterReport read(String text) {
    return read(text, ClusterReport.KIND, ClusterReport.SCHEMA, ClusterReport.class);
  }

  /**
   * Reads what {@link NodeJson} wrote; otherwise as {@link #read}.
   *
   * @throws IllegalArgumentException if it is no snapshot; the message names what is wrong
   */
  public static NodeSnapshot readNode(String text) {
    return read(text, NodeSnapshot.KIND, NodeSnapshot.SCHEMA, NodeSnapshot.class);
  }

  private static <T> T read(String text, String kind, int schema, Class<T> type) {
    if (text.length() > MAX_BYTES) {
      throw new IllegalArgumentException("no " + kind + ": longer than " + MAX_BYTES + " bytes");
    }
    try {
      JsonNode envelope = JSON.readTree(text);
      if (!envelope.path("kind").asText().equals(kind)) {
        throw new IllegalArgumentException("kind must be " + kind);
      }
      if (envelope.path("schema").asInt() != schema) {
        throw new IllegalArgumentException(
            "schema must be " + schema + ", not " + envelope.path("schema"));
      }
      return JSON.treeToValue(envelope, type);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("no " + kind + ": " + e.getOriginalMessage(), e);
    }
  }

  private static ObjectMapper mapper() {
    var types =
        new SimpleModule("report")
            .addSerializer(new InstantText())
            .addDeserializer(Instant.class, new InstantReader())
            .addSerializer(new QuantityText())
            .addDeserializer(Quantity.class, new QuantityReader())
            .addSerializer(new WordText<>(Cause.class))
            .addDeserializer(Cause.class, new WordReader<>(Cause.class, Cause.OTHER))
            .addSerializer(new WordText<>(Confidence.class))
            .addDeserializer(
                Confidence.class, new WordReader<>(Confidence.class, Confidence.ASSUMED));
    var factory =
        JsonFactory.builder()
            .streamReadConstraints(StreamReadConstraints.builder().maxNestingDepth(32).build())
            .build();
    return JsonMapper.builder(factory)
        .addModule(types)
        .annotationIntrospector(new Required())
        .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
        .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
        .defaultPropertyInclusion(
            JsonInclude.Value.construct(JsonInclude.Include.NON_NULL, JsonInclude.Include.NON_NULL))
        .build();
  }

  /** A component that cannot be null has to be there, and lists and maps hold no nulls. */
  private static final class Required extends JacksonAnnotationIntrospector {
    private static final long serialVersionUID = 1;

    @Override
    public @Nullable Boolean hasRequiredMarker(AnnotatedMember member) {
      return isComponent(member)
          ? (Boolean) !isNullable((AnnotatedParameter) member)
          : super.hasRequiredMarker(member);
    }

    @Override
    public JsonSetter.Value findSetterInfo(Annotated member) {
      return isComponent(member)
          ? JsonSetter.Value.construct(
              isNullable((AnnotatedParameter) member) ? Nulls.SET : Nulls.FAIL, Nulls.FAIL)
          : super.findSetterInfo(member);
    }

    private static boolean isComponent(Annotated member) {
      return member instanceof AnnotatedParameter parameter
          && parameter.getDeclaringClass().isRecord();
    }

    private static boolean isNullable(AnnotatedParameter component) {
      return component
          .getDeclaringClass()
          .getRecordComponents()[component.getIndex()]
          .getAnnotatedType()
          .isAnnotationPresent(Nullable.class);
    }
  }

  /** Whole seconds, as Kubernetes writes times. */
  private static final class InstantText extends StdSerializer<Instant> {
    InstantText() {
      super(Instant.class);
    }

    @Override
    public void serialize(Instant value, JsonGenerator json, SerializerProvider provider)
        throws IOException {
      json.writeString(value.truncatedTo(ChronoUnit.SECONDS).toString());
    }
  }

  private static final class InstantReader extends StdDeserializer<Instant> {
    InstantReader() {
      super(Instant.class);
    }

    @Override
    public Instant deserialize(JsonParser json, DeserializationContext context) throws IOException {
      try {
        return Instant.parse(json.getText());
      } catch (DateTimeException e) {
        throw context.weirdStringException(json.getText(), Instant.class, "not a time");
      }
    }
  }

  private static final class QuantityText extends StdSerializer<Quantity> {
    QuantityText() {
      super(Quantity.class);
    }

    @Override
    public void serialize(Quantity value, JsonGenerator json, SerializerProvider provider)
        throws IOException {
      json.writeString(value.toString());
    }
  }

  private static final class QuantityReader extends StdDeserializer<Quantity> {
    QuantityReader() {
      super(Quantity.class);
    }

    @Override
    public Quantity deserialize(JsonParser json, DeserializationContext context)
        throws IOException {
      try {
        return Quantity.parse(json.getText());
      } catch (IllegalArgumentException e) {
        throw context.weirdStringException(json.getText(), Quantity.class, "not a quantity");
      }
    }
  }

  /** {@code NOT_SERVED} is {@code not-served}. */
  private static final class WordText<E extends Enum<E>> extends StdSerializer<E> {
    WordText(Class<E> type) {
      super(type);
    }

    @Override
    public void serialize(E value, JsonGenerator json, SerializerProvider provider)
        throws IOException {
      json.writeString(value.name().toLowerCase(Locale.ROOT).replace('_', '-'));
    }
  }

  private static final class WordReader<E extends Enum<E>> extends StdDeserializer<E> {
    private final Class<E> type;
    private final E ofNewer;

    /** With {@code ofNewer} for words that only newer agents know. */
    WordReader(Class<E> type, E ofNewer) {
      super(type);
      this.type = type;
      this.ofNewer = ofNewer;
    }

    @Override
    public E deserialize(JsonParser json, DeserializationContext context) throws IOException {
      if (!json.hasToken(JsonToken.VALUE_STRING)) {
        throw context.wrongTokenException(json, type, JsonToken.VALUE_STRING, "not a word");
      }
      try {
        return Enum.valueOf(type, json.getText().toUpperCase(Locale.ROOT).replace('-', '_'));
      } catch (IllegalArgumentException _) {
        return ofNewer;
      }
    }
  }
}
