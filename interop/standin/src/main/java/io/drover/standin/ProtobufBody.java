package io.drover.standin;

import static java.nio.charset.StandardCharsets.US_ASCII;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.google.protobuf.ByteString;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Descriptors.FileDescriptor;
import com.google.protobuf.DynamicMessage;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import io.kubernetes.client.proto.Meta;
import io.kubernetes.client.proto.Runtime.Unknown;
import io.kubernetes.client.proto.V1;
import io.kubernetes.client.proto.V1Apps;
import io.kubernetes.client.proto.V1Authentication;
import io.kubernetes.client.proto.V1Authorization;
import io.kubernetes.client.proto.V1Batch;
import io.kubernetes.client.proto.V1Networking;
import io.kubernetes.client.proto.V1Policy;
import io.kubernetes.client.proto.V1Rbac;
import io.kubernetes.client.proto.V1Scheduling;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Objects in Kubernetes' protobuf form, in which {@code kubectl create} sends what it makes. */
final class ProtobufBody {
  private static final ByteString MAGIC = ByteString.copyFrom("k8s\0", US_ASCII);

  private static final Map<String, FileDescriptor> FILES =
      Map.of(
          "v1", V1.getDescriptor(),
          "apps/v1", V1Apps.getDescriptor(),
          "authentication.k8s.io/v1", V1Authentication.getDescriptor(),
          "authorization.k8s.io/v1", V1Authorization.getDescriptor(),
          "batch/v1", V1Batch.getDescriptor(),
          "networking.k8s.io/v1", V1Networking.getDescriptor(),
          "policy/v1", V1Policy.getDescriptor(),
          "rbac.authorization.k8s.io/v1", V1Rbac.getDescriptor(),
          "scheduling.k8s.io/v1", V1Scheduling.getDescriptor());

  /**
   * Messages whose fields stand in the parent in JSON. Source: {@code json:",inline"} in
   * k8s.io/api.
   */
  private static final Set<String> INLINED =
      Set.of(
          "ephemeralContainerCommon",
          "handler",
          "ingressRuleValue",
          "localObjectReference",
          "persistentVolumeSource",
          "volumeSource");

  private static final Map<String, String> RENAMED = Map.of("aPIGroup", "apiGroup", "uID", "uid");

  private ProtobufBody() {}

  static ObjectNode read(byte[] body) {
    try {
      var bytes = ByteString.copyFrom(body);
      if (!bytes.startsWith(MAGIC)) {
        throw Refusal.badRequest("the body is not an object in protobuf form");
      }
      var envelope = Unknown.parseFrom(bytes.substring(MAGIC.size()));
      String apiVersion = envelope.getTypeMeta().getApiVersion();
      String kind = envelope.getTypeMeta().getKind();
      var object = Json.object(apiVersion, kind);
      addFields(object, DynamicMessage.parseFrom(type(apiVersion, kind), envelope.getRaw()));
      return object;
    } catch (InvalidProtocolBufferException e) {
      throw Refusal.badRequest("the body cannot be read: " + e.getMessage());
    }
  }

  private static Descriptor type(String apiVersion, String kind) {
    for (FileDescriptor file :
        List.of(FILES.getOrDefault(apiVersion, Meta.getDescriptor()), Meta.getDescriptor())) {
      var type = file.findMessageTypeByName(kind);
      if (type != null) {
        return type;
      }
    }
    throw new Refusal(
        415,
        "UnsupportedMediaType",
        "%s %s is read as JSON or YAML only".formatted(apiVersion, kind));
  }

  private static void addFields(ObjectNode object, Message message) {
    message
        .getAllFields()
        .forEach(
            (field, value) -> {
              String name = RENAMED.getOrDefault(field.getName(), field.getName());
              if (field.isMapField()) {
                var entries = object.putObject(name);
                for (Object element : (List<?>) value) {
                  var entry = (Message) element;
                  var type = entry.getDescriptorForType();
                  entries.set(
                      String.valueOf(entry.getField(type.findFieldByNumber(1))),
                      json(entry.getField(type.findFieldByNumber(2))));
                }
              } else if (field.isRepeated()) {
                var elements = object.putArray(name);
                ((List<?>) value).forEach(element -> elements.add(json(element)));
              } else if (INLINED.contains(name) && value instanceof Message inlined) {
                addFields(object, inlined);
              } else if (!isUnset(field, value)) {
                object.set(name, json(value));
              }
            });
  }

  /** Go's encoder writes what has no value, too. Zeros are kept: they may be meant. */
  private static boolean isUnset(FieldDescriptor field, Object value) {
    return value.equals("")
        || (value instanceof Message message
            && field.getMessageType().getName().endsWith("Time")
            && message.getAllFields().isEmpty());
  }

  private static JsonNode json(Object value) {
    if (!(value instanceof Message message)) {
      return Json.MAPPER.valueToTree(
          value instanceof ByteString bytes ? bytes.toByteArray() : value);
    }
    var type = message.getDescriptorForType();
    return switch (type.getName()) {
      case "Time", "MicroTime" -> {
        long seconds = (Long) message.getField(type.findFieldByName("seconds"));
        yield Json.MAPPER.valueToTree(Instant.ofEpochSecond(seconds).toString());
      }
      case "Quantity" -> json(message.getField(type.findFieldByName("string")));
      case "IntOrString" -> {
        boolean isText = message.getField(type.findFieldByName("type")).equals(1L);
        yield json(message.getField(type.findFieldByName(isText ? "strVal" : "intVal")));
      }
      default -> {
        var object = Json.MAPPER.createObjectNode();
        addFields(object, message);
        yield object;
      }
    };
  }
}
