package io.drover.agent;

import static com.tngtech.archunit.base.DescribedPredicate.describe;
import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.conditions.ArchConditions.be;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.GeneralCodingRules.NO_CLASSES_SHOULD_ACCESS_STANDARD_STREAMS;
import static com.tngtech.archunit.library.GeneralCodingRules.NO_CLASSES_SHOULD_THROW_GENERIC_EXCEPTIONS;
import static com.tngtech.archunit.library.GeneralCodingRules.NO_CLASSES_SHOULD_USE_JAVA_UTIL_LOGGING;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.tngtech.archunit.ArchConfiguration;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaPackage;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchRule;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What may know what: the house rules, and that each of them can fail. */
class ArchitectureTest {
  private static final String ROOT = "io.drover";
  private static final String AGENT = "io.drover.agent";
  private static final String PROTO = "io.drover.proto";
  private static final String STEVE = "io.drover.steve";

  /** Classes among the tests that break the rules. */
  private static final String PLANTED = "io.drover.agent.planted";

  /** Who may use a library: nobody else, so that it can be replaced there. */
  private static final Map<String, String[]> OWNERS =
      Map.of(
          "io.fabric8..", new String[] {"io.drover.agent.kube"},
          "org.java_websocket..", new String[] {"io.drover.agent.tunnel"},
          "org.bouncycastle..", new String[] {"io.drover.agent.tls"},
          "org.apache.hc..", new String[] {"io.drover.steve.http"},
          "picocli..", new String[] {"io.drover.agent"},
          "ch.qos.logback..", new String[] {"io.drover.agent.log"},
          "io.prometheus..", new String[] {"io.drover.agent.health"},
          "com.sun.net.httpserver..",
              new String[] {"io.drover.agent.health", "io.drover.agent.node"},
          "com.fasterxml.jackson.databind..",
              new String[] {
                "io.drover.proto..",
                "io.drover.steve..",
                "io.drover.agent.check",
                "io.drover.agent.inspect",
                "io.drover.agent.kube",
                "io.drover.agent.report",
                "io.drover.agent.view"
              },
          // Single tokens in and out; whoever needs objects goes to proto.
          "com.fasterxml.jackson.core..",
              new String[] {
                "io.drover.proto..",
                "io.drover.steve..",
                "io.drover.agent.gateway.audit",
                "io.drover.agent.gateway.policy",
                "io.drover.agent.gateway.recording",
                "io.drover.agent.gateway.standin",
                "io.drover.agent.health",
                "io.drover.agent.inspect",
                "io.drover.agent.kube",
                "io.drover.agent.log",
                "io.drover.agent.report",
                "io.drover.agent.tls"
              });

  private static JavaClasses ours;
  private static JavaClasses planted;

  @BeforeAll
  static void read() {
    // Names are all that is asked of libraries.
    ArchConfiguration.get().setResolveMissingDependenciesFromClassPath(false);
    ours =
        new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .importPackages(AGENT, PROTO, STEVE);
    planted =
        new ClassFileImporter()
            .withImportOption(
                location ->
                    location.contains("/planted/")
                        || location.contains("$Offender")
                        || location.contains("$Extended"))
            .importPackages(AGENT);
    assertThat(ours).hasSizeGreaterThan(50);
  }

  static Stream<Arguments> rules() {
    return Stream.of(
        rule("packages have no cycles", noCycles(ROOT)),
        rule("features do not know each other", featuresApart(AGENT)),
        rule("tools know no feature", toolsBelow(AGENT)),
        rule("config is a leaf", isLeaf(AGENT, "config")),
        rule("reason is a leaf", isLeaf(AGENT, "reason")),
        rule("terminal is a leaf", isLeaf(AGENT, "terminal")),
        rule("proto neither calls nor waits", protoIsPure(PROTO)),
        rule("only config reads the environment", environmentInConfig()),
        rule("only Main ends the process", exitInMain()),
        rule("no class of ours is extended", notExtended()),
        rule("no standard streams", NO_CLASSES_SHOULD_ACCESS_STANDARD_STREAMS),
        rule("no java.util.logging", NO_CLASSES_SHOULD_USE_JAVA_UTIL_LOGGING),
        rule("no generic exceptions", NO_CLASSES_SHOULD_THROW_GENERIC_EXCEPTIONS));
  }

