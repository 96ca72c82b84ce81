package io.drover.steve.query;

import static io.drover.steve.Objects.object;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Requests as strings: what they match, in which order, or what is wrong with them. */
class QueryTest {
  static final Columns PODS =
      new Columns(
          "pod",
          true,
          List.of(
              new TableColumn("Name", "string", "", null),
              new TableColumn("Ready", "string", "", null),
              new TableColumn("Status", "string", "", null),
              new TableColumn("Restarts", "string", "", null)));

  private static final Projects PROJECTS =
      new Projects(Map.of("shop", "p-1", "bank", "p-1", "lab", "p-2", "free", ""));

  private static final List<ObjectNode> OBJECTS =
      List.of(
          pod("shop", "web-0", "app:'web',size:'9'", "10.0.0.10", "Running", "a:1|b:2"),
          pod("shop", "Web-1", "app:'Web',size:'10','x.io/y':'z'", "10.0.0.9", "Running", "a:1"),
          pod("bank", "db-0", "app:''", "", "Pending", "c:3"),
          pod("lab", "cat-0", "", "fd00::1", "Running", ""));

  private static ObjectNode pod(
      String namespace, String name, String labels, String ip, String state, String images) {
    var object =
        object(
            """
            {apiVersion:'v1',kind:'Pod',
              metadata:{namespace:'%s',name:'%s',labels:{%s},state:{name:'%s'},
                fields:['%s','1/1','%s','%d']},
              status:{podIP:'%s'},spec:{containers:[]}}\
            """
                .formatted(namespace, name, labels, state, name, state, name.length(), ip));
    for (var image : images.split("\\|", -1)) {
      object.withObject("/spec").withArray("containers").addObject().put("image", image);
    }
    return object;
  }

  /** Of the grammar of 2.11 and newer. */
  @ParameterizedTest
  @CsvSource(
      delimiterString = " => ",
      quoteCharacter = '`',
      ignoreLeadingAndTrailingWhitespace = false,
      textBlock =
          """
          metadata.name=web-0 => web-0
          metadata.name==web-0 => web-0
           metadata.name = web-0  => web-0
          metadata.name="web-0" => web-0
          metadata.name='web-0' => web-0
          metadata.name=web => -
          metadata.name=WEB-0 => -
          metadata.name=web-0,metadata.name=db-0 => db-0 web-0
          metadata.name!=web-0 => Web-1 cat-0 db-0
          metadata.name~WEB => Web-1 web-0
          metadata.name!~web => cat-0 db-0
          metadata.name~"%" => -
          metadata.name~_ => -
          metadata.name in (web-0,db-0) => db-0 web-0
          metadata.name IN ( web-0 , db-0 ) => db-0 web-0
          metadata.name notin (web-0) => Web-1 cat-0 db-0
          metadata.name in () => -
          metadata.name in (,web-0) => web-0
          metadata.name notin () => Web-1 cat-0 db-0 web-0
          metadata.name in (in,notin) => -
          id=shop/web-0 => web-0
          id~shop/ => Web-1 web-0
          metadata.state.name=Pending => db-0
          metadata.fields[0]=db-0 => db-0
          metadata.fields.0=db-0 => db-0
          metadata.fields[3]=5 => Web-1 cat-0 web-0
          metadata.fields[3]=5.0 => Web-1 cat-0 web-0
          metadata.fields[3][0]<5 => db-0
          metadata.fields[3]>4 => Web-1 cat-0 web-0
          metadata.fields[3] gt 4 => Web-1 cat-0 web-0
          metadata.fields[3] lt 5 => db-0
          metadata.fields[3][1]>0 => -
          metadata.labels[app]=web => web-0
          metadata.labels.app=web => web-0
          metadata.labels[x.io/y]=z => Web-1
          metadata.labels[app] => Web-1 db-0 web-0
          metadata.labels.app => Web-1 db-0 web-0
          !metadata.labels[app] => cat-0
          !metadata.labels[x.io/y],metadata.labels[size]=10 => Web-1 cat-0 db-0 web-0
          metadata.labels[app]!=web => Web-1 cat-0 db-0
          metadata.labels[app] notin (web,Web) => cat-0 db-0
          metadata.labels[app]!~web => cat-0 db-0
          metadata.labels[app]="" => db-0
          metadata.labels[app] in () => db-0
          metadata.labels[size]<10 => web-0
          metadata.labels[size]>9 => Web-1
          spec.containers.image="a:1|b:2" => web-0
          spec.containers.image contains b:2 => web-0
          spec.containers.image CONTAINS a:1 => Web-1 web-0
          spec.containers.image notcontains a:1 => cat-0 db-0
          spec.containers.image~B:2 => web-0
          status.podIP="" => db-0
          status.podIP!="" => Web-1 cat-0 web-0
          `` => Web-1 cat-0 db-0 web-0
          """)
  void selectorMatches(String filter, String names) throws Exception {
    assertThat(ask(Dialect.NEWEST, Map.of("filter", List.of(filter), "sort", List.of("id"))))
        .hasSize(names.strip().equals("-") ? 0 : names.strip().split(" ", -1).length)
        .containsExactlyInAnyOrderElementsOf(
            names.strip().equals("-") ? List.of() : List.of(names.strip().split(" ", -1)));
  }

