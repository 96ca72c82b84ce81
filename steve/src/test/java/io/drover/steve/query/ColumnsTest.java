package io.drover.steve.query;

import static io.drover.steve.Objects.object;
import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ColumnsTest {
  private static final Instant NOW = Instant.parse("2026-01-05T12:00:00Z");

  @ParameterizedTest
  @CsvSource({
    "metadata.name, metadata.name",
    "metadata.fields[3], metadata.fields[3]",
    "metadata.fields.3, metadata.fields[3]",
    "metadata.fields[3][1], metadata.fields[3][1]",
    "metadata.labels[a.b/c], metadata.labels[a.b/c]",
    "metadata.labels.color, metadata.labels.color",
    "metadata.labels[color], metadata.labels.color",
    "spec.containers[1].image, spec.containers[1].image",
    "metadata.labels[], metadata[labels[]]",
    "'', ''",
  })
  void fieldsHaveOneName(String text, String column) {
    assertThat(Field.parse(text).column()).isEqualTo(column);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      textBlock =
          """
          id ; n/a
          metadata.name ; a
          metadata.namespace ; n
          metadata.state.error ; true
          metadata.labels[x.io/y] ; z
          metadata.labels[empty] ; ''
          metadata.labels[nosuch] ;
          metadata.fields[0] ; a
          metadata.fields[3] ; 4
          metadata.fields[3][0] ; 4
          metadata.fields[3][1] ; 1767607200000
          metadata.fields[4] ; ''
          metadata.fields[9] ; ''
          spec.containers.image ; i:1|j:2
          spec.ports ; 80|443
          spec.none ; ''
          spec ; ''
          _type ; Opaque
          """)
  void textsAreRead(String field, String text) {
    var object =
        object(
            """
            {type:'Opaque',metadata:{namespace:'n',name:'a',state:{error:true},
                labels:{'x.io/y':'z',empty:''},
                fields:['a','1/1','Up',['4','1767607200000'],null]},
              spec:{containers:[{image:'i:1'},{name:'x'},{image:'j:2'}],ports:[80,443],none:null}}\
            """);

    assertThat(QueryTest.PODS.text(object, Field.parse(field))).isEqualTo(text);
  }

  @Test
  void renamedTypeIsTheType() {
    assertThat(QueryTest.PODS.text(object("{type:'secret',_type:'Opaque'}"), Field.parse("_type")))
        .isEqualTo("Opaque");
  }

  @Test
  void printedAgesBecomeMomentsAndAgesAgain() {
    var columns =
        new Columns(
            "pod",
            true,
            List.of(
                new TableColumn("Age", "string", "", null),
                new TableColumn("Last Seen", "string", "", null),
                new TableColumn("Since", "date", "", Field.parse("status.since")),
                new TableColumn("Restarts", "string", "", null),
                new TableColumn("Other", "date", "", null)));
    var object =
        object(
            """
            {metadata:{creationTimestamp:'2026-01-05T11:59:00Z',
                fields:['61s','2m3s','<none>','4 (3h38m ago)','<unknown>']},
              status:{since:'2026-01-01T00:00:00Z'}}\
            """);

    columns.keepTimes(object, NOW);

    assertThat(object.path("metadata").path("fields"))
        .isEqualTo(
            object(
                    """
                    {is:['1767614340000','1767614277000','1767225600000',
                      ['4','1767601320000'],'<unknown>']}\
                    """)
                .path("is"));

    columns.showTimes(object, NOW.plus(Duration.ofMinutes(30)));

    assertThat(object.path("metadata").path("fields"))
        .isEqualTo(
            object("{is:['31m','32m','2026-01-01T00:00:00Z','4 (4h8m ago)','<unknown>']}")
                .path("is"));
  }

  @ParameterizedTest
  @CsvSource({
    "-2, <invalid>",
    "-1, 0s",
    "0, 0s",
    "119, 119s",
    "120, 2m",
    "125, 2m5s",
    "599, 9m59s",
    "600, 10m",
    "10799, 179m",
    "10800, 3h",
    "10860, 3h1m",
    "28799, 7h59m",
    "28800, 8h",
    "172799, 47h",
    "172800, 2d",
    "176400, 2d1h",
    "691199, 7d23h",
    "691200, 8d",
    "63071999, 729d",
    "63072000, 2y",
    "63158400, 2y1d",
    "252288000, 8y",
    "252374400, 8y",
  })
  void agesAreWrittenAsKubernetesDoes(long seconds, String text) {
    assertThat(Ages.text(Duration.ofSeconds(seconds))).isEqualTo(text);
  }

  @ParameterizedTest
  @CsvSource({"5d, 432000", "2m5s, 125", "2y1d, 63158400", "0s, 0"})
  void agesAreRead(String text, long seconds) {
    assertThat(Ages.parse(text)).isEqualTo(Duration.ofSeconds(seconds));
  }

  @ParameterizedTest
  @CsvSource({"<none>", "''", "5", "5d x", "99999999999999s"})
  void whatIsNoAgeIsNone(String text) {
    assertThat(Ages.parse(text)).isNull();
  }

  @Test
  void objectsWithoutCellsStayAsTheyAre() {
    var object = object("{metadata:{name:'a'}}");

    QueryTest.PODS.keepTimes(object, NOW);
    QueryTest.PODS.showTimes(object, NOW);

    assertThat(object).isEqualTo(object("{metadata:{name:'a'}}"));
  }
}