  private static Arguments rule(String name, ArchRule rule) {
    return Arguments.of(name, rule);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("rules")
  void holds(String name, ArchRule rule) {
    rule.as(name).check(ours);
  }

  static Stream<String> libraries() {
    return OWNERS.keySet().stream();
  }

  @ParameterizedTest
  @MethodSource("libraries")
  void libraryHasOneOwner(String library) {
    owned(library).check(ours);
  }

  @Test
  void everyPackageIsNullMarked() {
    assertThat(packagesNotNullMarked(ours)).isEmpty();
  }

  private static List<String> packagesNotNullMarked(JavaClasses classes) {
    return classes.stream()
        .map(JavaClass::getPackage)
        .distinct()
        .filter(javaPackage -> !javaPackage.isAnnotatedWith(NullMarked.class))
        .map(JavaPackage::getName)
        .toList();
  }

  private static ArchRule noCycles(String root) {
    return slices().matching(root + ".(**)").should().beFreeOfCycles();
  }

  private static ArchRule featuresApart(String agent) {
    return slices()
        .matching(
            agent
                + ".(tunnel|steve|gateway|report|duty|rotate"
                + "|node|cleanup|health|check|inspect|control)..")
        .should()
        .notDependOnEachOther();
  }

  private static ArchRule toolsBelow(String agent) {
    String[] tools = {
      agent + ".tls..", agent + ".kube..", agent + ".view..", agent + ".retry..", agent + ".log.."
    };
    return noClasses()
        .that()
        .resideInAnyPackage(tools)
        .should()
        .dependOnClassesThat(
            resideInAPackage(agent + "..")
                .and(not(resideInAnyPackage(tools)))
                .and(not(resideInAnyPackage(agent + ".config..", agent + ".reason.."))));
  }

  private static ArchRule isLeaf(String agent, String leaf) {
    return noClasses()
        .that()
        .resideInAPackage(agent + "." + leaf + "..")
        .should()
        .dependOnClassesThat(
            resideInAPackage(agent + "..").and(not(resideInAPackage(agent + "." + leaf + ".."))));
  }

  private static ArchRule protoIsPure(String proto) {
    return noClasses()
        .that()
        .resideInAPackage(proto + "..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(AGENT + "..", "java.net..", "java.util.concurrent..");
  }

  private static ArchRule environmentInConfig() {
    return noClasses()
        .that()
        .resideOutsideOfPackage("io.drover.agent.config")
        // Main hands the environment to config.
        .and()
        .doNotHaveFullyQualifiedName(Main.class.getName())
        .should()
        .callMethod(System.class, "getenv")
        .orShould()
        .callMethod(System.class, "getenv", String.class)
        .orShould()
        .callMethod(System.class, "getProperty", String.class)
        .orShould()
        .callMethod(System.class, "getProperty", String.class, String.class)
        .orShould()
        .callMethod(System.class, "getProperties");
  }

  private static ArchRule exitInMain() {
    return noClasses()
        .that(
            describe(
                "are not Main",
                type ->
                    !type.getName().equals(Main.class.getName())
                        && !type.getName().startsWith(Main.class.getName() + "$")))
        .should()
        .callMethod(System.class, "exit", int.class)
        .orShould()
        .callMethod(Runtime.class, "exit", int.class)
        .orShould()
        .callMethod(Runtime.class, "halt", int.class);
  }

  private static ArchRule notExtended() {
    return classes()
        .that()
        .areNotAssignableTo(Throwable.class)
        .should(
            be(
                describe(
                    "without a superclass of ours",
                    (JavaClass type) ->
                        type.getRawSuperclass()
                            .map(above -> !above.getPackageName().startsWith(ROOT + "."))
                            .orElse(true))));
  }

  private static ArchRule owned(String library) {
    return noClasses()
        .that()
        .resideOutsideOfPackages(OWNERS.get(library))
        .should()
        .dependOnClassesThat()
        .resideInAPackage(library)
        .allowEmptyShould(true);
  }

  /** Breaks what it can break from here; planted among the tests, so that only tests see it. */
  static class Offender extends Extended {
    final java.util.logging.Logger log = java.util.logging.Logger.getLogger("x");

    Offender() {
      System.out.println(System.getenv("HOME") + System.getProperty("user.home"));
    }

    void end() {
      System.exit(1);
    }

    void fail() throws Exception {
      throw new Exception("x");
    }

    Object libraries() throws Exception {
      return new Object[] {
        io.fabric8.kubernetes.client.Config.empty(),
        new com.fasterxml.jackson.core.JsonFactory(),
        new ch.qos.logback.classic.LoggerContext(),
      };
    }
  }

  static class Extended {}

  static Stream<Arguments> breakable() {
    return Stream.of(
        rule("cycles", noCycles(PLANTED)),
        rule("features", featuresApart(PLANTED)),
        rule("tools", toolsBelow(PLANTED)),
        rule("config", isLeaf(PLANTED, "config")),
        rule("proto", protoIsPure(PLANTED + ".proto")),
        rule("environment", environmentInConfig()),
        rule("exit", exitInMain()),
        rule("extended", notExtended()),
        rule("streams", NO_CLASSES_SHOULD_ACCESS_STANDARD_STREAMS),
        rule("logging", NO_CLASSES_SHOULD_USE_JAVA_UTIL_LOGGING),
        rule("exceptions", NO_CLASSES_SHOULD_THROW_GENERIC_EXCEPTIONS),
        rule("fabric8", owned("io.fabric8..")),
        rule("jackson", owned("com.fasterxml.jackson.core..")),
        rule("logback", owned("ch.qos.logback..")));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("breakable")
  void canFail(String name, ArchRule rule) {
    assertThatThrownBy(() -> rule.as(name).check(planted)).isInstanceOf(AssertionError.class);
  }

  @Test
  void packageThatIsNotNullMarkedIsFound() {
    assertThat(packagesNotNullMarked(planted)).contains(PLANTED + ".tunnel");
  }
}