  @ParameterizedTest
  @CsvSource(
      delimiterString = " => ",
      quoteCharacter = '`',
      textBlock =
          """
          metadata.name => 500 existence tests are valid only for labels; not valid for field 'metadata.name'
          !metadata.name => 500 existence tests are valid only for labels; not valid for field 'metadata.name'
          metadata.labels[] => 422 column is invalid [metadata[labels[]]]: supplied column is invalid
          ( => 500 found '(', expected: !, identifier, or 'end of string'
          , => 500 found ',', expected: !, identifier, or 'end of string'
          "a"=b => 500 found 'a', expected: !, identifier, or 'end of string'
          ! => 500 found '', expected: identifier
          !! => 500 found '!', expected: identifier
          contains=1 => 500 found 'contains', expected: identifier
          notcontains=1 => 500 found 'notcontains', expected: !, identifier, or 'end of string'
          id= => 500 found end of a query string, expected: a comparison value
          id=,id=a => 500 found end of a query string, expected: a comparison value
          id=a, => 500 found '', expected: identifier after ','
          id=a b => 500 found 'b', expected: ',' or 'end of string'
          id a => 500 found 'a', expected: in, notin, =, ==, !=, ~, !~, gt, lt
          id ! a => 500 found '!', expected: in, notin, =, ==, !=, ~, !~, gt, lt
          id LT 5 => 500 found 'LT', expected: in, notin, =, ==, !=, ~, !~, gt, lt
          id>=5 => 500 found '=', expected: identifier
          id=contains => 500 found 'contains', expected: identifier
          id~% => 500 found 'unexpected character '%'', expected: identifier
          id="abc => 500 found 'unterminated string starting with 'abc'', expected: identifier
          id="abcdefghijklmnop => 500 found 'unterminated string starting with 'abcdefghij...'', expected: identifier
          id>x => 500 values[0]: Invalid value: "x": for 'Gt', 'Lt' operators, the value must be an integer
          id<1.5 => 500 values[0]: Invalid value: "1.5": for 'Gt', 'Lt' operators, the value must be an integer
          id in a => 500 found 'a' expected: '('
          id in ( => 500 found '', expected: ',', ')' or identifier
          id in ("a") => 500 found 'a', expected: ',', ')' or identifier
          id in (a => 500 found '', expected: ',' or ')'
          id in (a b) => 500 found 'b', expected: ',' or ')'
          id in (a, => 500 found '', expected: ',', or identifier
          nosuch=x => 422 column is invalid [nosuch]: supplied column is invalid
          spec.containers[1].image~x => 422 column is invalid [spec.containers[1].image]: supplied column is invalid
          metadata.labels[a=x => 422 column is invalid [metadata[labels[a]]: supplied column is invalid
          metadata.labels=x => 422 column is invalid [metadata.labels]: supplied column is invalid
          metadata.fields[4]=x => 422 column is invalid [metadata.fields[4]]: supplied column is invalid
          """)
  void selectorIsRefused(String filter, String error) {
    assertThatThrownBy(() -> ask(Dialect.NEWEST, Map.of("filter", List.of(filter))))
        .isInstanceOfSatisfying(
            QueryException.class,
            e -> assertThat(e.status() + " " + e.getMessage()).isEqualTo(error));
  }

  @ParameterizedTest
  @CsvSource(
      delimiterString = " => ",
      quoteCharacter = '`',
      textBlock =
          """
          metadata.name=web => Web-1 web-0
          metadata.name='web' => -
          metadata.name='web-0' => web-0
          metadata.name!=web => cat-0 db-0
          metadata.name!='web-0' => Web-1 cat-0 db-0
          metadata.labels[x.io/y]=z => Web-1
          odd => Web-1 cat-0 db-0 web-0
          a=b=c => Web-1 cat-0 db-0 web-0
          """)
  void earlyFilterMatches(String filter, String names) throws Exception {
    assertThat(ask(Dialect.EARLY_SQL, Map.of("filter", List.of(filter))))
        .containsExactlyInAnyOrderElementsOf(
            names.equals("-") ? List.of() : List.of(names.split(" ", -1)));
  }

