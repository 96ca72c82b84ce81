package io.drover.proto.report;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.networknt.schema.InputFormat;
import com.networknt.schema.Schema;
import com.networknt.schema.SchemaLocation;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import java.lang.reflect.AnnotatedParameterizedType;
import java.lang.reflect.AnnotatedType;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** The schema says what the records say, both ways; and a validator agrees. */
class ReportSchemaTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final JsonNode SCHEMA = json(Samples.schema());

  private static JsonNode json(String text) {
    try {
      return JSON.readTree(text);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(e);
    }
  }

  // By structure.

  /** All records that a report is made of. */
  static Stream<Class<?>> records() {
    var records = new LinkedHashSet<Class<?>>();
    collect(ClusterReport.class, records, new HashSet<>());
    return records.stream();
  }

  private static void collect(Type type, Set<Class<?>> records, Set<Class<?>> enums) {
    switch (type) {
      case ParameterizedType generic ->
          Arrays.stream(generic.getActualTypeArguments())
              .forEach(argument -> collect(argument, records, enums));
      case Class<?> record when record.isRecord() -> {
        if (records.add(record)) {
          for (RecordComponent component : record.getRecordComponents()) {
            collect(component.getGenericType(), records, enums);
          }
        }
      }
      case Class<?> word when word.isEnum() -> enums.add(word);
      default -> {}
    }
  }

  private static JsonNode schemaOf(Class<?> record) {
    return record == ClusterReport.class
        ? SCHEMA
        : SCHEMA.path("$defs").path(record.getSimpleName());
  }

  @ParameterizedTest
  @MethodSource("records")
  void everyComponentIsPropertyAndViceVersa(Class<?> record) {
    var components =
        new ArrayList<>(
            Arrays.stream(record.getRecordComponents()).map(RecordComponent::getName).toList());
    if (record == ClusterReport.class) {
      components.addAll(0, List.of("kind", "schema"));
    }

    assertThat(names(schemaOf(record).path("properties"))).containsExactlyElementsOf(components);
  }

  @ParameterizedTest
  @MethodSource("records")
  void whatCannotBeNullIsRequired(Class<?> record) {
    var required = new ArrayList<String>();
    if (record == ClusterReport.class) {
      required.addAll(List.of("kind", "schema"));
    }
    for (RecordComponent component : record.getRecordComponents()) {
      if (!component.getAnnotatedType().isAnnotationPresent(Nullable.class)) {
        required.add(component.getName());
      }
    }

    assertThat(texts(schemaOf(record).path("required"))).containsExactlyElementsOf(required);
  }

  @ParameterizedTest
  @MethodSource("records")
  void typesAreTheSame(Class<?> record) {
    for (RecordComponent component : record.getRecordComponents()) {
      var property =
          ((ObjectNode) schemaOf(record).path("properties").path(component.getName())).deepCopy();
      property.remove("description");

      assertThat(property)
          .as("%s.%s", record.getSimpleName(), component.getName())
          .isEqualTo(schema(component.getAnnotatedType()));
    }
  }

  private static JsonNode schema(AnnotatedType annotated) {
    Type type = annotated.getType();
    var schema = JSON.createObjectNode();
    if (annotated instanceof AnnotatedParameterizedType generic) {
      var arguments = generic.getAnnotatedActualTypeArguments();
      Type raw = ((ParameterizedType) type).getRawType();
      if (raw == List.class) {
        schema.put("type", "array").set("items", schema(arguments[0]));
      } else {
        assertThat(raw).isIn(Map.class, SortedMap.class);
        assertThat(arguments[0].getType()).isEqualTo(String.class);
        schema.put("type", "object").set("additionalProperties", schema(arguments[1]));
      }
      return schema;
    }
    if (type == String.class) {
      return schema.put("type", "string");
    }
    if (type == boolean.class || type == Boolean.class) {
      return schema.put("type", "boolean");
    }
    if (Set.<Type>of(int.class, Integer.class, long.class, Long.class).contains(type)) {
      return schema.put("type", "integer").put("minimum", 0); // counts, all of them
    }
    if (type == double.class) {
      return schema.put("type", "number");
    }
    String name = type == Instant.class ? "Time" : ((Class<?>) type).getSimpleName();
    return schema.put("$ref", "#/$defs/" + name);
  }

  @Test
  void everyDefinitionIsOfSomethingInTheRecords() {
    var records = new LinkedHashSet<Class<?>>();
    var enums = new LinkedHashSet<Class<?>>();
    collect(ClusterReport.class, records, enums);
    var expected = new HashSet<>(Set.of("Quantity", "Time"));
    Stream.concat(records.stream(), enums.stream())
        .filter(type -> type != ClusterReport.class)
        .forEach(type -> assertThat(expected.add(type.getSimpleName())).as("%s", type).isTrue());

    assertThat(names(SCHEMA.path("$defs"))).containsExactlyInAnyOrderElementsOf(expected);
  }

  @ParameterizedTest
  @MethodSource("enums")
  void wordsAreThoseOfTheEnum(Class<? extends Enum<?>> type) {
    assertThat(texts(SCHEMA.path("$defs").path(type.getSimpleName()).path("enum")))
        .containsExactlyElementsOf(
            Arrays.stream(type.getEnumConstants())
                .map(word -> word.name().toLowerCase(Locale.ROOT).replace('_', '-'))
                .toList());
  }

  static Stream<Class<?>> enums() {
    return Stream.of(Cause.class, Confidence.class);
  }

  @Test
  void everythingIsDescribed() {
    var all = new ArrayList<JsonNode>(List.of(SCHEMA));
    SCHEMA.path("$defs").forEach(all::add);
    for (JsonNode schema : all) {
      assertThat(schema.path("title").asText()).isNotEmpty();
      assertThat(schema.path("description").asText()).endsWith(".");
      for (JsonNode property : schema.path("properties")) {
        assertThat(property.path("description").asText())
            .as("%s", schema.path("title"))
            .endsWith(".");
      }
    }
  }

  @Test
  void kindAndSchemaAreThoseOfTheRecord() {
    assertThat(SCHEMA.at("/properties/kind/const").asText()).isEqualTo(ClusterReport.KIND);
    assertThat(SCHEMA.at("/properties/schema/const").asInt()).isEqualTo(ClusterReport.SCHEMA);
  }

  private static List<String> names(JsonNode object) {
    return object.properties().stream().map(Map.Entry::getKey).toList();
  }

  private static List<String> texts(JsonNode array) {
    var texts = new ArrayList<String>();
    array.forEach(text -> texts.add(text.asText()));
    return texts;
  }

  // By a validator.

  private static final SchemaRegistry REGISTRY =
      SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12);
  private static final Schema VALIDATOR = REGISTRY.getSchema(SCHEMA);

  private static List<String> errors(String report) {
    return VALIDATOR.validate(report, InputFormat.JSON).stream().map(Object::toString).toList();
  }

  @Test
  void schemaIsOne() {
    var meta =
        REGISTRY.getSchema(SchemaLocation.of("https://json-schema.org/draft/2020-12/schema"));

    assertThat(meta.validate(SCHEMA)).isEmpty();
    assertThat(meta.validate(json("{\"type\":\"nothing\"}"))).isNotEmpty();
  }

  @Test
  void reportThatIsWrittenIsValid() {
    assertThat(errors(Samples.complete())).isEmpty();
    assertThat(errors(ReportJson.write(ReportJson.read(Samples.complete())))).isEmpty();
  }

  /** Otherwise a wrong property could hide behind one that the sample does not have. */
  @ParameterizedTest
  @MethodSource("records")
  void sampleHasEveryField(Class<?> record) {
    var seen = new HashSet<String>();
    seen(ReportJson.read(Samples.complete()), record, seen);

    assertThat(seen)
        .containsExactlyInAnyOrderElementsOf(
            Arrays.stream(record.getRecordComponents()).map(RecordComponent::getName).toList());
  }

  private static void seen(Object value, Class<?> record, Set<String> fields) {
    switch (value) {
      case Record it -> {
        for (RecordComponent component : it.getClass().getRecordComponents()) {
          Object field = read(component, it);
          if (field != null) {
            if (it.getClass() == record) {
              fields.add(component.getName());
            }
            seen(field, record, fields);
          }
        }
      }
      case List<?> list -> list.forEach(item -> seen(item, record, fields));
      case Map<?, ?> map -> map.values().forEach(item -> seen(item, record, fields));
      default -> {}
    }
  }

  private static @Nullable Object read(RecordComponent component, Record of) {
    try {
      return component.getAccessor().invoke(of);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(e);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "/agent, sequence, one",
    "/health, ready, perhaps",
    "/health/nodes, offenders, none",
    "/resources/capacity, cpu, much",
    "/evidence/version, confidence, sure",
    "/undetermined/0, cause, because",
    "'', observedAt, yesterday",
    "'', kind, Node"
  })
  void validatorSeesWhatIsWrong(String path, String name, String value) {
    JsonNode report = json(Samples.complete());
    ((ObjectNode) report.at(path)).put(name, value);

    assertThat(errors(report.toString())).hasSize(1).first().asString().contains(name);
  }

  @Test
  void validatorSeesWhatIsMissing() {
    var report = (ObjectNode) json(Samples.complete());
    report.remove("health");

    assertThat(errors(report.toString())).hasSize(1).first().asString().contains("health");
  }
}
