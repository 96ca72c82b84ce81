import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;

/**
 * Writes what is in the image: Maven's bill of materials with what Maven does not know of, and from
 * it a list of licences. Run by the Dockerfile, as a source file.
 */
final class BillOfMaterials {
  private static final ObjectMapper JSON = new ObjectMapper();

  private BillOfMaterials() {}

  /**
   * {@code args}: the CycloneDX file, the directory with {@code lib} and {@code runtime}, and the
   * directory to write to.
   */
  public static void main(String[] args) throws IOException {
    var bill = (ObjectNode) JSON.readTree(Path.of(args[0]).toFile());
    var home = Path.of(args[1]);
    var components = (ArrayNode) bill.get("components");
    forget(keepJars(home.resolve("lib"), components), bill.path("dependencies"));
    components.add(runtime(home.resolve("runtime/release")));
    components.add(component("library", "glibc", libraryVersion(), "LGPL-2.1-or-later"));

    var target = Path.of(args[2]);
    JSON.writerWithDefaultPrettyPrinter()
        .writeValue(target.resolve("bom.cdx.json").toFile(), bill);
    Files.write(target.resolve("licences.txt"), licences(components));
  }

  /**
   * Takes out what only the compiler reads, and fails if a library is not in the bill. Returns what
   * it took out.
   */
  private static Set<String> keepJars(Path lib, ArrayNode components) throws IOException {
    var named = new TreeSet<String>();
    var unused = new TreeSet<String>();
    for (var all = components.iterator(); all.hasNext(); ) {
      var component = all.next();
      var jar = component.path("name").asText() + "-" + component.path("version").asText() + ".jar";
      if (Files.exists(lib.resolve(jar))) {
        named.add(jar);
      } else {
        unused.add(component.path("bom-ref").asText());
        all.remove();
      }
    }
    try (var jars = Files.list(lib)) {
      var unnamed =
          jars.map(jar -> jar.getFileName().toString())
              .filter(jar -> jar.endsWith(".jar") && !jar.equals("drover-agent.jar"))
              .filter(jar -> !named.contains(jar))
              .toList();
      if (!unnamed.isEmpty()) {
        throw new IllegalStateException("not in the bill of materials: " + unnamed);
      }
    }
    return unused;
  }

  /** Takes components that are gone out of what others need. */
  private static void forget(Set<String> gone, JsonNode dependencies) {
    for (var all = dependencies.iterator(); all.hasNext(); ) {
      var dependency = all.next();
      if (gone.contains(dependency.path("ref").asText())) {
        all.remove();
      } else {
        for (var needed = dependency.path("dependsOn").iterator(); needed.hasNext(); ) {
          if (gone.contains(needed.next().asText())) {
            needed.remove();
          }
        }
      }
    }
  }

  private static ObjectNode runtime(Path release) throws IOException {
    var properties = new Properties();
    try (var in = Files.newBufferedReader(release)) {
      properties.load(in);
    }
    // What jlink leaves of the file has no vendor; it is the same JDK that runs this.
    var vendor = System.getProperty("java.vendor");
    return component(
        "platform",
        "Java runtime (" + vendor + ")",
        Runtime.version().toString(),
        "GPL-2.0-only WITH Classpath-exception-2.0");
  }

  /** Of the build stage, whose C library was copied. */
  private static String libraryVersion() throws IOException {
    var next = false;
    for (var line : Files.readAllLines(Path.of("/var/lib/dpkg/status"))) {
      next = line.startsWith("Package: ") ? line.equals("Package: libc6") : next;
      if (next && line.startsWith("Version: ")) {
        return line.substring("Version: ".length());
      }
    }
    throw new IllegalStateException("no libc6 in the build stage");
  }

  private static ObjectNode component(String type, String name, String version, String licence) {
    var component = JSON.createObjectNode();
    component.put("type", type).put("name", name).put("version", version);
    component.putArray("licenses").addObject().put("expression", licence);
    return component;
  }

  private static List<String> licences(ArrayNode components) {
    var lines = new TreeSet<String>();
    for (JsonNode component : components) {
      var all = new TreeSet<String>();
      for (var licence : component.path("licenses")) {
        for (var at : List.of("/license/id", "/license/name", "/expression")) {
          if (licence.at(at).isTextual()) {
            all.add(licence.at(at).asText());
          }
        }
      }
      if (all.isEmpty() && !component.path("group").asText().equals("io.drover")) {
        throw new IllegalStateException("no licence known: " + component.path("name").asText());
      }
      lines.add(
          "%s %s: %s"
              .formatted(
                  component.path("name").asText(),
                  component.path("version").asText(),
                  all.isEmpty() ? "part of Drover" : String.join(" or ", all)));
    }
    var text = new ArrayList<String>();
    text.add("What is in this image, and under which licence. Texts: META-INF of each jar,");
    text.add("/opt/drover/runtime/legal, /usr/share/doc/libc6/copyright.");
    text.add("");
    text.addAll(lines);
    return text;
  }
}
