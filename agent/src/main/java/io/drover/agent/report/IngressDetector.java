package io.drover.agent.report;

import static java.util.Comparator.comparing;

import io.drover.agent.kube.Answer;
import io.drover.agent.view.Kinds;
import io.drover.agent.view.Networking.Ingress;
import io.drover.agent.view.Networking.IngressClass;
import io.drover.proto.report.Capabilities.IngressCapabilities;
import io.drover.proto.report.Details.IngressController;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Ingress controllers: by the classes of Ingresses, and where there are none by what the Ingresses
 * themselves ask for. A class may have outlived its controller, so its workload is looked for too.
 */
final class IngressDetector {
  private static final String PATH = "details.ingressControllers";

  /** The distribution that has a controller of its own, without class and workload. */
  private static final String GKE = "gke";

  private static final String GKE_CLASS = "gce";

  /** A controller; {@code isLeftOver}: there are classes of it, and nothing else. */
  private record Controller(
      IngressController details, @Nullable Boolean customDefaultBackend, boolean isLeftOver) {}

  private final Seen seen;
  private final Findings findings;
  private final ListLimit limit;
  private final Answer<List<IngressClass>> classes;
  private final Answer<List<Ingress>> ingresses;
  private final Finding<List<Controller>> controllers;

  IngressDetector(Seen seen, Findings findings, ListLimit limit, Finding<String> distribution) {
    this.seen = seen;
    this.findings = findings;
    this.limit = limit;
    classes = seen.allIfServed(Kinds.INGRESS_CLASSES, comparing(IngressClass::name));
    ingresses =
        seen.all(Kinds.INGRESSES, comparing(Ingress::namespace).thenComparing(Ingress::name));
    controllers = find(distribution);
  }

  /** The default first. */
  Finding<List<IngressController>> ingressControllers() {
    return switch (controllers) {
      case Finding.Unknown<List<Controller>>(var cause, var detail) ->
          new Finding.Unknown<>(cause, detail);
      case Finding.Known<List<Controller>>(var found, var source, var confidence) -> {
        if (!found.isEmpty()) {
          seen.workloads()
              .<Boolean>unknown()
              .ifPresent(unknown -> findings.take(PATH + ".running", unknown));
          if (ingresses instanceof Answer.Missing<List<Ingress>> missing) {
            findings.take(PATH + ".used", Finding.unknown(missing));
          }
        }
        yield new Finding.Known<>(
            found.stream().map(Controller::details).toList(), source, confidence);
      }
    };
  }

  /** One for each provider, without those of which only a class is left. */
  Finding<List<IngressCapabilities>> capabilities() {
    return switch (controllers) {
      case Finding.Unknown<List<Controller>>(var cause, var detail) ->
          new Finding.Unknown<>(cause, detail);
      case Finding.Known<List<Controller>>(var found, var source, var confidence) -> {
        var byProvider = new LinkedHashMap<String, IngressCapabilities>();
        for (Controller each : found) {
          if (!each.isLeftOver) {
            String provider = each.details.provider();
            byProvider.putIfAbsent(
                provider, new IngressCapabilities(provider, each.customDefaultBackend));
          }
        }
        yield new Finding.Known<>(List.copyOf(byProvider.values()), source, confidence);
      }
    };
  }

  private Finding<List<Controller>> find(Finding<String> distribution) {
    if (classes instanceof Answer.Missing<List<IngressClass>> missing) {
      return Finding.unknown(missing);
    }
    var found = new ArrayList<Controller>();
    Map<String, List<IngressClass>> byController = new TreeMap<>();
    for (IngressClass each : classes.found().orElseThrow()) {
      byController.computeIfAbsent(each.controller(), _ -> new ArrayList<>()).add(each);
    }
    byController.forEach((controller, own) -> found.add(ofClasses(controller, own)));
    Map<String, List<String>> byProvider = new TreeMap<>();
    for (String name : annotated(distribution)) {
      byProvider.computeIfAbsent(providerOf(name), _ -> new ArrayList<>()).add(name);
    }
    byProvider.forEach((provider, names) -> found.add(ofAnnotations(provider, names)));
    found.sort(
        comparing((Controller each) -> !each.details.isDefault())
            .thenComparing(each -> !Boolean.TRUE.equals(each.details.used()))
            .thenComparing(each -> !Boolean.TRUE.equals(each.details.running()))
            .thenComparing(each -> each.details.provider())
            .thenComparing(each -> each.details.controller()));
    if (found.isEmpty()) {
      return none(distribution);
    }
    boolean isSure =
        found.stream()
            .map(Controller::details)
            .allMatch(each -> isTrue(each.running()) || isTrue(each.used()));
    String source = Kinds.INGRESS_CLASSES + ", ingresses and workloads";
    return isSure ? Finding.certain(found, source) : Finding.likely(found, source);
  }