  @ParameterizedTest
  @CsvSource(
      delimiterString = " => ",
      quoteCharacter = '`',
      textBlock =
          """
          metadata.name=web => web-0
          metadata.name='web' => -
          metadata.name!=eb => db-0 cat-0
          metadata.name=web,metadata.name=db => web-0 db-0
          metadata.name=web,odd => web-0
          metadata.name= => web-0 Web-1 db-0 cat-0
          metadata.nosuch=x => -
          metadata.nosuch!=x => web-0 Web-1 db-0 cat-0
          metadata.labels=web => -
          metadata.labels.app=eb => web-0 Web-1
          spec.containers.image=b:2 => web-0
          spec.containers=b:2 => -
          metadata.fields=Pend => db-0
          metadata.fields.9=Pend => db-0
          metadata.name.odd=web => -
          odd => -
          `` => -
          """)
  void classicFilterMatches(String filter, String names) throws Exception {
    assertThat(ask(Dialect.CLASSIC, Map.of("filter", List.of(filter))))
        .isEqualTo(names.equals("-") ? List.of() : List.of(names.split(" ", -1)));
  }

  @Test
  void classicNumbersContainNothingAndBooleansTheirWords() throws Exception {
    var object = object("{spec:{replicas:12,paused:true,ports:[8080,'http']}}");

    for (var row :
        Map.of(
                "spec.replicas=1", false,
                "spec.paused=tru", true,
                "spec.ports=80", false,
                "spec.ports=htt", true)
            .entrySet()) {
      var query = Query.parse(Dialect.CLASSIC, PODS, Map.of("filter", List.of(row.getKey())));
      assertThat(query.matches(object, PODS, PROJECTS)).as(row.getKey()).isEqualTo(row.getValue());
    }
  }

  @Test
  void severalFiltersMustAllHold() throws Exception {
    var filters = List.of("metadata.name~web", "metadata.labels[size]=10");

    assertThat(ask(Dialect.NEWEST, Map.of("filter", filters))).containsExactly("Web-1");
  }

  @ParameterizedTest
  @CsvSource(
      delimiterString = " => ",
      quoteCharacter = '`',
      textBlock =
          """
          `` => db-0 cat-0 Web-1 web-0
          - => db-0 cat-0 Web-1 web-0
          metadata.name => cat-0 db-0 web-0 Web-1
          -metadata.name => Web-1 web-0 db-0 cat-0
          metadata.namespace,-metadata.name, => db-0 cat-0 Web-1 web-0
          metadata.labels[app],metadata.name => db-0 web-0 Web-1 cat-0
          -metadata.labels[app],metadata.name => cat-0 web-0 Web-1 db-0
          metadata.labels[size] => Web-1 web-0 db-0 cat-0
          metadata.fields[3],metadata.name => db-0 cat-0 web-0 Web-1
          ip(status.podIP) => db-0 Web-1 web-0 cat-0
          -ip(status.podIP) => cat-0 web-0 Web-1 db-0
          status.podIP => db-0 web-0 Web-1 cat-0
          """)
  void newestSortIgnoresCase(String sort, String names) throws Exception {
    assertThat(ask(Dialect.NEWEST, Map.of("sort", List.of(sort))))
        .containsExactly(names.split(" ", -1));
  }

  @Test
  void olderSortsGoByCase() throws Exception {
    assertThat(ask(Dialect.SELECTORS, Map.of("sort", List.of("metadata.name"))))
        .containsExactly("Web-1", "cat-0", "db-0", "web-0");
    assertThat(ask(Dialect.CLASSIC, Map.of("sort", List.of("metadata.name"))))
        .containsExactly("Web-1", "cat-0", "db-0", "web-0");
  }

  @Test
  void earlySortHasTwoKeys() throws Exception {
    assertThat(
            Query.parse(Dialect.EARLY_SQL, PODS, Map.of("sort", List.of("id,metadata.name,-id")))
                .sort())
        .hasSize(2);
  }

