package io.drover.agent.view;

import com.fasterxml.jackson.databind.JsonNode;
import io.drover.proto.report.Quantity;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Readings that several records have in common. What has another type than it should counts as
 * absent.
 */
final class Json {
  /** Messages are for people: the beginning will do. */
  private static final int MAX_MESSAGE_CHARACTERS = 200;

  private Json() {}

  static String shortened(String message) {
    return message.length() <= MAX_MESSAGE_CHARACTERS
        ? message
        : message.substring(0, MAX_MESSAGE_CHARACTERS) + "…";
  }

  /** Empty if it is none. */
  static String text(JsonNode text) {
    return text.isTextual() ? text.textValue() : "";
  }

  /** A map of texts, without those longer than {@code maxCharacters}. */
  static Map<String, String> map(JsonNode object, int maxCharacters) {
    if (object.isEmpty()) {
      return Map.of();
    }
    var map = new HashMap<String, String>();
    object
        .properties()
        .forEach(
            field -> {
              if (field.getValue().isTextual()
                  && field.getValue().textValue().length() <= maxCharacters) {
                map.put(field.getKey(), field.getValue().textValue());
              }
            });
    return Map.copyOf(map);
  }

  static List<String> texts(JsonNode array) {
    var texts = new ArrayList<String>();
    for (JsonNode text : array) {
      if (text.isTextual()) {
        texts.add(text.textValue());
      }
    }
    return List.copyOf(texts);
  }

  /** A list of resources; an amount that cannot be read is left out. */
  static Map<String, Quantity> quantities(JsonNode object) {
    if (object.isEmpty()) {
      return Map.of();
    }
    var map = new HashMap<String, Quantity>();
    object
        .properties()
        .forEach(
            field -> {
              try {
                map.put(field.getKey(), Quantity.parse(field.getValue().asText()));
              } catch (IllegalArgumentException _) {
                // The API server takes no such amount; a fake one that does is no reason to fail.
              }
            });
    return Map.copyOf(map);
  }

  /** Whether one of a node's images has {@code part} in one of its names. */
  static boolean contains(JsonNode images, String part) {
    for (JsonNode image : images) {
      for (JsonNode name : image.path("names")) {
        if (text(name).contains(part)) {
          return true;
        }
      }
    }
    return false;
  }

  /** Images of a pod's containers. */
  static List<String> images(JsonNode podSpec) {
    var images = new ArrayList<String>();
    for (JsonNode container : podSpec.path("containers")) {
      images.add(text(container.path("image")));
    }
    return List.copyOf(images);
  }

  /** What a load balancer gave to a Service or an Ingress: IPs and host names. */
  static List<String> addresses(JsonNode object) {
    var addresses = new ArrayList<String>();
    for (JsonNode ingress : object.path("status").path("loadBalancer").path("ingress")) {
      String ip = text(ingress.path("ip"));
      String address = ip.isEmpty() ? text(ingress.path("hostname")) : ip;
      if (!address.isEmpty()) {
        addresses.add(address);
      }
    }
    return List.copyOf(addresses);
  }

  static boolean isDefault(JsonNode metadata, String... annotations) {
    for (String annotation : annotations) {
      if (text(metadata.path("annotations").path(annotation)).equals("true")) {
        return true;
      }
    }
    return false;
  }

  static String name(JsonNode object) {
    return text(object.path("metadata").path("name"));
  }

  static String namespace(JsonNode object) {
    return text(object.path("metadata").path("namespace"));
  }
}
