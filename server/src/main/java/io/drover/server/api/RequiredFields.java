package io.drover.server.api;

import com.fasterxml.jackson.databind.JsonNode;
import java.lang.reflect.AnnotatedParameterizedType;
import java.lang.reflect.AnnotatedType;
import java.lang.reflect.RecordComponent;
import org.jspecify.annotations.Nullable;

/**
 * Finds what is missing in JSON for a record: every component that is not {@link Nullable} must be
 * there. The JSON library does not look: it would put null, or 0.
 */
final class RequiredFields {
  private RequiredFields() {}

  /**
   * Looks at the whole tree. Values of a wrong shape are passed over: who reads them will tell.
   *
   * @throws IllegalArgumentException naming the first that is missing, by its path
   */
  static void check(JsonNode json, Class<? extends Record> type) {
    checkComponents(json, type, "");
  }

  private static void checkComponents(JsonNode json, Class<?> type, String prefix) {
    for (RecordComponent component : type.getRecordComponents()) {
      var name = component.getName();
      check(json.path(name), component.getAnnotatedType(), prefix + name);
    }
  }

  private static void check(JsonNode value, AnnotatedType type, String path) {
    if (value.isMissingNode() || value.isNull()) {
      if (!type.isAnnotationPresent(Nullable.class)) {
        throw new IllegalArgumentException(path + " is missing");
      }
    } else if (type instanceof AnnotatedParameterizedType generic) {
      checkElements(value, generic, path);
    } else if (value.isObject() && type.getType() instanceof Class<?> plain && plain.isRecord()) {
      checkComponents(value, plain, path + ".");
    }
  }

  /** Of lists and of maps from text: the elements' type is the last that is named. */
  private static void checkElements(JsonNode value, AnnotatedParameterizedType type, String path) {
    var arguments = type.getAnnotatedActualTypeArguments();
    var element = arguments[arguments.length - 1];
    if (value.isArray()) {
      for (int i = 0; i < value.size(); i++) {
        check(value.path(i), element, path + "[" + i + "]");
      }
    } else {
      value
          .properties()
          .forEach(entry -> check(entry.getValue(), element, path + "." + entry.getKey()));
    }
  }
}