  @Test
  void classicSortKeepsTheOrderOfEquals() throws Exception {
    assertThat(ask(Dialect.CLASSIC, Map.of())).containsExactly("web-0", "Web-1", "db-0", "cat-0");
    assertThat(ask(Dialect.CLASSIC, Map.of("sort", List.of("metadata.labels[x.io/y],nosuch"))))
        .containsExactly("web-0", "db-0", "cat-0", "Web-1");
    assertThat(ask(Dialect.CLASSIC, Map.of("sort", List.of("-metadata.fields[3]"))))
        .containsExactly("web-0", "Web-1", "cat-0", "db-0");
  }

  @ParameterizedTest
  @CsvSource({
    "nosuch, 422, column is invalid [nosuch]: supplied column is invalid",
    "ip(nosuch), 422, column is invalid [nosuch]: supplied column is invalid",
  })
  void unknownSortColumnsAreRefused(String sort, int status, String message) {
    assertThatThrownBy(() -> ask(Dialect.NEWEST, Map.of("sort", List.of(sort))))
        .isInstanceOfSatisfying(QueryException.class, e -> assertThat(e.status()).isEqualTo(status))
        .hasMessage(message);
  }

  @ParameterizedTest
  @CsvSource({
    "1, 3, cat-0 db-0 web-0",
    "2, 3, Web-1",
    "3, 3, ''",
    "0, 3, cat-0 db-0 web-0",
    "x, 3, cat-0 db-0 web-0",
    "2, 0, cat-0 db-0 web-0 Web-1",
    "2, -1, cat-0 db-0 web-0 Web-1",
    "2, x, cat-0 db-0 web-0 Web-1",
    "2147483647, 2147483647, ''",
  })
  void pagesAreCut(String page, String size, String names) throws Exception {
    var query =
        Query.parse(
            Dialect.NEWEST,
            PODS,
            Map.of(
                "sort",
                List.of("metadata.name"),
                "page",
                List.of(page),
                "pagesize",
                List.of(size)));

    var listing = Listing.of(query, OBJECTS, PODS, PROJECTS);

    assertThat(names(listing)).isEqualTo(names);
    assertThat(listing.count()).isEqualTo(4);
  }

  @Test
  void pagesAreCounted() {
    assertThat(new Page(0, 8).pages(25)).isEqualTo(4);
    assertThat(new Page(0, 5).pages(25)).isEqualTo(5);
    assertThat(new Page(0, 0).pages(25)).isZero();
    assertThat(new Page(0, 8).next(25)).isEqualTo("8");
    assertThat(new Page(16, 9).next(25)).isEmpty();
    assertThat(new Page(50, 8).next(25)).isEmpty();
    assertThat(new Page(0, 0).next(25)).isEmpty();
  }

  /** Servers 2.9 to 2.11: chunks and pages at once, as stock adds them up. */
  @ParameterizedTest
  @CsvSource({
    "8, 16, '', '', 16, 8",
    "'', '', '', '', 0, 100000",
    "-1, '', '', '', 0, 0",
    "8, 3, 2, 5, 8, 5",
    "3, '', 2, 5, 5, 3",
    "8, -4, '', '', 0, 8",
  })
  void earlyChunksArePages(
      String limit, String resume, String page, String size, long first, int rows)
      throws Exception {
    var parameters =
        Map.of(
            "limit", List.of(limit),
            "continue", List.of(resume),
            "page", List.of(page),
            "pagesize", List.of(size));

    for (var dialect : List.of(Dialect.EARLY_SQL, Dialect.FIRST_SELECTORS)) {
      assertThat(Query.parse(dialect, PODS, parameters).page()).isEqualTo(new Page(first, rows));
    }
  }

  @Test
  void oddEarlyChunksAreRefused() {
    assertThatThrownBy(() -> ask(Dialect.EARLY_SQL, Map.of("continue", List.of("zzz"))))
        .hasMessage("strconv.Atoi: parsing \"zzz\": invalid syntax");
  }

  @ParameterizedTest
  @CsvSource({
    "projectsornamespaces, p-1, db-0 web-0 Web-1",
    "projectsornamespaces, 'p-1,lab', cat-0 db-0 web-0 Web-1",
    "projectsornamespaces, shop, web-0 Web-1",
    "projectsornamespaces, ',shop,,shop', web-0 Web-1",
    "projectsornamespaces, 'shop,nosuch', web-0 Web-1",
    "projectsornamespaces, nosuch, ''",
    "projectsornamespaces!, p-1, cat-0",
    "projectsornamespaces!, 'shop,lab', db-0",
    "projectsornamespaces!, nosuch, cat-0 db-0 web-0 Web-1",
    "projectsornamespaces, '', cat-0 db-0 web-0 Web-1",
  })
  void projectsStandForTheirNamespaces(String parameter, String value, String names)
      throws Exception {
    var parameters = Map.of(parameter, List.of(value), "sort", List.of("metadata.name"));

    for (var dialect : List.of(Dialect.NEWEST, Dialect.SELECTORS, Dialect.EARLY_SQL)) {
      assertThat(ask(dialect, parameters))
          .containsExactlyInAnyOrderElementsOf(
              names.isEmpty() ? List.of() : List.of(names.split(" ", -1)));
    }
  }