  /** Nothing was found: is that so, or was too little seen? */
  private Finding<List<Controller>> none(Finding<String> distribution) {
    var missing = Seen.missing(List.of(ingresses));
    missing.addAll(seen.workloads().missing());
    if (!missing.isEmpty()) {
      return Finding.unknown(missing.getFirst());
    }
    if (distribution instanceof Finding.Unknown<String>(var cause, var detail)
        && Seen.isFailure(cause)) {
      return new Finding.Unknown<>(cause, detail);
    }
    for (IngressRow known : IngressRow.KNOWN) {
      var own = WorkloadSign.certain(known.workloads(), seen.workloads());
      if (!own.isEmpty()) {
        return Finding.noEvidence(
            WorkloadSign.text(own.getFirst()) + " runs, but nothing says that it serves Ingresses");
      }
    }
    return Finding.likely(List.of(), "no class, no Ingress of another, no known workload");
  }

  private Controller ofClasses(String controller, List<IngressClass> own) {
    var names = own.stream().map(IngressClass::name).toList();
    return described(
        Shape.best(IngressRow.CONTROLLERS, IngressRow::shape, controller),
        controller,
        controller,
        names,
        own.stream().anyMatch(IngressClass::isDefault));
  }

  private Controller ofAnnotations(String provider, List<String> names) {
    var known =
        IngressRow.KNOWN.stream()
            .filter(each -> each.provider().equals(provider))
            .max(comparing(each -> each.isClass()));
    return described(known, provider, "", names, false);
  }

  private Controller described(
      Optional<IngressRow> known,
      String name,
      String controller,
      List<String> classNames,
      boolean isDefault) {
    Boolean used = ingresses.found().map(all -> isUsed(all, classNames, isDefault)).orElse(null);
    var own =
        known.map(k -> WorkloadSign.certain(k.workloads(), seen.workloads())).orElse(List.of());
    boolean canBeSeen =
        known.isPresent()
            && !known.get().managed()
            && !known.get().workloads().isEmpty()
            && seen.workloads().isWhole();
    Boolean running = null;
    if (!own.isEmpty()) {
      running = own.stream().anyMatch(workload -> workload.ready() > 0);
    } else if (canBeSeen && Objects.equals(used, false)) {
      running = false;
    }
    return new Controller(
        new IngressController(
            known.map(IngressRow::provider).orElse(name),
            controller,
            limit.cut("ingressClasses", classNames.stream().filter(n -> !n.isEmpty()).toList()),
            isDefault,
            running,
            used),
        known.map(IngressRow::customDefaultBackend).orElse(null),
        own.isEmpty() && isFalse(running) && !isTrue(used));
  }

  /**
   * Names of classes that there are no objects of: what Ingresses ask for and got, or what a known
   * controller answers to. On GKE, Ingresses without any are its own controller's.
   */
  private List<String> annotated(Finding<String> distribution) {
    var names = new ArrayList<String>();
    var objects = classes.found().orElse(List.of()).stream().map(IngressClass::name).toList();
    boolean isGke =
        distribution instanceof Finding.Known<String>(var id, var _, var _) && id.equals(GKE);
    if (isGke) {
      names.add(GKE_CLASS);
    }
    for (Ingress ingress : ingresses.found().orElse(List.of())) {
      String name = ingress.className();
      boolean isKnown = IngressRow.CLASSES.stream().anyMatch(known -> known.shape().fits(name));
      if (isGke && name.isEmpty() && ingress.hasAddress()) {
        names.add(name);
      } else if (!name.isEmpty() && !objects.contains(name) && (isKnown || ingress.hasAddress())) {
        names.add(name);
      }
    }
    return names.stream().distinct().sorted().toList();
  }

  /** Null: there are addresses for Ingresses without a class, which may be anybody's. */
  private static @Nullable Boolean isUsed(
      List<Ingress> all, List<String> classNames, boolean isDefault) {
    var served = all.stream().filter(Ingress::hasAddress).map(Ingress::className).toList();
    if (served.stream().anyMatch(classNames::contains)) {
      return true;
    }
    if (!served.contains("")) {
      return false;
    }
    return isDefault ? true : null;
  }

  private static String providerOf(String className) {
    return Shape.best(
            IngressRow.CLASSES, IngressRow::shape, className.isEmpty() ? GKE_CLASS : className)
        .map(IngressRow::provider)
        .orElse(className);
  }

  private static boolean isTrue(@Nullable Boolean value) {
    return Boolean.TRUE.equals(value);
  }

  private static boolean isFalse(@Nullable Boolean value) {
    return Boolean.FALSE.equals(value);
  }
}
