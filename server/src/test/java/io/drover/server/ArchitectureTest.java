package io.drover.server;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import org.junit.jupiter.api.Test;

/** What may know what in the server. */
class ArchitectureTest {
  private static final JavaClasses OURS =
      new ClassFileImporter()
          .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
          .importPackages("io.drover.server");

  @Test
  void packagesHaveNoCycles() {
    slices().matching("io.drover.server.(*)..").should().beFreeOfCycles().check(OURS);
  }

  @Test
  void theTunnelKnowsNothingOfWhoUsesIt() {
    noClasses()
        .that()
        .resideInAPackage("io.drover.server.tunnel")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(
            "io.drover.server.api",
            "io.drover.server.health",
            "io.drover.server.peer",
            "io.drover.server.proxy")
        .check(OURS);
  }

  @Test
  void onlyTheEntrancesKnowTheWebServer() {
    noClasses()
        .that()
        .resideOutsideOfPackages(
            "io.drover.server",
            "io.drover.server.api",
            "io.drover.server.page",
            "io.drover.server.peer",
            "io.drover.server.proxy",
            "io.drover.server.tunnel")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("org.eclipse.jetty..")
        .check(OURS);
  }

  @Test
  void onlyMainSpeaksToTheTerminal() {
    noClasses()
        .that()
        .haveNameNotMatching("io\\.drover\\.server\\.Main(\\$.*)?")
        .should()
        .accessField(System.class, "out")
        .check(OURS);
  }
}