  @Test
  void namespacesThemselvesAreInProjects() throws Exception {
    var namespace =
        object(
            """
            {apiVersion:'v1',kind:'Namespace',
              metadata:{name:'shop',labels:{'field.cattle.io/projectId':'p-1'}}}\
            """);
    var node = object("{apiVersion:'v1',kind:'Node',metadata:{name:'shop'}}");
    var in = Map.of("projectsornamespaces", List.of("p-1"));
    var out = Map.of("projectsornamespaces!", List.of("p-1"));

    assertThat(Query.parse(Dialect.NEWEST, PODS, in).matches(namespace, PODS, PROJECTS)).isTrue();
    assertThat(Query.parse(Dialect.NEWEST, PODS, out).matches(namespace, PODS, PROJECTS)).isFalse();
    assertThat(Query.parse(Dialect.NEWEST, PODS, in).matches(node, PODS, PROJECTS)).isFalse();
    assertThat(Query.parse(Dialect.NEWEST, PODS, out).matches(node, PODS, PROJECTS)).isTrue();
    assertThat(Query.parse(Dialect.CLASSIC, PODS, in).matches(namespace, PODS, PROJECTS)).isFalse();
    assertThat(Query.parse(Dialect.CLASSIC, PODS, out).matches(node, PODS, PROJECTS)).isFalse();
  }

  @Test
  void earlyServersMissUnknownProjects() throws Exception {
    var parameters = Map.of("projectsornamespaces", List.of("nosuch"));

    Query.parse(Dialect.NEWEST, PODS, parameters).checkProjects(PROJECTS);
    assertThatThrownBy(
            () -> Query.parse(Dialect.EARLY_SQL, PODS, parameters).checkProjects(PROJECTS))
        .isInstanceOfSatisfying(QueryException.class, e -> assertThat(e.status()).isEqualTo(404))
        .hasMessageContaining("could not find any namespaces named [nosuch]");
  }

  @Test
  void revisionsMustBeKnown() throws Exception {
    for (var old : List.of("", "-1", "0", "41", "42")) {
      Query.parse(Dialect.NEWEST, PODS, Map.of("revision", List.of(old))).checkRevision(42);
    }
    assertThatThrownBy(
            () ->
                Query.parse(Dialect.NEWEST, PODS, Map.of("revision", List.of("43")))
                    .checkRevision(42))
        .isInstanceOfSatisfying(
            QueryException.class,
            e -> assertThat(e.status() + e.code()).isEqualTo("400unknown revision"));
    assertThatThrownBy(() -> Query.parse(Dialect.NEWEST, PODS, Map.of("revision", List.of("x"))))
        .isInstanceOfSatisfying(
            QueryException.class,
            e -> assertThat(e.status() + e.code()).isEqualTo("400invalid revision query param"))
        .hasMessage("value x for revision query param is not valid");
    assertThat(Query.parse(Dialect.CLASSIC, PODS, Map.of("revision", List.of("x"))).revision())
        .isEqualTo("x");
  }

  @Test
  void limitsHoldForThoseWhoKnowThem() throws Exception {
    var parameters = Map.of("limit", List.of("8"), "continue", List.of("16"));

    assertThat(Query.parse(Dialect.NEWEST, PODS, parameters).limit()).isZero();
    assertThat(Query.parse(Dialect.NEWEST, PODS, parameters).page()).isEqualTo(new Page(0, 0));
    assertThat(Query.parse(Dialect.CLASSIC, PODS, parameters).page()).isEqualTo(new Page(0, 0));
    assertThat(Query.parse(Dialect.CLASSIC, PODS, parameters).limit()).isEqualTo(8);
    assertThat(Query.parse(Dialect.CLASSIC, PODS, parameters).resume()).isEqualTo("16");
    assertThat(Query.parse(Dialect.CLASSIC, PODS, Map.of()).limit()).isEqualTo(100_000);
    assertThat(Query.parse(Dialect.CLASSIC, PODS, Map.of("limit", List.of("-1"))).limit()).isZero();
  }

