package io.drover.agent.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class KnownTableTest {
  @ParameterizedTest
  @ValueSource(
      classes = {
        DistributionDetector.class,
        GatewayDetector.class,
        GpuDetector.class,
        IngressDetector.class,
        LoadBalancerRow.class,
        NetworkPolicyDetector.class,
        NodePoolDetector.class,
        PodSecurityDetector.class,
        StorageDetector.class,
        TaintDetector.class
      })
  void everyTableOfOursCanBeRead(Class<?> owner) {
    assertThatCode(() -> Class.forName(owner.getName())).doesNotThrowAnyException();
  }

  private static List<String> parse(String table) {
    return KnownTable.parse("test", FakeView.json(table), row -> row.text("name"));
  }

  @Test
  void rowsKeepTheirOrder() {
    assertThat(parse("[{name:'b',source:'s'},{name:'a',source:'s'}]")).containsExactly("b", "a");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{}",
        "[]",
        "[1]",
        "[{name:'a'}]",
        "[{source:'s'}]",
        "[{name:'',source:'s'}]",
        "[{name:7,source:'s'}]",
        "[{name:'a',source:'s',other:true}]"
      })
  void malformedRowIsNamed(String table) {
    assertThatThrownBy(() -> parse(table))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageStartingWith("test");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{texts:'a'}",
        "{texts:['']}",
        "{lists:[[]]}",
        "{lists:['a']}",
        "{flag:'yes'}",
        "{number:'1'}",
        "{map:{a:1}}",
        "{map:'a'}",
        "{rows:{}}",
        "{rows:['a']}",
        "{row:'a'}",
        "{row:{more:'a'}}",
        "{rows:[{more:'a'}]}",
        "{number:1,match:'regex',shape:'a'}",
        "{number:1,match:'exact'}"
      })
  void fieldOfAnotherTypeIsRefused(String fields) {
    String row = "[" + fields.replaceFirst("\\{", "{source:'s',") + "]";

    assertThatThrownBy(
            () ->
                KnownTable.parse(
                    "test",
                    FakeView.json(row),
                    each -> {
                      each.texts("texts");
                      each.textLists("lists");
                      each.flag("flag");
                      each.map("map");
                      each.row("row");
                      each.rows("rows");
                      Shape.of(each, "shape");
                      return each.number("number");
                    }))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageStartingWith("test[0]");
  }

  @Test
  void tableThatIsNotThereIsRefused() {
    assertThatThrownBy(() -> KnownTable.read("nothing", row -> row))
        .hasMessage("known/nothing.json is not there");
  }

  @Test
  void exactShapeBeatsLongerPrefix() {
    var shapes =
        List.of(
            new Shape("a.b/", Shape.Match.PREFIX),
            new Shape("a.b/c", Shape.Match.EXACT),
            new Shape("a.", Shape.Match.PREFIX),
            new Shape("/z", Shape.Match.SUFFIX));

    assertThat(Shape.best(shapes, shape -> shape, "a.b/c")).contains(shapes.get(1));
    assertThat(Shape.best(shapes, shape -> shape, "a.b/d")).contains(shapes.getFirst());
    assertThat(Shape.best(shapes, shape -> shape, "q/z")).contains(shapes.get(3));
    assertThat(Shape.best(shapes, shape -> shape, "q")).isEmpty();
  }

  @Test
  void imageIsComparedWithoutRegistryTagAndDigest() {
    assertThat(Image.path("traefik:v3")).isEqualTo("library/traefik");
    assertThat(Image.path("rancher/klipper-lb:v0.4.9")).isEqualTo("rancher/klipper-lb");
    assertThat(Image.path("reg.example:5000/a/b@sha256:0")).isEqualTo("a/b");
    assertThat(Image.path("localhost/a:1@sha256:0")).isEqualTo("a");
    assertThat(Image.tag("reg.example:5000/a/b")).isEmpty();
    assertThat(Image.tag("a/b:v1@sha256:0")).isEqualTo("v1");
  }
}