  @Test
  void talliesSayWhatIsCounted() throws Exception {
    var tally =
        Query.parse(
                Dialect.NEWEST,
                PODS,
                Map.of(
                    "summary", List.of("metadata.state.name,metadata.labels[app]"),
                    "summaryonly", List.of(""),
                    "summarynamespaced", List.of("false")))
            .tally();

    assertThat(tally)
        .isEqualTo(
            new Tally(
                List.of(Field.parse("metadata.state.name"), Field.parse("metadata.labels[app]")),
                true,
                false));
    assertThat(Query.parse(Dialect.CLASSIC, PODS, Map.of("summaryonly", List.of(""))).tally())
        .isNull();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "id,| unable to parse requirement: empty summary parameter doesn't make sense",
        "nosuch| column is invalid [nosuch]: supplied column is invalid",
      })
  void oddTalliesAreRefused(String summary, String message) {
    assertThatThrownBy(() -> ask(Dialect.NEWEST, Map.of("summary", List.of(summary))))
        .hasMessage(message);
  }

  @Test
  void talliesOfNothingAndSeveralTalliesAreRefused() {
    assertThatThrownBy(() -> ask(Dialect.NEWEST, Map.of("summaryonly", List.of("true"))))
        .hasMessage("got a summaryonly parameter but no summary fields");
    assertThatThrownBy(() -> ask(Dialect.NEWEST, Map.of("summary", List.of("id", "id"))))
        .hasMessageContaining("expecting at most one summary parameter");
  }

  @Test
  void hostileRequestsAreRefused() {
    var part = "metadata.name=a";
    refused(
        "more than 256 conditions: ask for fewer",
        "filter",
        List.of(String.join(",", Collections.nCopies(10_000, part))));
    refused(
        "more than 256 conditions: ask for fewer",
        "filter",
        Collections.nCopies(3, String.join(",", Collections.nCopies(100, part))));
    refused("more than 64 filters: ask for fewer", "filter", Collections.nCopies(65, part));
    var values = IntStream.range(0, 10_000).mapToObj(i -> "v" + i);
    refused(
        "more than 5000 values in a filter: ask for fewer",
        "filter",
        List.of("id in (" + values.collect(Collectors.joining(",")) + ")"));
    refused(
        "more than 262144 letters in a filter: ask for fewer",
        "filter",
        List.of("id=" + "a".repeat(262_144)));
    refused(
        "more than 32 sort keys: ask for fewer",
        "sort",
        List.of(String.join(",", Collections.nCopies(10_000, "id"))));
    refused(
        "more than 32 summary fields: ask for fewer",
        "summary",
        List.of(String.join(",", Collections.nCopies(10_000, "id"))));
    refused(
        "more than 256 parameters exclude: ask for fewer",
        "exclude",
        Collections.nCopies(10_000, "a"));
    var projects = IntStream.range(0, 10_000).mapToObj(i -> "p" + i);
    refused(
        "more than 5000 projects and namespaces: ask for fewer",
        "projectsornamespaces",
        List.of(projects.collect(Collectors.joining(","))));
  }

  @Test
  void hostileEquationsAreRefused() {
    var filter = String.join(",", Collections.nCopies(10_000, "a=b"));
    for (var dialect : List.of(Dialect.CLASSIC, Dialect.EARLY_SQL)) {
      assertThatThrownBy(() -> Query.parse(dialect, PODS, Map.of("filter", List.of(filter))))
          .hasMessage("more than 256 conditions: ask for fewer");
    }
  }

  private static void refused(String message, String parameter, List<String> values) {
    assertThatThrownBy(() -> Query.parse(Dialect.NEWEST, PODS, Map.of(parameter, values)))
        .isInstanceOfSatisfying(QueryException.class, e -> assertThat(e.status()).isEqualTo(422))
        .hasMessage(message);
  }

  private static List<String> ask(Dialect dialect, Map<String, List<String>> parameters)
      throws QueryException {
    var query = Query.parse(dialect, PODS, parameters);
    var names = names(Listing.of(query, OBJECTS, PODS, PROJECTS));
    return names.isEmpty() ? List.of() : List.of(names.split(" ", -1));
  }

  private static String names(Listing listing) {
    return listing.rows().stream()
        .map(row -> row.path("metadata").path("name").asText())
        .collect(Collectors.joining(" "));
  }
}
